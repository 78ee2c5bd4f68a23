// SPDX-License-Identifier: Apache-2.0
//
// A dead connection is noticed, a living one is kept.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectedWorld, event, world } from "./world.mjs";

const PING = [{ type: "ping" }];

test("after 25 s of silence the server is asked, and given up 8 s later", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  await clock.advance(24_999);
  assert.deepEqual(browser.socket.take(), []);
  await clock.advance(1);
  assert.deepEqual(browser.socket.take(), PING);
  await clock.advance(7999);
  assert.equal(herald.state, "connected");
  await clock.advance(1);
  assert.equal(herald.reason.code, "no_pong");
  assert.equal(browser.socket.closedWith, 1000);
});

test("a server that answers is asked again after the next silence", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  browser.socket.onSent = () => browser.socket.say({ type: "pong" });
  await clock.advance(251_000);
  assert.equal(herald.state, "connected");
  assert.equal(browser.socket.take().length, 10);
});

test("a server that talks is not asked", async (t) => {
  const { browser, clock } = connectedWorld(t);
  for (let i = 0; i < 10; i++) {
    await clock.advance(24_000);
    browser.socket.say(event("news", "tick", i));
  }
  assert.deepEqual(browser.socket.take(), []);
});

test("any word is an answer", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  await clock.advance(25_000);
  browser.socket.say(event("news", "tick", 1));
  await clock.advance(8000);
  assert.equal(herald.state, "connected");
});

test("the times can be set", async (t) => {
  const { herald, browser, clock } = connectedWorld(t, { pingInterval: 100, pongTimeout: 50 });
  await clock.advance(100);
  assert.deepEqual(browser.socket.take(), PING);
  await clock.advance(50);
  assert.equal(herald.reason.code, "no_pong");
});

for (const [what, happen] of [
  ["online", (browser) => browser.network("online")],
  ["offline", (browser) => browser.network("offline")],
  ["visible", (browser) => browser.show(true)],
]) {
  test(`${what} has a connection checked, once, with the usual patience`, async (t) => {
    const { herald, browser, clock } = connectedWorld(t);
    await clock.advance(1000);
    happen(browser);
    happen(browser);
    assert.deepEqual(browser.socket.take(), PING);
    await clock.advance(4000);
    happen(browser);
    await clock.advance(3999);
    assert.equal(herald.state, "connected");
    await clock.advance(1);
    assert.equal(herald.reason.code, "no_pong");
    assert.deepEqual(browser.sockets[0].take(), []);
  });
}

test("a tab that is hidden has nothing looked at", (t) => {
  const { browser } = connectedWorld(t);
  browser.show(false);
  assert.deepEqual(browser.socket.take(), []);
});

test("after the laptop slept the server is asked at the first timer", async (t) => {
  const { browser, clock } = connectedWorld(t);
  await clock.advance(20_000);
  browser.socket.say({ type: "pong" });
  clock.sleep(3_600_000);
  await clock.advance(5000); // The timer that would have waited on for 20 s.
  assert.deepEqual(browser.socket.take(), PING);
});

test("an answer that came while the laptop slept is waited for once more", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  await clock.advance(25_000);
  clock.sleep(60_000);
  await clock.advance(8000);
  assert.equal(herald.state, "connected");
  assert.deepEqual(browser.socket.take(), [...PING, ...PING]);
  await clock.advance(8000);
  assert.equal(herald.reason.code, "no_pong");
});

test("an answer to a connect that came while the laptop slept is waited for", async (t) => {
  const { herald, browser, clock } = world(t);
  clock.sleep(60_000);
  await clock.advance(10_000);
  assert.equal(herald.state, "connecting");
  browser.socket.accept();
  assert.equal(herald.state, "connected");
});

// A page that was frozen has messages to read when its timers fire.
test("an answer to a ping that a freeze of 5 s left unread keeps the connection", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  await clock.advance(26_000);
  clock.sleep(5000);
  await clock.advance(7000); // The timer of 8 s fires 5 s late.
  assert.equal(herald.state, "connected");
  browser.socket.say({ type: "pong" });
  await clock.advance(8000);
  assert.equal(herald.state, "connected");
});

test("`connected` that a freeze of 5 s left unread is read", async (t) => {
  const { herald, browser, clock } = world(t);
  await clock.advance(1000);
  clock.sleep(5000);
  await clock.advance(9000); // The timer of 10 s fires 5 s late.
  assert.equal(herald.state, "connecting");
  browser.socket.accept();
  assert.equal(herald.state, "connected");
});

test("a timer that is a little late is no freeze", async (t) => {
  const { herald, clock } = world(t);
  clock.sleep(100);
  await clock.advance(10_000);
  assert.equal(herald.reason.code, "connect_timeout");
});

test("a sleep while it connects is made up for once", async (t) => {
  const { herald, clock } = world(t);
  clock.sleep(60_000);
  await clock.advance(10_000);
  clock.sleep(60_000);
  await clock.advance(10_000);
  assert.equal(herald.reason.code, "connect_timeout");
});

test("late timers, as a hidden tab has them, do not keep a dead connection", async (t) => {
  const { herald, clock } = connectedWorld(t);
  await clock.advance(25_000);
  clock.sleep(52_000);
  await clock.advance(8000);
  clock.sleep(52_000);
  await clock.advance(8000);
  assert.equal(herald.reason.code, "no_pong");
});

test("a pause for the next attempt ends when the tab is seen after a sleep", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  browser.socket.end();
  clock.sleep(3_600_000);
  assert.ok(herald.reason.retryAt < clock.now());
  browser.show(true);
  assert.equal(herald.state, "connecting");
});

test("a wall clock that is set back does not stop the heartbeat", async (t) => {
  const { browser, clock } = connectedWorld(t);
  clock.step(-3_600_000);
  await clock.advance(25_000);
  assert.deepEqual(browser.socket.take(), PING);
});
