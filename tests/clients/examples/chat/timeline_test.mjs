// SPDX-License-Identifier: Apache-2.0
//
// The page's handling of messages that come twice, late, out of order or not at
// all.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Timeline } from "../../../../clients/examples/chat/page/timeline.mjs";

const ADA = { id: "a1", name: "Ada" };
const message = (id) => ({ id, key: `key-${id}`, text: `${id}`, author: ADA, sent: id });
const page = (from, to, more = false) =>
  ({ messages: Array.from({ length: to - from + 1 }, (_, i) => message(from + i)), more });

let timeline;
beforeEach(() => { timeline = new Timeline(); });

/** The timeline in short: texts of messages with their state if it is not "sent", and notices. */
const shown = () => timeline.items.map((item) => item.kind === "notice"
  ? `${item.member.name} ${item.what}`
  : item.text + (item.state === "sent" ? "" : ` ${item.state}`)).join(", ");

test("messages stand in the order of their ids, each once", () => {
  assert.equal(timeline.add(message(2)), true);
  assert.equal(timeline.add(message(1)), true);
  assert.equal(timeline.add(message(2)), false);
  timeline.load(page(1, 3), 0);
  assert.equal(shown(), "1, 2, 3");
  assert.deepEqual([timeline.oldest, timeline.newest], [1, 3]);
});

test("messages that arrive while the history is loading are kept", () => {
  timeline.add(message(61));
  timeline.load(page(11, 60, true), 0);
  assert.equal(timeline.newest, 61);
  assert.equal(timeline.more, true);
  timeline.loadOlder(page(1, 10));
  assert.deepEqual([timeline.oldest, timeline.more, timeline.items.length], [1, false, 61]);
});

test("missed messages are filled in", () => {
  timeline.load(page(1, 10), 0);
  timeline.add(message(13));
  timeline.load(page(2, 13, true), 10);
  assert.equal(timeline.items.length, 13);
  assert.equal(timeline.more, false);
});

test("behind a gap only the newest page is kept, and the rest can be loaded", () => {
  timeline.load(page(1, 10), 0);
  timeline.note("joined", ADA);
  timeline.add(message(200));
  timeline.load(page(150, 199, true), 10);
  assert.deepEqual([timeline.oldest, timeline.newest, timeline.more], [150, 200, true]);
  assert.ok(!shown().includes("joined"));
});

test("our own message shows at once and then in the server's form", () => {
  timeline.load(page(1, 1), 0);
  timeline.addPending({ key: "key-3", text: "3", author: ADA, sent: 0 });
  timeline.add(message(2));
  assert.equal(shown(), "1, 2, 3 pending");
  timeline.confirm(message(3), true);
  timeline.add(message(4));
  assert.equal(shown(), "1, 2, 3, 4");
});

test("our own message may be received before the answer", () => {
  timeline.addPending({ key: "key-1", text: "1", author: ADA, sent: 0 });
  timeline.add(message(1));
  assert.equal(shown(), "1");
  timeline.confirm(message(1), false);
  assert.equal(shown(), "1");
});

test("a message that waits for Herald is sent when it is received", () => {
  timeline.addPending({ key: "key-1", text: "1", author: ADA, sent: 0 });
  timeline.confirm(message(1), false);
  assert.equal(shown(), "1 waiting");
  timeline.add(message(1));
  assert.equal(shown(), "1");
});

test("a message that failed can be tried again or discarded", () => {
  for (const key of ["key-1", "key-2"]) {
    timeline.addPending({ key, text: key, author: ADA, sent: 0 });
    timeline.fail(key, "no");
  }
  assert.equal(shown(), "key-1 failed, key-2 failed");
  assert.equal(timeline.retry("key-1").key, "key-1");
  timeline.discard("key-2");
  assert.equal(shown(), "key-1 pending");
  assert.equal(timeline.retry("key-2"), undefined);
  timeline.fail("key-2", "it is gone already");
});

test("notices stay between the messages of their time", () => {
  timeline.note("joined", ADA);
  assert.equal(shown(), "Ada joined");
  timeline.load(page(1, 2), 0);
  assert.equal(shown(), "1, 2, Ada joined");
  timeline.add(message(3));
  timeline.note("left", ADA);
  timeline.add(message(4));
  assert.equal(shown(), "1, 2, Ada joined, 3, Ada left, 4");
});

test("a short absence is no news", () => {
  timeline.note("left", ADA);
  timeline.note("joined", ADA);
  assert.equal(shown(), "");
  timeline.note("joined", ADA);
  timeline.note("left", ADA);
  assert.equal(shown(), "Ada joined, Ada left");
});

test("the timeline is bounded", () => {
  for (let id = 1; id <= 1001; id++) timeline.add(message(id));
  assert.ok(timeline.items.length <= 1000);
  assert.equal(timeline.newest, 1001);
  assert.equal(timeline.more, true);
  for (let i = 0; i < 3000; i++) timeline.note(i % 2 ? "left" : "joined", ADA);
  assert.ok(timeline.items.length <= 2000);
});
