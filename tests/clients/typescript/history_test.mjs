// SPDX-License-Identifier: Apache-2.0
//
// Positions, recovery, and the notification of the application when events are
// lost: section History of proto/WEBSOCKET.md, from the client's side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HeraldError, LostError } from "./library.mjs";
import {
  at,
  codes,
  connectedWorld,
  event,
  member,
  reconnect,
  refused,
  settle,
  subscribed,
  unsubscribed,
  whisper,
} from "./world.mjs";

const ask = (channel, recover, more) => ({
  type: "subscribe",
  channel,
  ...more,
  ...(recover && { recover }),
});
const LATEST = { offset: 0 };
const said = (offset, channel = "news") => event(channel, "said", `m${offset}`, { offset });

/** Records the callbacks of a channel: events as offsets, and the rest as lists. */
function record(channel) {
  const told = [];
  channel.listen("said", (_data, { offset }) => told.push(offset));
  channel.subscribed(({ recovered }) => told.push(["subscribed", recovered]));
  channel.lost(({ since, position }) => told.push(["lost", since?.offset, position?.offset]));
  return told;
}

/** "news" with history, subscribed at 7 of the epoch "a", and a record of it from then on. */
function listening(t, options, name = "news") {
  const made = connectedWorld(t, options);
  const channel = made.herald.channel(name);
  const told = record(channel);
  const say = (...messages) => messages.forEach((message) => made.browser.socket.say(message));
  say(at("a", 7, name));
  made.browser.socket.take();
  told.length = 0;
  return { ...made, made, channel, told, say };
}

// Where one is.

test("the first subscribe asks for nothing; the position is that of the answer", (t) => {
  const { herald, browser } = connectedWorld(t);
  const news = herald.channel("news");
  const told = record(news);
  assert.deepEqual(browser.socket.take(), [ask("news")]);
  assert.equal(news.position, undefined);
  browser.socket.say(at("a", 7, "news"));
  assert.deepEqual(news.position, { epoch: "a", offset: 7 });
  assert.deepEqual(told, [["subscribed", false]]);
});

test("events move the position, before their handlers are called", (t) => {
  const { channel, say } = listening(t);
  const seen = [];
  channel.listen("said", (data) => seen.push([data, channel.position]));
  say(said(8), said(11));
  assert.deepEqual(seen, [
    ["m8", { epoch: "a", offset: 8 }],
    ["m11", { epoch: "a", offset: 11 }],
  ]);
});

test("an event passes its offset to every handler of it, and one without passes none", (t) => {
  const { channel, say } = listening(t);
  const metas = [];
  channel.listen("said", (_data, meta) => metas.push(meta));
  channel.listenToAll((_event, _data, meta) => metas.push(meta));
  say(said(8), event("news", "said", 1));
  const meta = { channel: "news", event: "said" };
  assert.deepEqual(metas, [{ ...meta, offset: 8 }, { ...meta, offset: 8 }, meta, meta]);
});

test("a position is plain data that cannot be changed", (t) => {
  const { channel } = listening(t);
  assert.deepEqual(JSON.parse(JSON.stringify(channel.position)), { epoch: "a", offset: 7 });
  assert.throws(() => {
    channel.position.offset = 1;
  }, TypeError);
  assert.throws(() => {
    channel.position = undefined;
  }, TypeError);
});

test("without history there is no position, and offsets mean nothing", (t) => {
  const { herald, browser } = connectedWorld(t);
  const news = herald.channel("news");
  const told = record(news);
  browser.socket.say(subscribed("news"));
  for (const offset of [undefined, 0, 3, 3]) browser.socket.say(said(offset));
  assert.equal(news.position, undefined);
  assert.deepEqual(told, [["subscribed", false], undefined, undefined, 3, 3]);
});

for (const [what, position] of [
  ["no epoch", { offset: 7 }],
  ["no offset", { epoch: "a" }],
  ["an empty epoch", { epoch: "", offset: 7 }],
  ["an epoch that is a number", { epoch: 5, offset: 7 }],
  ["an offset that is a text", { epoch: "a", offset: "7" }],
  ["a negative offset", { epoch: "a", offset: -1 }],
  ["half an offset", { epoch: "a", offset: 7.5 }],
  ["nulls", { epoch: null, offset: null }],
]) {
  test(`a server that gives ${what} has given no position`, async (t) => {
    const made = connectedWorld(t);
    const news = made.herald.channel("news");
    made.browser.socket.say({ ...subscribed("news"), ...position });
    assert.deepEqual([news.state, news.position], ["subscribed", undefined]);
    assert.deepEqual(made.errors, []);
    made.browser.socket.take();
    await reconnect(made);
    assert.deepEqual(made.browser.socket.take(), [ask("news")]);
  });
}

// Coming back.

test("a reconnect sends the position, and brings missed events, once and in order", async (t) => {
  const { made, channel, told, say, errors } = listening(t);
  say(said(8));
  const socket = await reconnect(made);
  assert.deepEqual(socket.take(), [ask("news", { epoch: "a", offset: 8 })]);
  say(at("a", 10, "news", true));
  assert.deepEqual(channel.position, { epoch: "a", offset: 8 });
  say(said(9), said(10), said(11));
  assert.deepEqual(told, [8, ["subscribed", true], 9, 10, 11]);
  assert.deepEqual(channel.position, { epoch: "a", offset: 11 });
  assert.deepEqual(errors, []);
});

test("a break in the middle of a recovery loses nothing", async (t) => {
  const { made, told, say } = listening(t);
  await reconnect(made);
  say(at("a", 9, "news", true), said(8));
  const socket = await reconnect(made);
  assert.deepEqual(socket.take(), [ask("news", { epoch: "a", offset: 8 })]);
  say(at("a", 9, "news", true));
  const last = await reconnect(made);
  assert.deepEqual(last.take(), [ask("news", { epoch: "a", offset: 8 })]);
  say(at("a", 9, "news", true), said(9));
  assert.deepEqual(told.flat(), [
    ...["subscribed", true, 8],
    ...["subscribed", true],
    ...["subscribed", true, 9],
  ]);
});

const SEVEN = { epoch: "a", offset: 7 };

for (const [how, name, act] of [
  ["a reconnect", "news", ({ made }) => reconnect(made)],
  [
    "disconnect() and connect()",
    "news",
    ({ herald, browser }) => {
      herald.disconnect();
      herald.connect();
      browser.socket.accept();
    },
  ],
  [
    "unavailable",
    "news",
    async ({ made, say, clock }) => {
      await reconnect(made);
      made.browser.socket.take();
      say(refused("news", "unavailable"));
      await clock.advance(500);
    },
  ],
  [
    "a grant that has expired",
    "private-x",
    async ({ say, clock }) => {
      say(unsubscribed("private-x", "the grant has expired"));
      await clock.advance(500);
    },
  ],
  [
    "subscribe() after the backend has ended it",
    "news",
    ({ say, channel }) => {
      say(unsubscribed("news", "ended by the backend"));
      channel.subscribe();
    },
  ],
  [
    "subscribe() after a refusal",
    "news",
    async ({ made, say, channel }) => {
      await reconnect(made);
      made.browser.socket.take();
      say(refused("news", "channel_full"));
      channel.subscribe();
    },
  ],
]) {
  test(`the position is sent after ${how}`, async (t) => {
    const world = listening(t, { onError: () => {} }, name);
    await act(world);
    assert.deepEqual(world.browser.socket.take(), [ask(name, SEVEN)]);
    world.say(at("a", 8, name, true), said(8, name));
    assert.deepEqual(world.told, [["subscribed", true], 8]);
  });
}

test("credentials and the position go together, asked one by one or all at once", async (t) => {
  for (const options of [
    { authorize: async () => ({ auth: "t", channelData: { a: 1 } }) },
    { authorizeAll: async () => ({ "private-x": { auth: "t", channelData: { a: 1 } } }) },
  ]) {
    const { made, say } = listening(t, options, "private-x");
    await settle();
    say(at("a", 7, "private-x"));
    made.browser.socket.take();
    const socket = await reconnect(made);
    const shown = { auth: "t", channel_data: { a: 1 } };
    assert.deepEqual(socket.take(), [ask("private-x", SEVEN, shown)]);
    made.browser.remove();
  }
});

test("each channel has a position of its own", async (t) => {
  const { made, herald, say } = listening(t);
  herald.channel("sport");
  herald.channel("weather");
  say(at("b", 1, "sport"), subscribed("weather"), said(9, "news"), said(2, "sport"));
  const socket = await reconnect(made);
  assert.deepEqual(socket.take(), [
    ask("news", { epoch: "a", offset: 9 }),
    ask("sport", { epoch: "b", offset: 2 }),
    ask("weather"),
  ]);
});

test("a channel that was left is forgotten, but its last position can be given on", (t) => {
  const { herald, browser, channel, say } = listening(t);
  say(said(8));
  herald.leave("news");
  browser.socket.take();
  say(unsubscribed("news"), said(9));
  const fresh = herald.channel("news");
  assert.equal(fresh.position, undefined);
  assert.deepEqual(browser.socket.take(), [ask("news")]);
  herald.leave("news");
  browser.socket.take();
  herald.channel("news", { since: channel.position });
  assert.deepEqual(browser.socket.take(), [ask("news", { epoch: "a", offset: 8 })]);
});

// Once.

test("an event that was received before is not delivered again", async (t) => {
  const { made, told, say } = listening(t);
  say(said(7), said(8), said(8), said(3), said(9));
  await reconnect(made);
  say(at("a", 9, "news", true), said(8), said(9), said(10));
  assert.deepEqual(told, [8, 9, ["subscribed", true], 10]);
});

test("a whisper has no place among them", (t) => {
  const { channel, told, say } = listening(t);
  const whispers = [];
  channel.listenForWhisper("typing", (data) => whispers.push(data));
  say(whisper("news", "typing", 1), { ...whisper("news", "typing", 2), offset: 3 }, said(8));
  assert.deepEqual(whispers, [1, 2]);
  assert.deepEqual(told, [8]);
  assert.equal(channel.position.offset, 8);
});

test("a handler that throws has received the event all the same", async (t) => {
  const { made, channel, say } = listening(t);
  channel.listen("said", () => {
    throw new Error("oops");
  });
  say(said(8));
  const socket = await reconnect(made);
  assert.deepEqual(socket.take(), [ask("news", { epoch: "a", offset: 8 })]);
});

// Lost.

test("events that cannot be recovered are lost, and reported", async (t) => {
  const { made, channel, told, say, errors, browser } = listening(t);
  const losses = [];
  channel.lost((loss) => losses.push(loss));
  await reconnect(made);
  say(at("b", 3, "news", false), said(4));
  assert.deepEqual(told, [["lost", 7, 3], ["subscribed", false], 4]);
  const position = { epoch: "b", offset: 3 };
  assert.deepEqual(losses, [{ channel: "news", since: SEVEN, position }]);
  assert.deepEqual([errors, browser.consoleWarnings], [[], []]);
  const socket = await reconnect(made);
  assert.deepEqual(socket.take(), [ask("news", { epoch: "b", offset: 4 })]);
});

test("the same epoch can have forgotten, too", async (t) => {
  const { made, channel, told, say } = listening(t);
  await reconnect(made);
  say(at("a", 500, "news", false), said(501));
  assert.deepEqual(told, [["lost", 7, 500], ["subscribed", false], 501]);
  assert.deepEqual(channel.position, { epoch: "a", offset: 501 });
});

test("a reported loss is believed, in spite of the offsets", async (t) => {
  const { made, told, say } = listening(t);
  await reconnect(made);
  say(at("a", 7, "news", false));
  assert.deepEqual(told, [["lost", 7, 7], ["subscribed", false]]);
});

test("a server that does not know how to recover has lost it", async (t) => {
  const { made, channel, told, say } = listening(t);
  await reconnect(made);
  say(subscribed("news"), event("news", "said", 1));
  assert.deepEqual(told, [["lost", 7, undefined], ["subscribed", false], undefined]);
  assert.equal(channel.position, undefined);
  const socket = await reconnect(made);
  assert.deepEqual(socket.take(), [ask("news")]);
});

test("a history that begins anew while one listens, with nothing missed, is no loss", (t) => {
  const { channel, told, say, errors } = listening(t);
  say(said(8), at("b", 0, "news"), said(1), said(2));
  assert.deepEqual(told, [8, 1, 2]);
  assert.deepEqual(channel.position, { epoch: "b", offset: 2 });
  assert.deepEqual(errors, []);
});

test("and with something missed it is one, and the subscription lives on", (t) => {
  const { channel, told, say } = listening(t);
  say(said(8), at("b", 2, "news", false), said(3));
  assert.deepEqual(told, [8, ["lost", 8, 2], ["subscribed", false], 3]);
  assert.deepEqual([channel.state, channel.position.offset], ["subscribed", 3]);
});

test("events that a slow reader was not given are lost", (t) => {
  const { told, say } = listening(t);
  say(said(8), at("a", 19, "news", false), said(20));
  assert.deepEqual(told, [8, ["lost", 8, 19], ["subscribed", false], 20]);
});

test("subscribed again in the same epoch changes nothing", async (t) => {
  const { made, channel, told, say } = listening(t);
  say(at("a", 9, "news"), said(8), said(9));
  assert.deepEqual(told, [8, 9]);
  say(at("a", 12, "news"));
  assert.deepEqual(channel.position, { epoch: "a", offset: 9 });
  await reconnect(made);
  assert.deepEqual(made.browser.socket.take(), [ask("news", { epoch: "a", offset: 9 })]);
});

test("a channel that is given a history while one listens has a position then", (t) => {
  const { herald, browser } = connectedWorld(t);
  const told = record(herald.channel("news"));
  for (const message of [subscribed("news"), at("a", 0, "news"), said(1), said(1)]) {
    browser.socket.say(message);
  }
  assert.deepEqual(told, [["subscribed", false], 1]);
  assert.deepEqual(herald.channel("news").position, { epoch: "a", offset: 1 });
});

test("a backend that subscribes us first has not asked for us: the offsets decide", async (t) => {
  for (const [offset, expected] of [
    [7, [["subscribed", true], 8]],
    [9, [["lost", 7, 9], ["subscribed", false]]],
  ]) {
    const { made, told, say } = listening(t);
    await reconnect(made);
    say(at("a", offset, "news"));
    // The answer to our own subscribe, and its effect.
    say(at("a", 9, "news", true), said(8), ...(offset === 9 ? [said(9)] : []));
    assert.deepEqual(told, expected);
    made.browser.remove();
  }
});

test("without a handler a loss is an error of the channel, and a warning", async (t) => {
  const { made, herald, browser, errors } = listening(t);
  const told = [];
  const sport = herald.channel("sport").error((error) => told.push(error));
  browser.socket.say(at("a", 1, "sport"));
  herald.channel("weather");
  browser.socket.say(at("a", 1, "weather"));
  await reconnect(made);
  for (const name of ["news", "sport", "weather"]) browser.socket.say(at("b", 0, name, false));
  assert.deepEqual(codes(told), [["events_lost", "sport"]]);
  assert.ok(told[0] instanceof LostError && told[0] instanceof HeraldError);
  assert.match(told[0].reason, /lost\(\)/);
  assert.deepEqual(codes(errors), [["events_lost", "weather"]]);
  assert.deepEqual(
    browser.consoleWarnings.map(([text]) => text.split(":")[0]),
    ["sport", "weather"],
  );
  sport.lost(() => {});
  browser.socket.say(at("c", 0, "sport", false));
  assert.equal(browser.consoleWarnings.length, 2);
  assert.equal(sport.state, "subscribed");
});

test("a handler of losses can be taken back, and may throw", async (t) => {
  const { channel, say, errors, browser } = listening(t);
  channel.lost(() => {
    throw new Error("oops");
  });
  const handler = () => assert.fail("called");
  channel.lost(handler).stop(handler);
  say(at("b", 0, "news", false));
  assert.deepEqual(codes(errors), [["handler_failed", "news"]]);
  assert.deepEqual(browser.consoleWarnings, []);
});

test("a handler of losses may leave, and then no handler is called any more", (t) => {
  const { herald, channel, told, say, errors } = listening(t);
  channel.lost(() => herald.leave("news"));
  say(at("b", 0, "news", false), said(1));
  assert.deepEqual(told, [["lost", 7, 0]]);
  assert.deepEqual(errors, []);
});

test("a late subscriber of a recovered channel has recovered nothing", async (t) => {
  const { made, channel, say } = listening(t);
  await reconnect(made);
  say(at("a", 7, "news", true));
  const late = [];
  channel.subscribed((confirmation) => late.push(confirmation));
  await settle();
  assert.deepEqual(late, [{ channel: "news", recovered: false }]);
});

test("on a presence channel members come first, then the loss, then the rest", async (t) => {
  const { made, herald, browser } = listening(t);
  const room = herald.join("room");
  const told = record(room);
  room.here((members) => told.push(["here", members.length]));
  room.joining(({ id }) => told.push(["joining", id]));
  const roster = (...ids) => ({ members: ids.map(member) });
  browser.socket.say({ ...at("a", 1, "presence-room"), ...roster("ada") });
  browser.socket.take();
  told.length = 0;
  const socket = await reconnect(made);
  assert.deepEqual(socket.take()[1], ask("presence-room", { epoch: "a", offset: 1 }));
  socket.say({ ...at("a", 2, "presence-room", true), ...roster("ada") });
  socket.say(said(2, "presence-room"));
  assert.deepEqual(told.splice(0), [["subscribed", true], ["here", 1], 2]);
  socket.say({ ...at("b", 0, "presence-room", false), ...roster("ada", "bob") });
  assert.deepEqual(told, [["joining", "bob"], ["lost", 2, 0], ["subscribed", false]]);
});
