// SPDX-License-Identifier: Apache-2.0
//
// Where a channel's history begins: at a position that the application has stored, or with the
// latest event.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HeraldError } from "./library.mjs";
import { at, connectedWorld, event, reconnect, settle, subscribed, world } from "./world.mjs";

const LATEST = { offset: 0 };
const STORED = { epoch: "a", offset: 7 };
const ask = (channel, recover) => ({ type: "subscribe", channel, ...(recover && { recover }) });
const said = (offset, channel = "news") => event(channel, "said", `m${offset}`, { offset });

/** "news" with these options, on a new connection, with a record of its callbacks. */
function opened(t, options) {
  const made = connectedWorld(t);
  const news = made.herald.channel("news", options);
  const told = [];
  news.listen("said", (_data, { offset }) => told.push(offset));
  news.subscribed(({ recovered }) => told.push(["subscribed", recovered]));
  news.lost(({ since, position }) => told.push(["lost", since?.offset, position?.offset]));
  const say = (...messages) => messages.forEach((message) => made.browser.socket.say(message));
  return { ...made, made, news, told, say };
}

// From a stored position.

test("a stored position is asked for at once, and the events since then come", (t) => {
  const { browser, news, told, say } = opened(t, { since: STORED });
  assert.deepEqual(news.position, STORED);
  assert.deepEqual(browser.socket.take(), [ask("news", STORED)]);
  say(at("a", 9, "news", true), said(8), said(9));
  assert.deepEqual(told, [["subscribed", true], 8, 9]);
});

test("a stored position that is too old is a loss", (t) => {
  const { told, say } = opened(t, { since: STORED });
  say(at("b", 2, "news", false), said(3));
  assert.deepEqual(told, [["lost", 7, 2], ["subscribed", false], 3]);
});

test("a stored position survives until there is a connection, and each failure", async (t) => {
  const { herald, browser, clock } = world(t);
  herald.channel("news", { since: STORED });
  browser.socket.end();
  await clock.advance(20_000);
  browser.socket.accept();
  assert.deepEqual(browser.socket.take(), [ask("news", STORED)]);
});

test("a position that was never stored asks for nothing", (t) => {
  for (const options of [undefined, {}, { since: null }, { since: undefined }]) {
    const { browser, news, made } = opened(t, options);
    assert.deepEqual(browser.socket.take(), [ask("news")]);
    assert.equal(news.position, undefined);
    made.browser.remove();
  }
});

for (const [what, since] of [
  ["a text", "c7x2mq4kd3ta:41"],
  ["a number", 41],
  ["without an epoch", { offset: 41 }],
  ["with an empty epoch", { epoch: "", offset: 0 }],
  ["with an epoch that is none", { epoch: 7, offset: 41 }],
  ["with an overlong epoch", { epoch: "x".repeat(33), offset: 41 }],
  ["without an offset", { epoch: "a" }],
  ["with an offset that is a text", { epoch: "a", offset: "41" }],
  ["with a negative offset", { epoch: "a", offset: -1 }],
  ["with half an offset", { epoch: "a", offset: 0.5 }],
  ["with an offset that is none", { epoch: "a", offset: NaN }],
  ["with an endless offset", { epoch: "a", offset: Infinity }],
]) {
  test(`a stored position ${what} is the caller's mistake, reported at once`, (t) => {
    const { herald, browser } = connectedWorld(t);
    for (const open of [
      () => herald.channel("news", { since }),
      () => herald.private("news", { since }),
      () => herald.join("news", { since }),
    ]) {
      assert.throws(
        open,
        (error) => error instanceof HeraldError && error.code === "invalid_position",
      );
    }
    assert.deepEqual([herald.channels, browser.socket.take()], [[], []]);
  });
}

test("a stored position is taken as it was", async (t) => {
  const since = { ...STORED };
  const { browser, made } = opened(t, { since });
  since.offset = 99;
  browser.socket.take();
  const socket = await reconnect(made);
  assert.deepEqual(socket.take(), [ask("news", STORED)]);
});

test("the first call sets the beginning; a later one finds the same channel", (t) => {
  const { herald, browser, news } = opened(t, { since: STORED });
  browser.socket.take();
  const later = herald.channel("news", { since: { epoch: "b", offset: 1 }, latest: true });
  assert.deepEqual(browser.socket.take(), []);
  assert.deepEqual(later.position, STORED);
  assert.deepEqual(news.position, STORED);
});

test("private and presence channels begin at a given position, too", async (t) => {
  const { herald, browser } = connectedWorld(t, { authorize: () => "t" });
  herald.private("x", { since: STORED });
  herald.join("room", { latest: true });
  await settle();
  assert.deepEqual(browser.socket.take(), [
    { ...ask("private-x", STORED), auth: "t" },
    { ...ask("presence-room", LATEST), auth: "t" },
  ]);
});

// With the latest event.

test("the latest event comes first, and moves the position", (t) => {
  const { browser, news, told, say } = opened(t, { latest: true });
  assert.deepEqual(browser.socket.take(), [ask("news", LATEST)]);
  say(at("a", 7, "news", true));
  assert.equal(news.position, undefined);
  say(said(7), said(8));
  assert.deepEqual(told, [["subscribed", true], 7, 8]);
  assert.deepEqual(news.position, { epoch: "a", offset: 8 });
});

test("after a reconnect the latest event comes if it is new, in any epoch", async (t) => {
  const { made, told, say } = opened(t, { latest: true });
  say(at("a", 7, "news", true), said(7));
  for (const [position, offset] of [[["a", 7], 7], [["a", 12], 12], [["b", 3], 3]]) {
    const socket = await reconnect(made);
    assert.deepEqual(socket.take(), [ask("news", LATEST)]);
    say(at(...position, "news", true), said(offset));
  }
  const back = ["subscribed", true];
  assert.deepEqual(told, [back, 7, back, back, 12, back, 3]);
});

test("a break before the latest event loses nothing", async (t) => {
  const { made, news, told, say } = opened(t, { latest: true });
  say(at("a", 7, "news", true));
  await reconnect(made);
  say(at("a", 7, "news", true), said(7));
  assert.deepEqual(told.at(-1), 7);
  assert.deepEqual(news.position, STORED);
});

test("where there is no latest event, nothing is lost", async (t) => {
  const { made, news, told, say, errors } = opened(t, { latest: true });
  say(at("a", 0, "news", false));
  assert.deepEqual(news.position, { epoch: "a", offset: 0 });
  await reconnect(made);
  say(at("a", 0, "news", false), said(1));
  // It is remembered for a while only; but the client has received it.
  await reconnect(made);
  say(at("a", 1, "news", false));
  assert.deepEqual(told, [["subscribed", false], ["subscribed", true], 1, ["subscribed", true]]);
  assert.deepEqual(errors, []);
});

test("a latest event that was not received and is forgotten is lost", async (t) => {
  for (const position of [["a", 9], ["b", 7], ["b", 0]]) {
    const { made, told, say } = opened(t, { latest: true });
    say(at("a", 7, "news", true), said(7));
    told.length = 0;
    await reconnect(made);
    say(at(...position, "news", false));
    assert.deepEqual(told, [["lost", 7, position[1]], ["subscribed", false]]);
    made.browser.remove();
  }
});

test("a channel without history has no latest event, and reports nothing", async (t) => {
  const { made, told, say, errors } = opened(t, { latest: true });
  say({ ...subscribed("news"), recovered: false });
  await reconnect(made);
  say({ ...subscribed("news"), recovered: false });
  assert.deepEqual(told, [["subscribed", false], ["subscribed", false]]);
  assert.deepEqual(errors, []);
});

test("the latest event does not come again after its stored position", (t) => {
  const { browser, told, say } = opened(t, { latest: true, since: STORED });
  assert.deepEqual(browser.socket.take(), [ask("news", LATEST)]);
  say(at("a", 7, "news", true), said(7), said(8));
  assert.deepEqual(told, [["subscribed", true], 8]);
});
