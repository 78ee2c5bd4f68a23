// SPDX-License-Identifier: Apache-2.0
//
// A server that has lost its memory notifies all clients in one moment. Each
// notifies its application after a random delay, in the same order as without
// one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Herald } from "./library.mjs";
import { at, connectedWorld, event, reconnect, unsubscribed, whisper } from "./world.mjs";

const said = (offset) => event("news", "said", `m${offset}`, { offset });
const LOSS = [["lost", 7, 0], ["subscribed", false]];

/** "news" with history, subscribed at 7 of the epoch "a", and a record of it from then on. */
function listening(t, options = { lostJitter: 1000 }) {
  const made = connectedWorld(t, options);
  const channel = made.herald.channel("news");
  const told = [];
  channel.listen("said", (_data, { offset }) => told.push(offset));
  channel.subscribed(({ recovered }) => told.push(["subscribed", recovered]));
  channel.lost(({ since, position }) => told.push(["lost", since?.offset, position?.offset]));
  const say = (...messages) => messages.forEach((message) => made.browser.socket.say(message));
  say(at("a", 7, "news"));
  told.length = 0;
  return { ...made, made, channel, told, say };
}

const forgets = (epoch = "b") => at(epoch, 0, "news", false);

test("lost and subscribed are called after a share of lostJitter", async (t) => {
  const { browser, clock, told, say } = listening(t);
  browser.random = 0.25;
  say(forgets());
  await clock.advance(249);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told, LOSS);
});

test("lostJitter is 3 s if not given, and 0 is none", async (t) => {
  const { browser, clock, told, say } = listening(t, { lostJitter: undefined });
  browser.random = 0.999;
  say(forgets());
  await clock.advance(2996);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told, LOSS);
  browser.remove();
  const other = listening(t, { lostJitter: 0 });
  other.say(forgets());
  assert.deepEqual(other.told, LOSS);
});

test("300 clients do not load in one moment", async (t) => {
  const { browser, clock } = listening(t);
  const times = [];
  let seed = 1;
  Object.defineProperty(browser, "random", {
    get: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647,
  });
  const heralds = Array.from({ length: 300 }, () => new Herald("ws://127.0.0.1/ws"));
  for (const herald of heralds) herald.channel("news").lost(() => times.push(clock.now()));
  const sockets = browser.sockets.slice(1);
  sockets.forEach((socket) => (socket.accept(), socket.say(at("a", 7, "news"))));
  sockets.forEach((socket) => socket.say(forgets()));
  await clock.advance(3000);
  assert.equal(times.length, 300);
  const inTenth = new Map();
  for (const time of times) {
    const tenth = Math.floor((time - times[0]) / 300);
    inTenth.set(tenth, (inTenth.get(tenth) ?? 0) + 1);
  }
  assert.ok(Math.max(...inTenth.values()) < 60, JSON.stringify([...inTenth]));
});

test("events after the loss wait behind it; whispers do not", async (t) => {
  const { clock, told, say, channel } = listening(t);
  channel.listenForWhisper("typing", () => told.push("typing"));
  say(forgets(), said(1), whisper("news", "typing", 1), said(2));
  assert.deepEqual(told, ["typing"]);
  await clock.advance(500);
  say(said(3));
  assert.deepEqual(told, ["typing", ...LOSS, 1, 2, 3]);
});

test("a page that ends while the loss waits has stored the position before it", async (t) => {
  const { clock, say, channel } = listening(t);
  say(forgets(), said(1));
  assert.deepEqual(channel.position, { epoch: "a", offset: 7 });
  await clock.advance(500);
  assert.deepEqual(channel.position, { epoch: "b", offset: 1 });
});

test("several losses are reported as one", async (t) => {
  const { clock, told, say } = listening(t);
  say(forgets("b"), said(1));
  await clock.advance(499);
  say(at("c", 3, "news", false), said(4));
  await clock.advance(1);
  assert.deepEqual(told, [["lost", 7, 3], ["subscribed", false], 4]);
  await clock.advance(5000);
  assert.equal(told.length, 3);
});

test("a break while the loss waits changes nothing but the recovered events", async (t) => {
  const { made, clock, told, say } = listening(t, { lostJitter: 60_000 });
  say(forgets(), said(1));
  const socket = await reconnect(made);
  assert.deepEqual(socket.take()[0].recover, { epoch: "b", offset: 0 });
  say(at("b", 2, "news", true), said(1), said(2));
  await clock.advance(24_000);
  assert.deepEqual(told, []);
  await clock.advance(6000);
  assert.deepEqual(told, [...LOSS, 1, 2]);
});

test("a loss that is due while there is no connection is reported with the next one", async (t) => {
  const { herald, browser, clock, told, say } = listening(t);
  const timers = clock.timerCount;
  say(forgets());
  herald.disconnect();
  assert.ok(clock.timerCount < timers + 1);
  await clock.advance(5000);
  assert.deepEqual(told, []);
  herald.connect();
  browser.socket.accept();
  say(at("b", 0, "news", true));
  assert.deepEqual(told, LOSS);
});

test("a loss that is due while the channel is not subscribed waits for that", async (t) => {
  const { clock, told, say, channel } = listening(t);
  channel.error(() => {});
  say(forgets(), unsubscribed("news", "ended by the backend"));
  await clock.advance(5000);
  assert.deepEqual(told, []);
  channel.subscribe();
  say(at("b", 0, "news", true));
  assert.deepEqual(told, LOSS);
});

test("an object that leaves while the loss waits is not notified, and others are", async (t) => {
  const { herald, clock, told, say, channel } = listening(t);
  const others = [];
  const other = herald.channel("news").lost(() => others.push("lost"));
  say(forgets());
  channel.leave();
  await clock.advance(500);
  assert.deepEqual([told, others], [[], ["lost"]]);
  say(forgets("c"));
  const timers = clock.timerCount;
  other.leave();
  assert.equal(clock.timerCount, timers - 1);
});

test("a handler of the loss that disconnects receives no event after it", async (t) => {
  const { herald, browser, clock, told, say, channel } = listening(t);
  channel.lost(() => herald.disconnect());
  say(forgets(), said(1));
  await clock.advance(500);
  assert.deepEqual(told, LOSS);
  herald.connect();
  browser.socket.accept();
  assert.deepEqual(browser.socket.take()[0].recover, { epoch: "b", offset: 0 });
});

test("no more than 10,000 events wait", async (t) => {
  const { browser, told, say } = listening(t);
  browser.random = 0.5;
  say(forgets());
  for (let offset = 1; offset <= 5000; offset++) say(said(offset));
  assert.deepEqual(told, []);
  say(said(5001), said(5002));
  assert.deepEqual(told.slice(0, 3), [...LOSS, 1]);
  assert.equal(told.at(-1), 5002);
  assert.equal(told.length, 5004);
});

test("a page that has just been opened is notified at once", (t) => {
  const { herald, browser } = connectedWorld(t, { lostJitter: 1000 });
  const told = [];
  herald.channel("news", { since: { epoch: "a", offset: 7 } }).lost(() => told.push("lost"));
  browser.socket.say(forgets());
  assert.deepEqual(told, ["lost"]);
});
