// SPDX-License-Identifier: Apache-2.0
//
// Events, whispers, and the handlers of the application.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HandlerError, WhisperError } from "./library.mjs";
import {
  codes,
  connectedWorld,
  event,
  reconnect,
  refused,
  settle,
  subscribed,
  whisper,
} from "./world.mjs";

/** A subscribed channel of this name; `say` sends a message from the gateway. */
function listening(t, name = "news") {
  const made = connectedWorld(t);
  const channel = made.herald.channel(name);
  made.browser.socket.say(subscribed(name));
  made.browser.socket.take();
  return { ...made, channel, say: (message) => made.browser.socket.say(message) };
}

test("listen receives its event, with data and origin, in order", (t) => {
  const { channel, say } = listening(t);
  const heard = [];
  channel.listen("created", (...args) => heard.push(args));
  say(event("news", "created", { id: 1 }));
  say(event("news", "deleted", { id: 1 }));
  say(event("sport", "created", { id: 2 }));
  say(event("news", "created", null));
  const meta = { channel: "news", event: "created" };
  assert.deepEqual(heard, [
    [{ id: 1 }, meta],
    [null, meta],
  ]);
});

test("an event's name is exactly as published", (t) => {
  const { channel, say } = listening(t);
  const names = [".created", "App\\Created", "__proto__", "constructor", "all", "error", "ü 💬"];
  const heard = [];
  for (const name of names) channel.listen(name, () => heard.push(name));
  for (const name of names) say(event("news", name, 0));
  say(event("news", "created", 0));
  assert.deepEqual(heard, names);
});

test("listenToAll receives every event", (t) => {
  const { channel, say } = listening(t);
  const heard = [];
  channel.listenToAll((...args) => heard.push(args));
  say(event("news", "a", 1));
  say(event("news", "b", 2));
  assert.deepEqual(heard, [
    ["a", 1, { channel: "news", event: "a" }],
    ["b", 2, { channel: "news", event: "b" }],
  ]);
});

test("a whisper is received by listenForWhisper alone, and an event is not", (t) => {
  const { channel, say } = listening(t, "presence-room");
  const heard = [];
  channel.listen("typing", () => heard.push("listen"));
  channel.listenToAll(() => heard.push("all"));
  channel.listenForWhisper("typing", (data, meta) => heard.push([data, meta]));
  say(whisper("presence-room", "typing", { on: true }, "ada"));
  say(whisper("presence-room", "typing", { on: false }));
  const meta = { channel: "presence-room", event: "typing" };
  assert.deepEqual(heard.splice(0), [
    [{ on: true }, { ...meta, userId: "ada" }],
    [{ on: false }, meta],
  ]);
  say(event("presence-room", "typing", 1));
  assert.deepEqual(heard, ["listen", "all"]);
});

test("fields that are still to come are no trouble", (t) => {
  const { channel, say, errors } = listening(t);
  const heard = [];
  channel.listen("e", (data) => heard.push(data));
  say({ ...subscribed("news"), shape: "round" });
  say(event("news", "e", 1, { colour: "red" }));
  assert.deepEqual(heard, [1]);
  assert.deepEqual(errors, []);
});

test("every handler can be taken back, one or all", (t) => {
  const { channel, say, browser } = listening(t, "presence-room");
  const heard = [];
  const [a, b] = ["a", "b"].map((name) => () => heard.push(name));
  const play = () => {
    say(event("presence-room", "e", 1));
    say(whisper("presence-room", "e", 1));
    say({ type: "member_added", channel: "presence-room", user_id: "ada" });
    say({ type: "member_removed", channel: "presence-room", user_id: "ada" });
    return heard.splice(0).join("");
  };
  for (const handler of [a, b, b]) {
    channel.listen("e", handler).listenToAll(handler).listenForWhisper("e", handler);
    channel.joining(handler).leaving(handler);
  }
  assert.equal(play(), "ababababab");
  channel.stopListening("e", a).stopListeningToAll(a).stopListeningForWhisper("e", a);
  assert.equal(play(), "bbbabab");
  channel.stop(a);
  assert.equal(play(), "bbbbb");
  channel.stopListening("e").stopListeningToAll().stopListeningForWhisper("e");
  assert.equal(play(), "bb");
  channel.stop(b);
  assert.equal(play(), "");
  channel.stopListening("never").stopListening("never", a).stop(a);
});

test("a handler may take back and add handlers", (t) => {
  const { channel, say } = listening(t);
  const heard = [];
  const second = () => heard.push("second");
  const third = () => heard.push("third");
  channel.listen("e", () => {
    heard.push("first");
    channel.stopListening("e", second).listen("e", third);
  });
  channel.listen("e", second);
  say(event("news", "e", 1));
  assert.deepEqual(heard.splice(0), ["first"]);
  say(event("news", "e", 1));
  assert.deepEqual(heard, ["first", "third"]);
});

test("a handler may leave, and then no handler is called any more", (t) => {
  const { herald, channel, say, errors } = listening(t);
  const heard = [];
  channel.listen("e", () => heard.push(1) && herald.leave("news"));
  channel.listen("e", () => heard.push(2));
  channel.listenToAll(() => heard.push(3));
  say(event("news", "e", 1));
  say(event("news", "e", 1));
  assert.deepEqual(heard, [1]);
  assert.deepEqual(errors, []);
});

test("a handler may disconnect, in an error handler too", (t) => {
  const { herald, channel, say, browser } = listening(t);
  channel.error(() => herald.disconnect());
  channel.listen("e", () => assert.fail("called"));
  const socket = browser.socket;
  channel.whisper("e", 1n);
  assert.equal(herald.state, "closed");
  socket.say(event("news", "e", 1));
});

for (const [what, handler] of [
  ["throws", () => { throw new Error("oops"); }],
  ["rejects", async () => { throw new Error("oops"); }],
]) {
  test(`a handler that ${what} is reported, and the others are called`, async (t) => {
    const { channel, say, errors } = listening(t);
    const heard = [];
    channel.listen("e", handler).listen("e", (data) => heard.push(data));
    say(event("news", "e", 1));
    say(event("news", "e", 2));
    await settle();
    assert.deepEqual(heard, [1, 2]);
    assert.ok(errors[0] instanceof HandlerError);
    assert.deepEqual(codes(errors), Array(2).fill(["handler_failed", "news"]));
    assert.equal(errors[0].cause.message, "oops");
    assert.equal(channel.state, "subscribed");
  });
}

test("handlers of every kind may throw", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser, errors } = made;
  const oops = () => {
    throw new Error("oops");
  };
  const room = herald.join("room");
  room.subscribed(oops).here(oops).joining(oops).leaving(oops);
  room.listenToAll(oops).listenForWhisper("w", oops);
  const say = (message) => browser.socket.say(message);
  say(subscribed("presence-room", "ada"));
  say({ type: "member_added", channel: "presence-room", user_id: "bob" });
  say({ type: "member_removed", channel: "presence-room", user_id: "ada" });
  say(event("presence-room", "e", 1));
  say(whisper("presence-room", "w", 1));
  room.here(oops);
  await settle();
  assert.equal(errors.length, 7);
  assert.deepEqual([...room.members.keys()], ["bob"]);
  assert.equal(room.state, "subscribed");
});

test("errors go to the channel's handlers, and only without any to onError", (t) => {
  const { channel, browser, errors, herald } = listening(t);
  const told = [];
  const handler = (error) => told.push(error);
  channel.error(handler);
  channel.whisper("e", 1n);
  assert.deepEqual(codes(told), [["invalid_data", "news"]]);
  assert.deepEqual(errors, []);
  herald.channel("sport");
  browser.socket.say(refused("sport", "channel_full"));
  assert.deepEqual(codes(errors.splice(0)), [["channel_full", "sport"]]);
  channel.stop(handler).whisper("e", 1n);
  assert.deepEqual(codes(errors), [["invalid_data", "news"]]);
});

test("an error handler that throws is reported to onError, not to itself", (t) => {
  const { channel, errors } = listening(t);
  const told = [];
  channel.error(() => {
    throw new Error("oops");
  });
  channel.error((error) => told.push(error));
  channel.whisper("e", 1n);
  assert.deepEqual(codes(told), [["invalid_data", "news"]]);
  assert.deepEqual(codes(errors), [["handler_failed", "news"]]);
});

// Whispering.

test("a whisper is sent as it is, and nothing becomes null", (t) => {
  const { channel, browser } = listening(t);
  channel.whisper("typing", { on: true }).whisper("typing");
  const sent = { type: "whisper", channel: "news", event: "typing" };
  assert.deepEqual(browser.socket.take(), [
    { ...sent, data: { on: true } },
    { ...sent, data: null },
  ]);
});

test("a whisper before subscribed, while away or after leave() is not sent", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser, errors } = made;
  const news = herald.channel("news");
  assert.equal(news.whisper("typing", 1), news);
  browser.socket.say(subscribed("news"));
  browser.socket.end();
  news.whisper("typing", 2);
  await reconnect(made);
  news.whisper("typing", 3);
  browser.socket.say(subscribed("news"));
  herald.leave("news");
  news.whisper("typing", 4);
  assert.deepEqual(codes(errors), Array(4).fill(["not_subscribed", "news"]));
  assert.ok(errors.every((error) => error instanceof WhisperError));
  assert.ok(browser.sockets.every((socket) => socket.take().every((m) => m.type !== "whisper")));
});

test("data that is no JSON is an error, not an exception", (t) => {
  const { channel, browser, errors } = listening(t);
  const circular = {};
  circular.self = circular;
  for (const data of [circular, 1n]) assert.equal(channel.whisper("e", data), channel);
  assert.deepEqual(codes(errors), Array(2).fill(["invalid_data", "news"]));
  assert.deepEqual(browser.socket.take(), []);
});

test("a whisper into a closing connection is lost, like one on its way", (t) => {
  const { channel, browser, errors } = listening(t);
  browser.socket.readyState = 2;
  channel.whisper("e", 1);
  assert.deepEqual(errors, []);
});
