// SPDX-License-Identifier: Apache-2.0
//
// Subscribing, being refused, leaving, and coming back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SubscriptionError } from "./library.mjs";
import {
  codes,
  connectedWorld,
  event,
  reconnect,
  refused,
  settle,
  subscribed,
  unsubscribed,
  world,
} from "./world.mjs";

const ask = (channel) => ({ type: "subscribe", channel });

test("subscribes before there is a connection are sent when there is one", (t) => {
  const { herald, browser } = world(t);
  const news = herald.channel("news");
  assert.equal(news.state, "pending");
  browser.socket.accept();
  assert.deepEqual(browser.socket.take(), [ask("news")]);
  browser.socket.say(subscribed("news"));
  assert.equal(news.state, "subscribed");
});

test("the same name is the same channel, asked for once", (t) => {
  const { herald, browser } = connectedWorld(t);
  const pairs = [
    [herald.channel("news"), herald.channel("news")],
    [herald.join("room"), herald.channel("presence-room")],
    [herald.private("x"), herald.channel("private-x")],
  ];
  for (const [one, other] of pairs) assert.equal(one.name, other.name);
  browser.socket.say(subscribed("news"));
  assert.deepEqual(
    pairs.flat().map(({ state }) => state),
    ["subscribed", "subscribed", ...Array(4).fill("pending")],
  );
  assert.deepEqual(herald.channels, ["news", "presence-room", "private-x"]);
  assert.deepEqual(browser.socket.take(), [
    ask("news"),
    ask("presence-room"),
    ask("private-x"),
  ]);
});

for (const name of ["", "a b", "#own", "ümläut", "x".repeat(165), "a\n", "a/b"]) {
  test(`${JSON.stringify(name).slice(0, 20)} is no channel's name`, (t) => {
    const { herald, browser } = connectedWorld(t);
    assert.throws(
      () => herald.channel(name),
      (error) => error instanceof SubscriptionError && error.code === "invalid_channel",
    );
    assert.deepEqual(herald.channels, []);
    assert.deepEqual(browser.socket.take(), []);
  });
}

test("a name may have 164 bytes of all that the grammar has", (t) => {
  const { herald } = connectedWorld(t);
  herald.channel("AZaz09_-=@,.;:".padEnd(164, "x"));
  assert.equal(herald.channels.length, 1);
});

test("subscribed() is called with each confirmation, and soon if there is one", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser } = made;
  const told = [];
  const news = herald.channel("news").subscribed(() => told.push("early"));
  browser.socket.say(subscribed("news"));
  assert.deepEqual(told, ["early"]);
  news.subscribed(() => told.push("late"));
  assert.deepEqual(told, ["early"]);
  await settle();
  assert.deepEqual(told, ["early", "late"]);
  await reconnect(made);
  assert.deepEqual(told, ["early", "late"]);
  browser.socket.say(subscribed("news"));
  assert.deepEqual(told, ["early", "late", "early", "late"]);
});

test("a subscribed() that is taken back at once is not called", async (t) => {
  const { herald, browser } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(subscribed("news"));
  const handler = () => assert.fail("called");
  news.subscribed(handler).stop(handler);
  await settle();
});

test("confirmed twice is confirmed once", (t) => {
  const { herald, browser } = connectedWorld(t);
  let count = 0;
  herald.channel("news").subscribed(() => count++);
  browser.socket.say(subscribed("news"));
  browser.socket.say(subscribed("news"));
  assert.equal(count, 1);
});

test("answers may come in any order", (t) => {
  const { herald, browser } = connectedWorld(t);
  const [a, b, c] = ["a", "b", "c"].map((name) => herald.channel(name).error(() => {}));
  browser.socket.say(refused("b", "channel_full"));
  browser.socket.say(subscribed("c"));
  browser.socket.say(subscribed("a"));
  assert.deepEqual([a.state, b.state, c.state], ["subscribed", "refused", "subscribed"]);
});

test("after a break everything is asked again, and only that which was not left", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser } = made;
  const a = herald.channel("a");
  herald.channel("b");
  browser.socket.say(subscribed("a"));
  browser.socket.end();
  assert.equal(a.state, "pending");
  herald.leave("b");
  herald.channel("c");
  await reconnect(made);
  assert.deepEqual(browser.socket.take(), [ask("a"), ask("c")]);
});

for (const code of ["unauthorized", "channel_full", "too_many_channels", "of_the_future"]) {
  test(`${code} is a refusal until the next connection`, async (t) => {
    const made = connectedWorld(t);
    const { herald, browser, clock, errors } = made;
    const news = herald.channel("news");
    browser.socket.take();
    browser.socket.say(refused("news", code, "because"));
    assert.equal(news.state, "refused");
    assert.ok(errors[0] instanceof SubscriptionError);
    assert.deepEqual([errors[0].code, errors[0].channel], [code, "news"]);
    assert.equal(errors[0].reason, "because");
    await clock.advance(24_000);
    assert.deepEqual(browser.socket.take(), []);
    await reconnect(made);
    assert.equal(news.state, "pending");
    assert.deepEqual(browser.socket.take(), [ask("news")]);
  });
}

test("subscribe() asks again after a refusal, and does nothing else", (t) => {
  const { herald, browser } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.take();
  news.subscribe();
  assert.deepEqual(browser.socket.take(), []);
  browser.socket.say(refused("news", "channel_full"));
  news.subscribe().subscribe();
  assert.deepEqual(browser.socket.take(), [ask("news")]);
  browser.socket.say(subscribed("news"));
  news.subscribe();
  assert.deepEqual(browser.socket.take(), []);
  assert.equal(news.state, "subscribed");
});

test("a name that the server does not want is refused for good", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser } = made;
  const news = herald.channel("news");
  browser.socket.say(refused("news", "invalid_channel"));
  await reconnect(made);
  news.subscribe();
  assert.deepEqual(browser.socket.take(), []);
  assert.equal(news.state, "refused");
});

test("a subscribe that the server cannot read fails, and is not asked again by itself", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser, clock, errors } = made;
  const news = herald.channel("news");
  browser.socket.say(refused("news", "invalid_message"));
  assert.ok(errors[0] instanceof SubscriptionError);
  assert.equal(errors[0].code, "invalid_message");
  assert.equal(news.state, "refused");
  browser.socket.take();
  await clock.advance(60_000);
  await reconnect(made);
  const subscribes = () => browser.socket.take().filter(({ type }) => type === "subscribe");
  assert.deepEqual(subscribes(), []);
  news.subscribe();
  assert.deepEqual(subscribes(), [ask("news")]);
  browser.socket.say(subscribed("news"));
  await reconnect(made);
  assert.deepEqual(subscribes(), [ask("news")]);
});

test("unavailable is asked again, each channel with pauses of its own", async (t) => {
  const { herald, browser, clock, errors } = connectedWorld(t);
  const news = herald.channel("news");
  for (const pause of [250, 500, 1000, 2000]) {
    browser.socket.take();
    browser.socket.say(refused("news", "unavailable"));
    assert.equal(news.state, "pending");
    await clock.advance(pause - 1);
    assert.deepEqual(browser.socket.take(), []);
    await clock.advance(1);
    assert.deepEqual(browser.socket.take(), [ask("news")]);
  }
  assert.deepEqual(codes(errors), Array(4).fill(["unavailable", "news"]));
  herald.channel("sport");
  browser.socket.take();
  browser.socket.say(refused("sport", "unavailable"));
  await clock.advance(250);
  assert.deepEqual(browser.socket.take(), [ask("sport")]);
});

test("subscribe() while away is pending again, and asked with the rest", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser } = made;
  const news = herald.channel("news");
  browser.socket.say(refused("news", "channel_full"));
  browser.socket.end();
  assert.equal(news.state, "refused");
  assert.equal(news.subscribe().state, "pending");
  browser.network("online");
  browser.socket.accept();
  assert.deepEqual(browser.socket.take(), [ask("news")]);
});

test("subscribe() takes the place of a retry that was planned", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(refused("news", "unavailable"));
  browser.socket.take();
  news.subscribe();
  browser.socket.say(refused("news", "channel_full"));
  await clock.advance(20_000);
  assert.deepEqual(browser.socket.take(), [ask("news")]);
  assert.equal(news.state, "refused");
});

test("a channel that is left takes its timer with it", (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  const before = clock.timerCount;
  herald.channel("news");
  browser.socket.say(refused("news", "unavailable"));
  assert.equal(clock.timerCount, before + 1);
  herald.leave("news");
  assert.equal(clock.timerCount, before);
});

test("a retry that was planned dies with its connection", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser, clock } = made;
  browser.random = 1;
  herald.channel("news");
  browser.socket.say(refused("news", "unavailable"));
  browser.socket.end();
  browser.network("online");
  browser.socket.accept();
  browser.socket.say(subscribed("news"));
  browser.socket.take();
  await clock.advance(20_000);
  assert.deepEqual(browser.socket.take(), []);
});

test("a public channel that the backend ends stays ended until asked for", async (t) => {
  const { herald, browser, clock, errors } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(subscribed("news"));
  browser.socket.take();
  browser.socket.say(unsubscribed("news", "unsubscribed by the backend"));
  assert.equal(news.state, "refused");
  assert.deepEqual(codes(errors), [["unsubscribed", "news"]]);
  assert.equal(errors[0].reason, "unsubscribed by the backend");
  await clock.advance(24_000);
  assert.deepEqual(browser.socket.take(), []);
  news.subscribe();
  assert.deepEqual(browser.socket.take(), [ask("news")]);
});

test("an end without a reason that we did not ask for is an end, too", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(subscribed("news"));
  browser.socket.say(unsubscribed("news"));
  assert.equal(news.state, "refused");
  assert.match(errors[0].reason, /server/);
});

test("an end can be the answer to a subscribe", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(unsubscribed("news", "unsubscribed by the backend"));
  assert.equal(news.state, "refused");
  assert.deepEqual(codes(errors), [["unsubscribed", "news"]]);
});

test("a backend may subscribe us to refused channels, and to unwanted ones", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const news = herald.channel("news").error(() => {});
  browser.socket.say(refused("news", "channel_full"));
  browser.socket.say(subscribed("news"));
  assert.equal(news.state, "subscribed");
  browser.socket.say(subscribed("sport"));
  browser.socket.say(event("sport", "goal", 1));
  assert.deepEqual(errors, []);
});

test("the answer to a subscribe that the backend has decided already is ignored", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(subscribed("news"));
  browser.socket.say(refused("news", "unauthorized"));
  assert.equal(news.state, "subscribed");
  assert.deepEqual(errors, []);
});

// Leaving.

test("leave() leaves the public, the private and the presence channel", (t) => {
  const { herald, browser } = connectedWorld(t);
  const all = [herald.channel("x"), herald.private("x"), herald.join("x"), herald.channel("y")];
  for (const { name } of all) browser.socket.say(subscribed(name));
  browser.socket.take();
  herald.leave("x");
  assert.deepEqual(
    browser.socket.take(),
    ["x", "private-x", "presence-x"].map((channel) => ({ type: "unsubscribe", channel })),
  );
  assert.deepEqual(
    all.map(({ state }) => state),
    ["left", "left", "left", "subscribed"],
  );
  assert.deepEqual(herald.channels, ["y"]);
});

test("leave() sends nothing to a server that was not asked", (t) => {
  const { herald, browser } = connectedWorld(t);
  herald.channel("full");
  browser.socket.say(refused("full", "channel_full"));
  browser.socket.take();
  herald.leave("full");
  herald.leave("never");
  assert.deepEqual(browser.socket.take(), []);
});

test("a channel that was left is dead, and its name is free", (t) => {
  const { herald, browser } = connectedWorld(t);
  const old = herald.channel("news").listen("e", () => assert.fail("called"));
  old.subscribed(() => assert.fail("called"));
  herald.leave("news");
  old.listen("e", () => assert.fail("called")).subscribe();
  const fresh = herald.channel("news");
  assert.notEqual(fresh, old);
  browser.socket.say(unsubscribed("news"));
  browser.socket.say(subscribed("news"));
  browser.socket.say(event("news", "e", 1));
  assert.deepEqual([old.state, fresh.state], ["left", "subscribed"]);
});

test("events before the answer to leave() belong to the old life", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const heard = [];
  herald.channel("news");
  browser.socket.say(subscribed("news"));
  herald.leave("news");
  const news = herald.channel("news").listen("e", (data) => heard.push(data));
  browser.socket.say(event("news", "e", "old"));
  browser.socket.say(subscribed("news"));
  browser.socket.say(refused("news", "channel_full"));
  browser.socket.say(unsubscribed("news", "the grant has expired"));
  assert.equal(news.state, "pending");
  browser.socket.say(unsubscribed("news"));
  browser.socket.say(subscribed("news"));
  browser.socket.say(event("news", "e", "new"));
  assert.deepEqual(heard, ["new"]);
  assert.deepEqual(errors, []);
});

test("React's double mount, several times, ends subscribed", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const heard = [];
  for (let i = 0; i < 4; i++) {
    herald.channel("news").listen("e", () => heard.push(i));
    if (i < 3) herald.leave("news");
  }
  const kinds = browser.socket.take().map(({ type }) => type);
  assert.deepEqual(kinds.filter((kind) => kind === "unsubscribe").length, 3);
  for (let i = 0; i < 3; i++) {
    browser.socket.say(unsubscribed("news"));
    assert.equal(herald.channel("news").state, "pending");
  }
  browser.socket.say(subscribed("news"));
  browser.socket.say(event("news", "e", 1));
  assert.deepEqual(heard, [3]);
  assert.deepEqual(errors, []);
});

test("answers that a broken connection owed are not waited for", async (t) => {
  const made = connectedWorld(t);
  const { herald, browser } = made;
  herald.channel("news");
  herald.leave("news");
  const news = herald.channel("news");
  await reconnect(made);
  browser.socket.say(subscribed("news"));
  assert.equal(news.state, "subscribed");
});
