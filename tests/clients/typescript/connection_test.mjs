// SPDX-License-Identifier: Apache-2.0
//
// Connecting, reconnecting, and the notifications of the application.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Herald, HeraldError } from "./library.mjs";
import { connectedWorld, settle, subscribed, URL_OF_GATEWAY, world } from "./world.mjs";

/** The pauses, in ms, before each of the next attempts, all of which fail. */
async function pauses({ herald, browser, clock }, count) {
  const found = [];
  for (let i = 0; i < count; i++) {
    browser.socket.end();
    found.push(Math.round(herald.reason.retryAt - clock.now()));
    await clock.advance(found[i] + 1);
  }
  return found;
}

test("it connects at once, to the URL that it was given", (t) => {
  const { herald, browser } = world(t);
  assert.equal(herald.state, "connecting");
  assert.equal(herald.reason.code, "started");
  assert.equal(browser.socket.url, URL_OF_GATEWAY);
});

test("it waits for connect() on request", (t) => {
  const { herald, browser } = world(t, { autoConnect: false });
  assert.equal(herald.state, "closed");
  assert.equal(herald.reason.code, "not_started");
  herald.connect();
  herald.connect();
  assert.equal(browser.sockets.length, 1);
});

test("it has the socket id of the connection that it has", async (t) => {
  const { herald, browser, clock } = world(t);
  assert.equal(herald.socketId, undefined);
  browser.socket.accept("1.1");
  assert.equal(herald.socketId, "1.1");
  browser.socket.end();
  assert.equal(herald.socketId, undefined);
  await clock.advance(20_000);
  browser.socket.accept("1.2");
  assert.equal(herald.socketId, "1.2");
});

test("an invalid URL is the caller's mistake, reported at once", (t) => {
  const { herald } = world(t);
  assert.throws(() => new Herald("localhost:8080"), SyntaxError);
  assert.equal(herald.state, "connecting");
});

test("where there is no WebSocket, the error names a remedy", (t) => {
  world(t);
  globalThis.WebSocket = undefined;
  assert.throws(
    () => new Herald(URL_OF_GATEWAY),
    (error) => error instanceof HeraldError && error.code === "no_websocket",
  );
});

test("a browser that comes to forbid the connection closes it", async (t) => {
  const { herald, browser, clock, errors } = connectedWorld(t);
  browser.onSocket = () => {
    throw new Error("the operation is insecure");
  };
  browser.socket.end();
  await clock.advance(20_000);
  assert.equal(herald.state, "closed");
  assert.equal(herald.reason.code, "cannot_connect");
  assert.equal(errors[0].cause.message, "the operation is insecure");
});

test("pauses are random below a bound that doubles from 0.5 s to 20 s", async (t) => {
  const made = world(t);
  made.browser.random = 0.999999;
  const bounds = [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000];
  assert.deepEqual(await pauses(made, 8), bounds);
  made.browser.random = 0;
  assert.deepEqual(await pauses(made, 1), [0]);
  made.browser.random = 0.25;
  assert.deepEqual(await pauses(made, 1), [5000]);
});

test("retryIn is the pause itself, so setting the time of day does not change it", async (t) => {
  const { herald, browser, clock } = world(t);
  browser.random = 0.999999;
  browser.socket.end();
  clock.step(-3_600_000);
  assert.equal(herald.reason.retryIn, 500);
  await clock.advance(499);
  assert.equal(browser.sockets.length, 1);
  await clock.advance(1);
  assert.equal(browser.sockets.length, 2);
});

test("the bounds can be set", async (t) => {
  const made = world(t, { minDelay: 10, maxDelay: 30 });
  made.browser.random = 0.999999;
  assert.deepEqual(await pauses(made, 3), [10, 20, 30]);
});

test("a bound of zero stays zero for ever", async (t) => {
  const made = world(t, { minDelay: 0 });
  assert.deepEqual(await pauses(made, 1100), Array(1100).fill(0));
});

test("a connection that was there for 5 s makes the next failure a first one", async (t) => {
  const made = world(t);
  await pauses(made, 4);
  made.browser.socket.accept();
  await made.clock.advance(4999);
  assert.deepEqual(await pauses(made, 1), [4000]);
  made.browser.socket.accept();
  await made.clock.advance(5000);
  assert.deepEqual(await pauses(made, 3), [250, 500, 1000]);
});

for (const [said, pause] of [
  ["shutting down; come back in 3210 ms", 3210],
  ["come back in 1 ms", 1],
  ["come back in 59999 ms", 59_999],
  ["come back in 3600000 ms", 60_000],
  [`come back in ${"9".repeat(400)} ms`, 60_000],
  ["shutting down", 250],
  ["", 250],
  ["come back in 3210 ms or never", 250],
  ["come back in -5 ms", 250],
  ["come back in 5.5 ms", 250],
  ["come back in  ms", 250],
]) {
  test(`after 1001 "${said.slice(0, 40)}" it comes back in ${pause} ms`, async (t) => {
    const { herald, browser, clock } = connectedWorld(t);
    browser.socket.end(1001, said);
    assert.equal(herald.reason.retryAt - clock.now(), pause);
    await clock.advance(pause - 1);
    assert.equal(browser.sockets.length, 1);
    await clock.advance(1);
    assert.equal(browser.sockets.length, 2);
  });
}

test("no other code has a time to reconnect", (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  browser.socket.end(4001, "come back in 3210 ms");
  assert.equal(herald.reason.retryAt - clock.now(), 250);
});

test("the given pause is for one attempt; then it is as ever", async (t) => {
  const made = connectedWorld(t);
  made.browser.socket.end(1001, "come back in 3000 ms");
  await made.clock.advance(3000);
  assert.deepEqual(await pauses(made, 3), [500, 1000, 2000]);
});

test("a client that is sent away again and again waits for longer than the given pause", async (t) => {
  const { browser, herald, clock } = connectedWorld(t);
  for (const pause of [10, 500, 1000, 2000]) {
    browser.socket.end(1001, "come back in 10 ms");
    assert.equal(herald.reason.retryAt - clock.now(), pause);
    await clock.advance(pause);
    browser.socket.accept();
  }
  await clock.advance(5000);
  browser.socket.end(1001, "come back in 10 ms");
  assert.equal(herald.reason.retryAt - clock.now(), 10);
});

test("connect() after a close begins with short pauses", async (t) => {
  const made = world(t);
  await pauses(made, 4);
  made.herald.disconnect();
  made.herald.connect();
  assert.deepEqual(await pauses(made, 1), [250]);
});

test("online and visible bring one attempt sooner, and keep the backoff", async (t) => {
  const made = world(t);
  const { browser, herald } = made;
  await pauses(made, 4);
  browser.socket.end();
  const count = browser.sockets.length;
  browser.network("online");
  browser.network("online");
  browser.show(true);
  assert.equal(browser.sockets.length, count + 1);
  assert.equal(herald.reason.code, "online");
  assert.deepEqual(await pauses(made, 1), [8000]);
});

test("an attempt that was brought forward replaces the one that was planned", async (t) => {
  const { browser, clock } = world(t);
  browser.socket.end();
  browser.network("online");
  await clock.advance(9000);
  assert.equal(browser.sockets.length, 2);
});

test("connect() does not wait for the pause to end", (t) => {
  const { browser, herald } = world(t);
  browser.socket.end();
  herald.connect();
  assert.equal(herald.state, "connecting");
  assert.equal(browser.sockets.length, 2);
});

test("disconnect() closes with 1000, and nothing of it is left on the page", async (t) => {
  const { herald, browser, clock } = connectedWorld(t);
  browser.socket.end();
  await clock.advance(250);
  browser.socket.accept();
  assert.equal(browser.listenerCount, 3);
  herald.disconnect();
  assert.equal(browser.socket.closedWith, 1000);
  assert.equal(clock.timerCount, 0);
  assert.equal(browser.listenerCount, 0);
});

test("disconnect() and connect() keep the channels", async (t) => {
  const { herald, browser } = connectedWorld(t);
  const news = herald.channel("news");
  browser.socket.say(subscribed("news"));
  herald.disconnect();
  assert.equal(news.state, "pending");
  herald.connect();
  browser.socket.accept();
  assert.deepEqual(browser.socket.take(), [{ type: "subscribe", channel: "news" }]);
  browser.socket.say(subscribed("news"));
  assert.equal(news.state, "subscribed");
  assert.equal(herald.channel("news").state, "subscribed");
  assert.deepEqual(browser.socket.take(), []);
});

test("changes are reported in their order, even if a handler causes the next one", (t) => {
  const { herald, browser } = world(t);
  const told = [];
  herald.onStateChange(({ state }) => {
    if (state === "connected") herald.disconnect();
  });
  herald.onStateChange(({ previous, state }) => told.push(`${previous} → ${state}`));
  browser.socket.accept();
  assert.deepEqual(told, ["connecting → connected", "connected → closed"]);
});

test("a handler of changes can be stopped, each for itself", (t) => {
  const { herald, browser } = world(t);
  let count = 0;
  const handler = () => count++;
  const stop = herald.onStateChange(handler);
  herald.onStateChange(handler);
  stop();
  browser.socket.accept();
  assert.equal(count, 1);
});

test("a handler of changes that throws is reported and disturbs no other", async (t) => {
  const { herald, browser, errors } = world(t);
  const told = [];
  herald.onStateChange(() => {
    throw new Error("oops");
  });
  herald.onStateChange(async () => {
    throw new Error("oops later");
  });
  herald.onStateChange(({ state }) => told.push(state));
  browser.socket.accept();
  await settle();
  assert.deepEqual(told, ["connected"]);
  assert.equal(herald.state, "connected");
  assert.deepEqual(errors.map(({ code }) => code), ["handler_failed", "handler_failed"]);
  assert.deepEqual(errors.map(({ cause }) => cause.message), ["oops", "oops later"]);
});

test("onError is console.error if none is given", (t) => {
  const { browser } = world(t, { onError: undefined });
  browser.socket.say("}{");
  assert.equal(browser.consoleErrors[0][0].code, "bad_message");
});

test("with an onError, nothing is on the console", (t) => {
  let told;
  const { browser } = world(t, { onError: (error) => void (told = error) });
  browser.socket.say("}{");
  assert.equal(told.code, "bad_message");
  assert.deepEqual(browser.consoleErrors, []);
});

test("an onError that fails cannot do harm", async (t) => {
  const failing = () => {
    throw new Error("oops");
  };
  for (const onError of [failing, async () => failing()]) {
    const { browser, herald } = connectedWorld(t, { onError });
    browser.socket.say("}{");
    await settle();
    assert.equal(herald.state, "connected");
    assert.equal(browser.consoleErrors[0][0].message, "oops");
    browser.remove();
  }
});
