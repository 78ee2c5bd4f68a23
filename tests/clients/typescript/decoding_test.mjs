// SPDX-License-Identifier: Apache-2.0
//
// Messages that no server should send: the golden frames, mutated at random from fixed seeds. A
// text that WEBSOCKET.md does not allow is reported once and changes nothing; any other is
// understood; and handlers get values of the types that the library promises, in any case.
//
// HERALD_SEEDS=1000 tries more seeds; a failure names its seed and its text.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { HeraldError, ProtocolError, root } from "./library.mjs";
import { at, connectedWorld, event, subscribed } from "./world.mjs";

const SEEDS = Number(process.env.HERALD_SEEDS ?? 20);
const TEXTS = 300;

const folder = new URL("tests/golden/native/", root);
const golden = readdirSync(folder)
  .filter((name) => name.startsWith("server_"))
  .map((name) => readFileSync(new URL(name, folder), "utf8").trimEnd());

/** Numbers below `end` from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

const VALUES = [
  null, true, 0, 1, 41, 42, 43, -1, 1.5, 1e300, 2 ** 53, "", "x", "news", "chat.1", "presence-room",
  "constructor", "__proto__", "\ud800", "x".repeat(1000), [], {}, [null], [[]], [{}],
  [{ user_id: "eve" }], [{ user_id: "eve" }, { user_id: "eve" }], [{ user_id: 7 }],
  { user_id: "eve" },
];

const KEYS = [
  "type", "channel", "event", "data", "offset", "epoch", "recovered", "members", "user_id",
  "user_info", "reason", "error", "code", "message", "socket_id", "whisper", "__proto__", "unknown",
];

const FIELD = { enumerable: true, configurable: true, writable: true };

const of = (random, all) => all[random(all.length)];

/** Changes a field somewhere in the message. */
function mutateField(random, message) {
  const inner = Object.values(message).filter((value) => value && typeof value === "object");
  if (inner.length > 0 && random(4) === 0) return mutateField(random, of(random, inner));
  const key = random(2) ? of(random, Object.keys(message)) : of(random, KEYS);
  if (random(3) === 0) delete message[key];
  else {
    const value = structuredClone(of(random, VALUES));
    // An assignment to `__proto__` would make no field.
    Object.defineProperty(message, key, { ...FIELD, value });
  }
}

/** Changes characters of the text. */
function mutateText(random, text) {
  const from = random(text.length + 1);
  const to = from + random(4);
  const inserted = [..."\"\\{}[]:,0-u\u0000ü", "", "1e", "null", '"type":"event",'];
  return text.slice(0, from) + of(random, inserted) + text.slice(to);
}

function draw(random) {
  let text = of(random, golden);
  if (random(8) > 0) {
    const message = JSON.parse(text);
    for (let i = random(4); i > 0; i--) mutateField(random, message);
    text = JSON.stringify(message);
  }
  for (let i = random(8) - 5; i > 0; i--) text = mutateText(random, text);
  return text;
}

const NEEDED = {
  subscribed: { channel: "string" },
  subscription_error: { channel: "string", error: "string", code: "string" },
  unsubscribed: { channel: "string" },
  event: { channel: "string", event: "string" },
  member_added: { channel: "string", user_id: "string" },
  member_removed: { channel: "string", user_id: "string" },
  pong: {},
  error: { message: "string" },
};

const isOffset = (value) => Number.isSafeInteger(value) && value >= 0;

/** Whether WEBSOCKET.md allows the text: "good", "bad", or "unknown" for its type. */
function judge(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return "bad";
  }
  const type = message?.type;
  if (typeof type !== "string") return "bad";
  if (type === "connected") return "bad"; // A second one.
  if (!Object.hasOwn(NEEDED, type)) return "unknown";
  const fits = Object.entries(NEEDED[type]).every(([key, kind]) => typeof message[key] === kind);
  if (!fits) return "bad";
  if (type !== "event") return "good";
  const { data, offset } = message;
  return data !== undefined && (offset === undefined || isOffset(offset)) ? "good" : "bad";
}

const isPosition = (position) =>
  typeof position.epoch === "string" && position.epoch !== "" && isOffset(position.offset);

/** Listens to everything, and checks each value. Returns the calls. */
function listen(herald) {
  const heard = [];
  for (const name of ["news", "private-x", "presence-room", "chat.1"]) {
    const channel = herald.channel(name);
    channel.subscribed(() => {
      if (channel.position !== undefined) assert.ok(isPosition(channel.position));
      heard.push("subscribed");
    });
    channel.lost(({ since, position }) => {
      if (since !== undefined) assert.ok(isPosition(since));
      if (position !== undefined) assert.ok(isPosition(position));
      heard.push("lost");
    });
    channel.listenToAll((event, data, meta) => {
      assert.equal(typeof event, "string");
      assert.notEqual(data, undefined);
      assert.equal(meta.channel, name);
      if (meta.offset !== undefined) assert.ok(isOffset(meta.offset));
      heard.push("event");
    });
    channel.listenForWhisper("typing", (data, { userId }) => {
      assert.notEqual(data, undefined);
      assert.ok(userId === undefined || typeof userId === "string");
      heard.push("whisper");
    });
  }
  const present = new Set();
  const checkMember = ({ id, info }) => {
    assert.equal(typeof id, "string");
    assert.notEqual(info, undefined);
  };
  const room = herald.join("room");
  room.here((members) => {
    members.forEach(checkMember);
    present.clear();
    for (const { id } of members) present.add(id);
    assert.equal(present.size, members.length);
    heard.push("here");
  });
  room.joining((member) => {
    checkMember(member);
    assert.ok(!present.has(member.id));
    present.add(member.id);
    heard.push("joining");
  });
  room.leaving((member) => {
    checkMember(member);
    assert.ok(present.delete(member.id));
    heard.push("leaving");
  });
  return heard;
}

function subscribeAll(browser) {
  for (const name of ["news", "private-x"]) browser.socket.say(subscribed(name));
  browser.socket.say(subscribed("presence-room", "ada"));
  browser.socket.say(at("c7x2mq4kd3ta", 41, "chat.1"));
}

/** Delivers the text and checks its effect. */
function say({ browser, herald, errors }, heard, unknown, text) {
  heard.length = errors.length = 0;
  browser.socket.say(text);
  const bad = errors.filter((error) => error.code === "bad_message");
  for (const error of errors) {
    assert.ok(error instanceof HeraldError);
    assert.notEqual(error.code, "handler_failed", String(error.cause));
    assert.ok(error.channel === undefined || typeof error.channel === "string");
    assert.equal(typeof error.reason, "string");
  }
  const verdict = judge(text);
  if (verdict === "good") {
    // Or it is out of order: an event before `subscribed`, a presence channel without members.
    assert.ok(bad.length === 0 || (errors.length === 1 && heard.length === 0));
  } else {
    const type = verdict === "unknown" && JSON.parse(text).type;
    const isNews = type === false || (!unknown.has(type) && unknown.size < 100);
    if (type !== false && isNews) unknown.add(type);
    assert.equal(errors.length, isNews ? 1 : 0);
    assert.ok(errors.every((error) => error instanceof ProtocolError));
    assert.deepEqual(heard, []);
  }
  assert.deepEqual([herald.state, herald.socketId], ["connected", "1234.5678"]);
}

test(`of ${SEEDS * TEXTS} mutated messages none does harm`, async (t) => {
  let callsInAll = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    await t.test(`seed ${seed}`, (t) => {
      const random = randomFrom(seed);
      const made = connectedWorld(t);
      const heard = listen(made.herald);
      const unknown = new Set();
      subscribeAll(made.browser);
      for (let i = 0; i < TEXTS; i++) {
        if (i % 20 === 19) subscribeAll(made.browser); // Subscriptions that have ended.
        const text = draw(random);
        try {
          say(made, heard, unknown, text);
        } catch (error) {
          error.message = `seed ${seed}, text ${i}: ${text}\n${error.message}`;
          throw error;
        }
        callsInAll += heard.length;
      }
      const last = [];
      made.herald.channel("last").listen("e", (data) => last.push(data));
      made.browser.socket.say(subscribed("last"));
      made.browser.socket.say(event("last", "e", "on"));
      assert.deepEqual(last, ["on"]);
    });
  }
  assert.ok(callsInAll > SEEDS * 30, "the mutations leave too little intact");
});
