// SPDX-License-Identifier: Apache-2.0
//
// A server that sends nonsense: reported to the application as a typed error,
// and otherwise without effect. The connection and the subscriptions stay.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProtocolError } from "./library.mjs";
import { codes, connectedWorld, event, left, reconnect, subscribed, world } from "./world.mjs";

const nonsense = [
  ["nothing", ""],
  ["no JSON", "}{"],
  ["half a message", '{"type":"event","event":"e","chan'],
  ["deep JSON", "[".repeat(200_000)],
  ["a number", "7"],
  ["null", "null"],
  ["a string", '"event"'],
  ["a list", '[{"type":"pong"}]'],
  ["no type", '{"channel":"news"}'],
  ["a type that is no string", '{"type":7}'],
  ["an unknown type", '{"type":"shout"}'],
  ["the name of a method as type", '{"type":"constructor"}'],
  ["a prototype as type", '{"type":"__proto__"}'],
  ["bytes", new ArrayBuffer(8)],
  ["undefined", undefined],
  ["a second hello", '{"type":"connected","socket_id":"6.6"}'],
  ["a hello without an id", '{"type":"connected"}'],
  ["subscribed to nothing", '{"type":"subscribed"}'],
  ["subscribed to a number", '{"type":"subscribed","channel":7}'],
  ["a refusal without a code", '{"type":"subscription_error","channel":"news","error":"no"}'],
  ["a refusal without a sentence", '{"type":"subscription_error","channel":"news","code":"x"}'],
  ["an end of nothing", '{"type":"unsubscribed"}'],
  ["an event without a name", '{"type":"event","channel":"news","data":1}'],
  ["an event without data", '{"type":"event","channel":"news","event":"e"}'],
  ["an event on nothing", '{"type":"event","event":"e","data":1}'],
  ["an event at a text", '{"type":"event","channel":"news","event":"e","data":1,"offset":"1"}'],
  ["an event at null", '{"type":"event","channel":"news","event":"e","data":1,"offset":null}'],
  ["an event at a half", '{"type":"event","channel":"news","event":"e","data":1,"offset":1.5}'],
  ["an event before all", '{"type":"event","channel":"news","event":"e","data":1,"offset":-1}'],
  ["an event too far", '{"type":"event","channel":"news","event":"e","data":1,"offset":1e300}'],
  ["nobody who joins", '{"type":"member_added","channel":"presence-room"}'],
  ["nobody who leaves", '{"type":"member_removed","channel":"presence-room"}'],
  ["an error without a message", '{"type":"error"}'],
];

for (const [what, text] of nonsense) {
  test(`${what} is reported once, and changes nothing`, async (t) => {
    const errors = [];
    const onError = (error) => errors.push(error);
    const { herald, browser } = connectedWorld(t, { onError });
    const heard = [];
    const news = herald.channel("news").listenToAll((_, data) => heard.push(data)).error(onError);
    const room = herald.join("room").error(onError);
    browser.socket.say(subscribed("news"));
    browser.socket.say(subscribed("presence-room", "ada"));
    browser.socket.say(text);
    assert.equal(errors.length, 1);
    assert.ok(errors[0] instanceof ProtocolError);
    assert.equal(errors[0].code, "bad_message");
    assert.match(errors[0].reason, /\w/);
    assert.ok(errors[0].message.length < 300);
    assert.deepEqual([herald.state, herald.socketId], ["connected", "1234.5678"]);
    assert.deepEqual([news.state, room.state], ["subscribed", "subscribed"]);
    assert.deepEqual([...room.members.keys()], ["ada"]);
    browser.socket.say(event("news", "e", "on"));
    assert.deepEqual(heard, ["on"]);
  });
}

test("nonsense about a channel is reported to that channel, if it listens", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const told = [];
  herald.channel("news").error((error) => told.push(error));
  for (const channel of ["news", "sport"]) browser.socket.say({ type: "event", channel, data: 1 });
  assert.deepEqual(codes(told), [["bad_message", "news"]]);
  assert.deepEqual(codes(errors), [["bad_message", "sport"]]);
});

test("before hello nothing else is believed", (t) => {
  const { herald, browser, errors } = world(t);
  const news = herald.channel("news");
  browser.socket.readyState = 1;
  browser.socket.say(subscribed("news"));
  assert.equal(news.state, "pending");
  assert.deepEqual(codes(errors), [["bad_message", undefined]]);
  browser.socket.accept();
  assert.equal(herald.state, "connected");
});

test("an unknown type is reported once for each type", (t) => {
  const { browser, errors } = connectedWorld(t);
  for (const type of ["shout", "shout", "sing", "shout", "sing"]) browser.socket.say({ type });
  assert.deepEqual(
    errors.map(({ reason }) => reason),
    ['the unknown type "shout"', 'the unknown type "sing"'],
  );
});

test("a server that invents types for ever does not fill the memory", (t) => {
  const { browser, errors } = connectedWorld(t);
  for (let i = 0; i < 1000; i++) browser.socket.say({ type: `${i}`.repeat(1000) });
  assert.equal(errors.length, 100);
});

test("an event before subscribed is reported and not delivered", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const news = herald.channel("news").listenToAll(() => assert.fail("called"));
  browser.socket.say(event("news", "e", 1));
  browser.socket.say(left("news", "ada"));
  assert.deepEqual(codes(errors), Array(2).fill(["bad_message", "news"]));
  browser.socket.say(subscribed("news"));
  assert.equal(news.state, "subscribed");
});

test("a member of a channel that has none is no trouble", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(subscribed("news"));
  browser.socket.say(left("news", "ada"));
  assert.equal(news.state, "subscribed");
  assert.deepEqual(errors, []);
});

test("a pong with fields of another message is a pong", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const room = herald.join("room");
  const pong = { type: "pong", channel: "presence-room", user_id: "ada" };
  browser.socket.say(pong);
  browser.socket.say(subscribed("presence-room", "ada"));
  browser.socket.say(pong);
  assert.deepEqual([...room.members.keys()], ["ada"]);
  assert.deepEqual(errors, []);
});

test("an end with a reason that is no text has none", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  herald.channel("news");
  for (const reason of [7, { no: "text" }, null]) {
    browser.socket.say(subscribed("news"));
    browser.socket.say({ type: "unsubscribed", channel: "news", reason });
  }
  assert.deepEqual(codes(errors), Array(3).fill(["unsubscribed", "news"]));
  assert.ok(errors.every((error) => typeof error.reason === "string"));
});

test("a frame of 32 MiB arrives", (t) => {
  const { herald, browser } = connectedWorld(t);
  let length = 0;
  herald.channel("news").listen("e", (data) => (length = data.length));
  browser.socket.say(subscribed("news"));
  browser.socket.say(event("news", "e", "x".repeat(2 ** 25)));
  assert.equal(length, 2 ** 25);
});

test("an error of the server is reported as such", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  browser.socket.say({ type: "error", message: "whisper on news: client events are off" });
  assert.ok(errors[0] instanceof ProtocolError);
  assert.equal(errors[0].code, "server_error");
  assert.equal(errors[0].reason, "whisper on news: client events are off");
  assert.equal(herald.state, "connected");
});

test("an error of the server about a channel goes to that channel", (t) => {
  const { herald, browser, errors } = connectedWorld(t);
  const told = [];
  herald.channel("news").error((error) => told.push(error));
  herald.channel("sport");
  const message = "client events are off";
  browser.socket.say({ type: "error", message, channel: "news", code: "not_allowed" });
  browser.socket.say({ type: "error", message, channel: "news", code: "rate_limited" });
  browser.socket.say({ type: "error", message, channel: "sport", code: "a new one" });
  browser.socket.say({ type: "error", message, channel: "unknown" });
  browser.socket.say({ type: "error", message, channel: 7, code: 7 });
  const seen = (list) => list.map((one) => [one.code, one.channel, one.serverCode]);
  assert.deepEqual(seen(told), [
    ["server_error", "news", "not_allowed"],
    ["server_error", "news", "rate_limited"],
  ]);
  assert.deepEqual(seen(errors), [
    ["server_error", "sport", "a new one"],
    ["server_error", "unknown", undefined],
    ["server_error", undefined, undefined],
  ]);
});

test("a close in the middle of everything loses no subscription", async (t) => {
  const made = connectedWorld(t, { authorize: () => "t" });
  const { herald, browser } = made;
  const channels = [herald.channel("a"), herald.private("b"), herald.join("c")];
  channels.push(herald.channel("d"));
  browser.socket.say(subscribed("a"));
  await made.clock.advance(0);
  for (let i = 0; i < 5; i++) {
    await reconnect(made, `1.${i}`);
    browser.socket.say(subscribed("a"));
  }
  await reconnect(made);
  for (const { name } of channels) browser.socket.say(subscribed(name));
  assert.deepEqual(
    channels.map(({ state }) => state),
    Array(4).fill("subscribed"),
  );
});

// Every schedule of answers, drops and wishes that chance finds ends as it should.

/** Numbers that look random, the same for the same seed. */
function randomOf(seed) {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % bound;
  };
}

/** A gateway that answers each frame rightly, but only on demand. */
function gatewayOf(browser) {
  let due = [];
  let held = new Set();
  browser.onSocket = (socket) => {
    due = [];
    held = new Set();
    socket.onSent = ({ type, channel }) => due.push({ type, channel });
  };
  const answer = () => {
    const { type, channel } = due.shift();
    if (type === "subscribe") {
      held.add(channel);
      browser.socket.say(subscribed(channel, "ada"));
    } else if (type === "unsubscribe") {
      held.delete(channel);
      browser.socket.say({ type: "unsubscribed", channel });
    }
  };
  return { answer, isDue: () => due.length > 0, held: () => [...held].sort() };
}

for (let seed = 1; seed <= 100; seed++) {
  test(`in the end both sides agree: schedule ${seed}`, async (t) => {
    const random = randomOf(seed);
    const made = world(t, { authorize: () => "t", autoConnect: false });
    const { herald, browser, clock, errors } = made;
    const gateway = gatewayOf(browser);
    const names = ["a", "private-b", "presence-c"];
    const acts = [
      () => herald.channel(names[random(3)]),
      () => herald.leave(names[random(3)]),
      () => gateway.isDue() && gateway.answer(),
      () => gateway.isDue() && gateway.answer(),
      () => browser.socket.readyState === 0 && browser.socket.accept(),
      () => clock.advance(random(400)),
      () => random(4) === 0 && browser.socket.end(),
      () => random(8) === 0 && (herald.disconnect(), herald.connect()),
    ];
    herald.connect();
    for (let i = 0; i < 150; i++) await acts[random(acts.length)]();
    if (herald.state === "unavailable") await clock.advance(20_000);
    if (herald.state === "connecting") browser.socket.accept();
    do {
      await clock.advance(0);
      while (gateway.isDue()) gateway.answer();
      await clock.advance(0);
    } while (gateway.isDue());
    assert.equal(herald.state, "connected");
    assert.deepEqual(gateway.held(), herald.channels.sort());
    for (const name of herald.channels) assert.equal(herald.channel(name).state, "subscribed");
    assert.deepEqual(errors, []);
  });
}
