// SPDX-License-Identifier: Apache-2.0
//
// Messages of a server to herald-client, one a line; the last line may be code
// and reason of a close. Promise: a text that WEBSOCKET.md does not allow is
// reported once as a ProtocolError and changes nothing; any other is decoded,
// without its invalid optional fields, and again to the same. Handlers receive
// values of the types that the library declares. No text changes a prototype,
// ends the connection or keeps a later message from its handler.

import assert from "node:assert/strict";
import { HeraldError } from "../../clients/typescript/src/errors.ts";
import { Herald } from "../../clients/typescript/src/herald.ts";
import { FakeBrowser } from "../clients/typescript/fake_browser.mjs";
import { checkDecoder, isOffset, isRoster, judge } from "./decoder_model.mjs";

export { mutate } from "./mutate_message.mjs";

const PUBLIC = ["news", "private-x", "chat.1"];
const ROOM = "presence-room";
const FINAL_CLOSE_CODES = [1002, 1003, 1007, 1008, 1009, 4003];

const isPosition = ({ epoch, offset }) =>
  typeof epoch === "string" && epoch !== "" && isOffset(offset);

const assertPosition = (position) =>
  assert.ok(position === undefined || isPosition(position));

/** Listens to a channel, and checks each value. */
function listenTo(channel, calls) {
  channel.subscribed(() => {
    assertPosition(channel.position);
    calls.push("subscribed");
  });
  channel.lost(({ since, position }) => {
    assertPosition(since);
    assertPosition(position);
    calls.push("lost");
  });
  channel.listenToAll((event, data, meta) => {
    assert.equal(typeof event, "string");
    assert.notEqual(data, undefined);
    assert.equal(meta.channel, channel.name);
    if (meta.offset !== undefined) assert.ok(isOffset(meta.offset));
    calls.push("event");
  });
  channel.listenForWhisper("typing", (data, { userId }) => {
    assert.notEqual(data, undefined);
    assert.ok(userId === undefined || typeof userId === "string");
    calls.push("whisper");
  });
}

/** Listens to the members of a channel, and keeps a list of its own. */
function listenToMembers(room, calls) {
  const present = new Set();
  const check = ({ id, info }) => {
    assert.equal(typeof id, "string");
    assert.notEqual(info, undefined);
  };
  room.here((members) => {
    members.forEach(check);
    present.clear();
    for (const { id } of members) present.add(id);
    assert.equal(present.size, members.length);
    calls.push("here");
  });
  room.joining((member) => {
    check(member);
    assert.ok(!present.has(member.id));
    present.add(member.id);
    calls.push("joining");
  });
  room.leaving((member) => {
    check(member);
    assert.ok(present.delete(member.id));
    calls.push("leaving");
  });
}

/** A page with subscriptions. */
class Page {
  #browser;
  #herald;
  #errors = [];
  #calls = [];
  #channels = new Map();
  #unknown = new Set(); // The types that were reported.
  #socketId;

  constructor(browser) {
    this.#browser = browser;
    this.#herald = new Herald("ws://127.0.0.1:8080/ws", {
      lostJitter: 0,
      onError: (error) => this.#errors.push(error),
    });
  }

  /** A first text that is not `connected` is reported and changes nothing. */
  connect(text) {
    const { socket } = this.#browser;
    socket.readyState = 1;
    socket.say(text);
    const { verdict, type } = judge(text);
    if (verdict !== "good" || type !== "connected") {
      assert.equal(this.#herald.state, "connecting");
      this.#assertReported(1);
      if (verdict === "unknown") this.#unknown.add(type);
      socket.accept();
    }
    this.#socketId = this.#herald.socketId;
    assert.equal(typeof this.#socketId, "string");
    assert.equal(this.#herald.state, "connected");
  }

  subscribe() {
    for (const name of [...PUBLIC, ROOM]) {
      const channel = this.#herald.channel(name);
      this.#channels.set(name, channel);
      listenTo(channel, this.#calls);
    }
    listenToMembers(this.#channels.get(ROOM), this.#calls);
    for (const channel of PUBLIC) {
      this.#say({ type: "subscribed", channel, epoch: "e", offset: 41 });
    }
    const members = [{ user_id: "ada", user_info: { name: "Ada" } }];
    this.#say({ type: "subscribed", channel: ROOM, members });
    assert.ok(this.#calls.includes("here"));
  }

  /** Delivers a text, and checks its effect. */
  deliver(text) {
    this.#errors.length = this.#calls.length = 0;
    const { verdict, type } = judge(text);
    const isGood = verdict === "good" && type !== "connected";
    const isInOrder = isGood && this.#isInOrder(JSON.parse(text));
    this.#say(text);
    if (isInOrder) {
      this.#assertReported(this.#errors.length);
      assert.ok(this.#errors.every(({ code }) => code !== "bad_message"));
      if (type === "pong") assert.deepEqual(this.#calls, []);
    } else {
      const isKnown = this.#unknown.has(type) || this.#unknown.size >= 100;
      this.#assertReported(verdict === "unknown" && isKnown ? 0 : 1);
      assert.ok(this.#errors.every((error) => error.code === "bad_message"));
      assert.deepEqual(this.#calls, []);
      if (verdict === "unknown" && !isKnown) this.#unknown.add(type);
    }
    assert.equal(this.#herald.state, "connected");
    assert.equal(this.#herald.socketId, this.#socketId);
  }

  /** Whether a good message may arrive now. */
  #isInOrder({ type, channel: name, members }) {
    const channel = this.#channels.get(name);
    if (!channel) return true; // A backend may subscribe to any.
    if (type === "subscribed") return name !== ROOM || isRoster(members);
    const isOfSubscribed = ["event", "member_added", "member_removed"];
    return channel.state === "subscribed" || !isOfSubscribed.includes(type);
  }

  /** A further channel works. */
  subscribeToLast() {
    const received = [];
    this.#herald.channel("last").listen("e", (data) => received.push(data));
    this.#say({ type: "subscribed", channel: "last" });
    this.#say({ type: "event", channel: "last", event: "e", data: "on" });
    assert.deepEqual(received, ["on"]);
  }

  /** After a close a retry is due in time, or the page stays closed. */
  close(text) {
    const [, code = 1006, reason] = /^(\d{4}) (.*)/.exec(text) ?? [];
    this.#browser.socket.end(Number(code), reason);
    const isFinal = FINAL_CLOSE_CODES.includes(Number(code));
    const { state, reason: cause } = this.#herald;
    assert.equal(state, isFinal ? "closed" : "unavailable");
    assert.match(cause.text, /./);
    if (!isFinal) assert.ok(cause.retryIn >= 0 && cause.retryIn <= 60_000);
  }

  #say(message) {
    this.#browser.socket.say(message);
  }

  #assertReported(count) {
    assert.equal(this.#errors.length, count);
    for (const error of this.#errors) {
      assert.ok(error instanceof HeraldError);
      assert.notEqual(error.code, "handler_failed", error.cause?.stack);
      assert.ok(["string", "undefined"].includes(typeof error.channel));
      assert.equal(typeof error.reason, "string");
    }
  }
}

function deliverTo(page, text) {
  try {
    page.deliver(text);
  } catch (error) {
    error.stack = `Text: ${text}\n${error.stack}`;
    throw error;
  }
}

/** Delivers the texts to a page in a browser of its own. */
function checkLibrary(texts) {
  const browser = new FakeBrowser().install();
  try {
    const page = new Page(browser);
    page.connect(texts[0]);
    page.subscribe();
    for (const text of texts) deliverTo(page, text);
    page.subscribeToLast();
    page.close(texts.at(-1));
  } finally {
    browser.remove();
  }
}

const PROTOTYPES = [Object, Array, String, Error, Map, Set].map(
  ({ prototype }) => prototype,
);
const describePrototypes = () =>
  PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).length).join();
const prototypes = describePrototypes();

export function fuzz(bytes) {
  const texts = bytes.toString("utf8").split("\n");
  texts.forEach(checkDecoder);
  checkLibrary(texts);
  assert.equal(describePrototypes(), prototypes);
}
