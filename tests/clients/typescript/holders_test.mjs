// SPDX-License-Identifier: Apache-2.0
//
// Several parts of a page on one channel: each call of channel(), private() or join() gives an
// object with handlers of its own, and leaving takes back no others.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codes,
  connectedWorld,
  event,
  joined,
  reconnect,
  refused,
  settle,
  subscribed,
  unsubscribed,
  whisper,
} from "./world.mjs";

const ROOM = "presence-room";
const types = (socket) => socket.take().map(({ type }) => type);

/** A component of a page, as with React: mounted it listens, and returns its unmount function. */
function component(herald, heard, id) {
  const room = herald.join("room").listen("said", (text) => heard.push(`${id} ${text}`));
  return () => room.leave();
}

function page(t) {
  const made = connectedWorld(t);
  const heard = [];
  const say = (...messages) => messages.forEach((message) => made.browser.socket.say(message));
  const mount = (id) => component(made.herald, heard, id);
  return { ...made, made, heard, say, mount };
}

for (const first of [0, 1]) {
  test(`of two components, number ${first + 1} leaves, and the other goes on`, async (t) => {
    const { made, browser, herald, heard, say, mount, errors } = page(t);
    const unmounts = [mount("a"), mount("b")];
    say(subscribed(ROOM, "ada"));
    browser.socket.take();
    unmounts[first]();
    say(event(ROOM, "said", 1));
    assert.deepEqual(heard, [["b 1"], ["a 1"]][first]);
    assert.deepEqual(types(browser.socket), []);
    await reconnect(made);
    assert.deepEqual(types(browser.socket), ["subscribe"]);
    say(subscribed(ROOM, "ada"), event(ROOM, "said", 2));
    assert.equal(heard.length, 2);
    unmounts[1 - first]();
    assert.deepEqual(types(browser.socket), ["unsubscribe"]);
    assert.deepEqual(herald.channels, []);
    assert.deepEqual(errors, []);
  });
}

test("mounts and unmounts in any order leave no handler behind", (t) => {
  const { herald, browser, heard, say, mount } = page(t);
  const stays = mount("stays");
  say(subscribed(ROOM));
  for (let i = 0; i < 100; i++) mount(i)();
  const another = mount("another");
  say(event(ROOM, "said", 1));
  assert.deepEqual(heard, ["stays 1", "another 1"]);
  browser.socket.take();
  stays();
  another();
  assert.deepEqual(types(browser.socket), ["unsubscribe"]);
  assert.deepEqual(herald.channels, []);
});

test("React's double mount of two components ends with both subscribed, once each", (t) => {
  const { heard, say, mount } = page(t);
  mount("a")();
  mount("b")();
  mount("a");
  mount("b");
  say(unsubscribed(ROOM), unsubscribed(ROOM), subscribed(ROOM), event(ROOM, "said", 1));
  assert.deepEqual(heard, ["a 1", "b 1"]);
});

test("one function on two objects is called by each, until that one leaves", (t) => {
  const { herald, browser } = connectedWorld(t);
  const heard = [];
  const print = (data) => heard.push(data);
  const [a, b] = [1, 2].map(() => herald.channel("news").listen("e", print));
  browser.socket.say(subscribed("news"));
  browser.socket.say(event("news", "e", 1));
  a.stopListening("e", print);
  browser.socket.say(event("news", "e", 2));
  b.leave();
  browser.socket.say(event("news", "e", 3));
  assert.deepEqual(heard, [1, 1, 2]);
});

test("leave() twice is leave() once, and a left object is dead", (t) => {
  const { heard, browser, say, mount, herald } = page(t);
  mount("a");
  const room = herald.join("room").listen("said", () => assert.fail("called"));
  say(subscribed(ROOM));
  room.leave();
  room.leave();
  room.listen("said", () => assert.fail("called")).subscribe();
  say(event(ROOM, "said", 1));
  browser.socket.take();
  assert.deepEqual([room.state, heard], ["left", ["a 1"]]);
});

test("every kind of handler belongs to its object", async (t) => {
  const { herald, browser } = connectedWorld(t);
  const told = [];
  const [left, stays] = ["left", "stays"].map((id) => {
    const tell = (what) => () => told.push(`${id} ${what}`);
    return herald
      .join("room")
      .subscribed(tell("subscribed"))
      .here(tell("here"))
      .joining(tell("joining"))
      .listen("e", tell("event"))
      .listenToAll(tell("all"))
      .listenForWhisper("w", tell("whisper"))
      .error(tell("error"));
  });
  browser.socket.say(subscribed(ROOM, "ada"));
  assert.equal(told.length, 4);
  told.length = 0;
  left.leave();
  browser.socket.say(joined(ROOM, "bob"));
  browser.socket.say(event(ROOM, "e", 1));
  browser.socket.say(whisper(ROOM, "w", 1));
  stays.error(() => {}).whisper("w", 1n);
  assert.deepEqual(
    told,
    ["joining", "event", "all", "whisper", "error"].map((what) => `stays ${what}`),
  );
  assert.deepEqual([left.state, stays.state], ["left", "subscribed"]);
  assert.equal(stays.members.size, 2);
});

test("a later object receives soon the state of the first one", async (t) => {
  const { herald, say } = page(t);
  herald.join("room").here(() => {});
  say(subscribed(ROOM, "ada", "bob"));
  const told = [];
  herald
    .join("room")
    .subscribed(() => told.push("subscribed"))
    .here((members) => told.push(members.map(({ id }) => id).join()));
  await settle();
  assert.deepEqual(told, ["subscribed", "ada,bob"]);
});

test("an object that only whispers holds nothing", (t) => {
  const { herald, browser, say, mount } = page(t);
  const unmount = mount("a");
  say(subscribed(ROOM));
  browser.socket.take();
  for (let i = 0; i < 3; i++) herald.join("room").whisper("typing");
  unmount();
  assert.deepEqual(types(browser.socket), [...Array(3).fill("whisper"), "unsubscribe"]);
});

test("an object made before the last holder left works: it subscribes again", (t) => {
  const { herald, browser, heard, say, mount } = page(t);
  const unmount = mount("a");
  const room = herald.join("room"); // While rendering; handlers follow in an effect.
  say(subscribed(ROOM));
  unmount();
  room.listen("said", (text) => heard.push(text));
  assert.equal(room.state, "pending");
  say(unsubscribed(ROOM), subscribed(ROOM), event(ROOM, "said", 1));
  assert.deepEqual(heard, [1]);
  browser.socket.take();
  room.leave();
  assert.deepEqual(types(browser.socket), ["unsubscribe"]);
});

test("a handler may leave while others are called", (t) => {
  const { herald, heard, say, mount } = page(t);
  const room = herald.join("room").listen("said", () => room.leave());
  mount("b");
  say(subscribed(ROOM), event(ROOM, "said", 1), event(ROOM, "said", 2));
  assert.deepEqual(heard, ["b 1", "b 2"]);
});

test("leave(name) of one of two holders ends nothing, and the console warns", (t) => {
  const { herald, browser, heard, say, mount } = page(t);
  mount("a");
  mount("b");
  say(subscribed(ROOM));
  browser.socket.take();
  herald.leave("room");
  say(event(ROOM, "said", 1));
  assert.deepEqual(heard, ["a 1", "b 1"]);
  assert.equal(browser.consoleWarnings.length, 1);
  assert.match(browser.consoleWarnings[0][0], /presence-room.*leave\(\)/);
  herald.leave("room");
  assert.deepEqual(types(browser.socket), ["unsubscribe"]);
  say(event(ROOM, "said", 2));
  assert.equal(heard.length, 2);
  assert.equal(browser.consoleWarnings.length, 1);
});

test("leave(name) and leave() together count each holder once", (t) => {
  const { herald, browser, mount } = page(t);
  const unmount = mount("a");
  mount("b");
  browser.socket.take();
  herald.leave("room");
  unmount();
  assert.deepEqual(types(browser.socket), ["unsubscribe"]);
  assert.deepEqual(herald.channels, []);
});

test("an error that one object handles does not go to onError", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const told = [];
  herald.channel("news").listen("e", () => {});
  const careful = herald.channel("news").error((error) => told.push(error));
  browser.socket.say(refused("news", "channel_full"));
  assert.deepEqual(codes(told), [["channel_full", "news"]]);
  careful.leave();
  herald.channel("news").listen("e", () => {});
  herald.channel("news").subscribe();
  browser.socket.say(refused("news", "channel_full"));
  assert.deepEqual(codes(errors), [["channel_full", "news"]]);
});
