// SPDX-License-Identifier: Apache-2.0
//
// Members, their arrivals and departures, and the notifications of them after a
// break.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codes,
  connectedWorld,
  joined,
  left,
  reconnect,
  refused,
  settle,
  subscribed,
  unsubscribed,
} from "./world.mjs";

const ROOM = "presence-room";

/** A presence channel; its callbacks are recorded in `told`. */
function room(t) {
  const made = connectedWorld(t);
  const told = [];
  const ids = (members) => members.map(({ id }) => id).join(",");
  const channel = made.herald
    .join("room")
    .subscribed(() => told.push("subscribed"))
    .here((members) => told.push(`here ${ids(members)}`))
    .joining(({ id }) => told.push(`joining ${id}`))
    .leaving(({ id }) => told.push(`leaving ${id}`));
  const say = (message) => made.browser.socket.say(message);
  const members = () => [...channel.members.keys()];
  return { ...made, channel, told, say, members };
}

test("here brings all members, and the map is filled before", (t) => {
  const { channel, told, say, members } = room(t);
  channel.subscribed(() => told.push(`map ${members()}`));
  say(subscribed(ROOM, "ada", "bob"));
  assert.deepEqual(told, ["subscribed", "map ada,bob", "here ada,bob"]);
  assert.deepEqual(channel.members.get("ada"), { id: "ada", info: { name: "ADA" } });
});

test("joining and leaving bring the difference, and the map has it already", (t) => {
  const { channel, told, say, members } = room(t);
  say(subscribed(ROOM, "ada"));
  told.length = 0;
  const map = channel.members;
  channel.joining(() => told.push(`map ${members()}`));
  channel.leaving(() => told.push(`map ${members()}`));
  say(joined(ROOM, "bob"));
  say(left(ROOM, "ada"));
  assert.deepEqual(told, ["joining bob", "map ada,bob", "leaving ada", "map bob"]);
  assert.equal(channel.members, map);
});

test("a present member does not join, an absent one does not leave", (t) => {
  const { channel, told, say } = room(t);
  say(subscribed(ROOM, "ada"));
  told.length = 0;
  say({ ...joined(ROOM, "ada"), user_info: { name: "Ada II" } });
  say(left(ROOM, "bob"));
  assert.deepEqual(told, []);
  assert.deepEqual(channel.members.get("ada").info, { name: "Ada II" });
});

test("a member without info has null for it", (t) => {
  const { channel, say } = room(t);
  say({ ...subscribed(ROOM), members: [{ user_id: "ada", user_info: null }, { user_id: "bob" }] });
  assert.deepEqual(
    [...channel.members.values()],
    [
      { id: "ada", info: null },
      { id: "bob", info: null },
    ],
  );
});

test("an id may be any string", (t) => {
  const { channel, told, say } = room(t);
  say(subscribed(ROOM, "__proto__", "constructor", ""));
  say(left(ROOM, "__proto__"));
  assert.deepEqual([...channel.members.keys()], ["constructor", ""]);
  assert.equal(told.at(-1), "leaving __proto__");
});

test("a late here handler is called soon", async (t) => {
  const { channel, told, say } = room(t);
  say(subscribed(ROOM, "ada"));
  channel.here((members) => told.push(`late ${members.length}`));
  assert.equal(told.at(-1), "here ada");
  await settle();
  assert.equal(told.at(-1), "late 1");
});

test("after a break only the real difference is reported, then all members", async (t) => {
  const made = room(t);
  const { told, say, members, browser, channel } = made;
  say(subscribed(ROOM, "ada", "bob"));
  told.length = 0;
  browser.socket.end();
  assert.deepEqual(members(), ["ada", "bob"]);
  assert.equal(channel.state, "pending");
  await reconnect(made);
  say(subscribed(ROOM, "ada", "eve"));
  assert.deepEqual(told, ["leaving bob", "joining eve", "subscribed", "here ada,eve"]);
});

test("when all are the same after a break, no member joins or leaves", async (t) => {
  const made = room(t);
  made.say(subscribed(ROOM, "ada", "bob"));
  made.told.length = 0;
  await reconnect(made);
  made.say(subscribed(ROOM, "bob", "ada"));
  assert.deepEqual(made.told, ["subscribed", "here bob,ada"]);
});

test("a grant that ends and returns brings the difference, too", async (t) => {
  const { told, say, clock } = room(t);
  say(subscribed(ROOM, "ada", "bob"));
  told.length = 0;
  say(unsubscribed(ROOM, "the grant has expired"));
  await clock.advance(250);
  say(subscribed(ROOM, "ada"));
  assert.deepEqual(told, ["leaving bob", "subscribed", "here ada"]);
});

test("a refused subscriber knows no members any more", async (t) => {
  const made = room(t);
  const { told, say, members } = made;
  say(subscribed(ROOM, "ada", "bob"));
  await reconnect(made);
  told.length = 0;
  say(refused(ROOM, "unauthorized"));
  assert.deepEqual(members(), []);
  made.channel.subscribe();
  say(subscribed(ROOM, "eve"));
  assert.deepEqual(told, ["subscribed", "here eve"]);
});

test("a repeated roster on one connection is a difference, not news", (t) => {
  const { told, say } = room(t);
  say(subscribed(ROOM, "ada"));
  told.length = 0;
  say(subscribed(ROOM, "ada", "bob"));
  assert.deepEqual(told, ["joining bob"]);
});

test("leave() empties the room without a notification", (t) => {
  const { told, say, members, herald } = room(t);
  say(subscribed(ROOM, "ada"));
  told.length = 0;
  herald.leave("room");
  say(left(ROOM, "ada"));
  assert.deepEqual(members(), []);
  assert.deepEqual(told, []);
});

test("a handler may leave in the midst of a difference", async (t) => {
  const made = room(t);
  const { told, say, channel, herald } = made;
  say(subscribed(ROOM, "ada", "bob"));
  await reconnect(made);
  told.length = 0;
  channel.leaving(() => herald.leave("room"));
  say(subscribed(ROOM, "eve"));
  assert.deepEqual(told, ["leaving ada"]);
  assert.equal(channel.state, "left");
  assert.equal(channel.members.size, 0);
});

for (const [what, members] of [
  ["none", undefined],
  ["no list", "everybody"],
  ["a member without an id", [{ user_id: "ada" }, { user_info: {} }]],
  ["a member that is none", [null]],
]) {
  test(`a roster with ${what} is reported and asked for again`, async (t) => {
    const { channel, say, clock, browser, errors } = room(t);
    browser.socket.take();
    say({ type: "subscribed", channel: ROOM, members });
    assert.equal(channel.state, "pending");
    assert.deepEqual(codes(errors), [["bad_message", ROOM]]);
    await clock.advance(250);
    assert.deepEqual(browser.socket.take(), [{ type: "subscribe", channel: ROOM }]);
    say(subscribed(ROOM, "ada"));
    assert.equal(channel.state, "subscribed");
  });
}
