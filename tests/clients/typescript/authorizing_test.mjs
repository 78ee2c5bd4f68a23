// SPDX-License-Identifier: Apache-2.0
//
// Credentials: always fresh, requested once for each attempt, and for any
// answer of the application.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthorizeError, SubscriptionError } from "./library.mjs";
import {
  codes,
  connectedWorld,
  reconnect,
  refused,
  settle,
  subscribed,
  unsubscribed,
  world,
} from "./world.mjs";

const ask = (channel, more) => ({ type: "subscribe", channel, ...more });

/** An `authorize` that records its calls and answers as given, by channel or for all. */
function recorded(answer) {
  const calls = [];
  const authorize = (channel, socketId) => {
    calls.push([channel, socketId]);
    return answer(channel, socketId);
  };
  return { calls, authorize };
}

test("credentials are shown for private and presence channels alone", async (t) => {
  const { calls, authorize } = recorded((channel, socketId) => `${channel} on ${socketId}`);
  const { herald, browser } = connectedWorld(t, { authorize });
  herald.channel("news");
  herald.private("x");
  herald.join("room");
  await settle();
  assert.deepEqual(browser.socket.take(), [
    ask("news"),
    ask("private-x", { auth: "private-x on 1234.5678" }),
    ask("presence-room", { auth: "presence-room on 1234.5678" }),
  ]);
  assert.deepEqual(calls, [
    ["private-x", "1234.5678"],
    ["presence-room", "1234.5678"],
  ]);
});

test("without an authorize the server decides by itself", async (t) => {
  const { herald, browser } = connectedWorld(t);
  herald.private("x");
  await settle();
  assert.deepEqual(browser.socket.take(), [ask("private-x")]);
});

for (const [what, credentials, sent] of [
  ["a string", "t", { auth: "t" }],
  ["an empty string", "", { auth: "" }],
  ["auth alone", { auth: "t" }, { auth: "t" }],
  ["an object of channel data", { channelData: { a: 1 } }, { channel_data: { a: 1 } }],
  ["a string of channel data", { auth: "t", channelData: '{"a":1}' },
    { auth: "t", channel_data: '{"a":1}' }],
  ["nothing in particular", {}, {}],
]) {
  for (const how of ["at once", "later"]) {
    test(`${what}, ${how}, is sent`, async (t) => {
      const authorize = () => (how === "later" ? Promise.resolve(credentials) : credentials);
      const { herald, browser } = connectedWorld(t, { authorize });
      herald.private("x");
      await settle();
      assert.deepEqual(browser.socket.take(), [ask("private-x", sent)]);
    });
  }
}

for (const no of [null, undefined]) {
  test(`${no} is a no that is not sent to the server`, async (t) => {
    const { calls, authorize } = recorded(() => no);
    const made = connectedWorld(t, { authorize });
    const { herald, browser, clock, errors } = made;
    const x = herald.private("x");
    await clock.advance(20_000);
    assert.equal(x.state, "refused");
    assert.deepEqual(browser.socket.take(), []);
    assert.ok(errors[0] instanceof SubscriptionError);
    assert.deepEqual(codes(errors), [["unauthorized", "private-x"]]);
    await reconnect(made, "1.2");
    assert.deepEqual(calls, [
      ["private-x", "1234.5678"],
      ["private-x", "1.2"],
    ]);
  });
}

const circular = {};
circular.self = circular;

for (const [what, authorize, code] of [
  ["throws", () => { throw new Error("oops"); }, "authorize_failed"],
  ["rejects", () => Promise.reject(new Error("oops")), "authorize_failed"],
  ["rejects with nothing", () => Promise.reject(), "authorize_failed"],
  ["rejects with what has no text", () => Promise.reject(Object.create(null)), "authorize_failed"],
  ["hangs", () => new Promise(() => {}), "authorize_timeout"],
  ["answers a number", () => 7, "authorize_invalid"],
  ["answers true", () => true, "authorize_invalid"],
  ["answers a list", () => ["t"], "authorize_invalid"],
  ["answers a function", () => () => "t", "authorize_invalid"],
  ["answers a number as auth", () => ({ auth: 7 }), "authorize_invalid"],
  ["answers a number as channel data", () => ({ channelData: 7 }), "authorize_invalid"],
  ["answers what is no JSON", () => ({ channelData: circular }), "authorize_invalid"],
  ["answers a trap", () => ({ get auth() { throw new Error("oops"); } }), "authorize_invalid"],
  ["answers a bad promise", () => ({ then() { throw new Error("oops"); } }), "authorize_failed"],
]) {
  test(`an authorize that ${what} is asked again, and the channel is not lost`, async (t) => {
    let answer = authorize;
    const { herald, browser, clock, errors } = connectedWorld(t, { authorize: () => answer() });
    const x = herald.private("x");
    await clock.advance(code === "authorize_timeout" ? 10_000 : 0);
    assert.ok(errors[0] instanceof AuthorizeError);
    assert.deepEqual(codes(errors), [[code, "private-x"]]);
    assert.match(errors[0].message, /^private-x: .*authorize_/s);
    assert.equal(x.state, "pending");
    assert.deepEqual(browser.socket.take(), []);
    answer = () => "t";
    await clock.advance(250);
    assert.deepEqual(browser.socket.take(), [ask("private-x", { auth: "t" })]);
    browser.socket.say(subscribed("private-x"));
    assert.equal(x.state, "subscribed");
  });
}

test("the cause of a failure is passed on", async (t) => {
  const cause = new Error("oops");
  const authorize = () => Promise.reject(cause);
  const { herald, errors } = connectedWorld(t, { authorize });
  herald.private("x");
  await settle();
  assert.equal(errors[0].cause, cause);
});

test("failures are asked again with pauses that grow", async (t) => {
  const { calls, authorize } = recorded(() => Promise.reject(new Error("oops")));
  const { herald, clock } = connectedWorld(t, { authorize });
  herald.private("x");
  await clock.advance(250 + 500 + 1000 + 2000);
  assert.equal(calls.length, 5);
});

test("an answer in time leaves no timer behind", async (t) => {
  const { herald, clock } = connectedWorld(t, { authorize: () => "t" });
  const before = clock.timerCount;
  herald.private("x");
  await settle();
  assert.equal(clock.timerCount, before);
});

test("the time for an authorize can be set", async (t) => {
  const authorize = () => new Promise(() => {});
  const { herald, clock, errors } = connectedWorld(t, { authorize, authorizeTimeout: 100 });
  herald.private("x");
  await clock.advance(100);
  assert.deepEqual(codes(errors), [["authorize_timeout", "private-x"]]);
});

test("an authorize that was under way while the laptop slept has its time once more", async (t) => {
  let answer;
  const authorize = () => new Promise((resolve) => (answer = resolve));
  const { herald, browser, clock, errors } = connectedWorld(t, { authorize });
  herald.private("x");
  await settle();
  clock.sleep(60_000);
  await clock.advance(10_000);
  assert.deepEqual(errors, []);
  answer("t");
  await settle();
  assert.deepEqual(browser.socket.take(), [ask("private-x", { auth: "t" })]);
  herald.private("y");
  await settle();
  clock.sleep(60_000);
  await clock.advance(20_000);
  assert.deepEqual(codes(errors), [["authorize_timeout", "private-y"]]);
});

/** An `authorize` that waits for the test to give the answers. */
function slow() {
  const open = [];
  const authorize = (channel, socketId) =>
    new Promise((resolve, reject) => open.push({ channel, socketId, resolve, reject }));
  return { open, authorize };
}

test("credentials that a freeze of 5 s left unread are sent", async (t) => {
  const { open, authorize } = slow();
  const { herald, browser, clock, errors } = connectedWorld(t, { authorize });
  herald.private("x");
  await settle();
  clock.sleep(5000);
  await clock.advance(10_000);
  assert.deepEqual(errors, []);
  open[0].resolve("t");
  await settle();
  assert.deepEqual(browser.socket.take(), [ask("private-x", { auth: "t" })]);
});

test("subscribe() does not ask again while an answer is on its way", async (t) => {
  const { open, authorize } = slow();
  const { herald } = connectedWorld(t, { authorize });
  const x = herald.private("x").subscribe();
  await settle();
  x.subscribe();
  await settle();
  assert.equal(open.length, 1);
});

test("an answer that comes after its time is ignored", async (t) => {
  const { open, authorize } = slow();
  const { herald, browser, clock } = connectedWorld(t, { authorize });
  herald.private("x");
  await clock.advance(10_250);
  open[0].resolve("late");
  await settle();
  assert.deepEqual(browser.socket.take(), []);
  open[1].resolve("fresh");
  await settle();
  assert.deepEqual(browser.socket.take(), [ask("private-x", { auth: "fresh" })]);
});

test("an answer for a connection that is gone is ignored, and asked again", async (t) => {
  const { open, authorize } = slow();
  const made = connectedWorld(t, { authorize });
  const { herald, browser, errors } = made;
  herald.private("x");
  await settle();
  await reconnect(made, "1.2");
  open[0].resolve("for the old one");
  open[1].resolve("for the new one");
  await settle();
  assert.deepEqual(browser.socket.take(), [ask("private-x", { auth: "for the new one" })]);
  assert.deepEqual(open.map(({ socketId }) => socketId), ["1234.5678", "1.2"]);
  assert.deepEqual(errors, []);
});

test("an answer for a channel that was left is ignored", async (t) => {
  const { open, authorize } = slow();
  const { herald, browser, clock, errors } = connectedWorld(t, { authorize });
  herald.private("x");
  herald.private("y");
  await settle();
  herald.leave("x");
  herald.leave("y");
  open[0].resolve("t");
  open[1].reject(new Error("oops"));
  await clock.advance(20_000);
  assert.deepEqual(browser.socket.take(), []);
  assert.deepEqual(errors, []);
});

test("React's double mount asks once", async (t) => {
  const { calls, authorize } = recorded(() => "t");
  const { herald, browser } = connectedWorld(t, { authorize });
  herald.private("x");
  herald.leave("x");
  herald.private("x");
  await settle();
  assert.equal(calls.length, 1);
  assert.deepEqual(browser.socket.take(), [ask("private-x", { auth: "t" })]);
});

test("unavailable and the end of a grant are asked again with fresh credentials", async (t) => {
  let count = 0;
  const { herald, browser, clock, errors } = connectedWorld(t, { authorize: () => `t${++count}` });
  const x = herald.private("x");
  await settle();
  browser.socket.say(refused("private-x", "unavailable"));
  await clock.advance(250);
  browser.socket.say(subscribed("private-x"));
  browser.socket.say(unsubscribed("private-x", "the grant has expired"));
  assert.equal(x.state, "pending");
  await clock.advance(499);
  assert.equal(count, 2);
  await clock.advance(1);
  assert.deepEqual(
    browser.socket.take().map(({ auth }) => auth),
    ["t1", "t2", "t3"],
  );
  browser.socket.say(refused("private-x", "unauthorized"));
  assert.equal(x.state, "refused");
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["unavailable", "unsubscribed", "unauthorized"],
  );
});

test("ended again soon, a channel waits longer; after 5 s it does not", async (t) => {
  const { calls, authorize } = recorded(() => "t");
  const { herald, browser, clock } = connectedWorld(t, { authorize });
  herald.private("x");
  await settle();
  for (const [lasted, pause] of [[0, 250], [4999, 500], [100, 1000], [5000, 250]]) {
    browser.socket.say(subscribed("private-x"));
    await clock.advance(lasted);
    browser.socket.say(unsubscribed("private-x", "revoked"));
    const count = calls.length;
    await clock.advance(pause - 1);
    assert.equal(calls.length, count);
    await clock.advance(1);
    assert.equal(calls.length, count + 1);
  }
});

test("a backend that subscribes us meanwhile makes the credentials needless", async (t) => {
  const { open, authorize } = slow();
  const { herald, browser } = connectedWorld(t, { authorize });
  const x = herald.private("x");
  await settle();
  browser.socket.say(subscribed("private-x"));
  open[0].resolve("t");
  await settle();
  assert.equal(x.state, "subscribed");
  assert.deepEqual(browser.socket.take(), []);
});

// All at once.

test("authorizeAll is called once for all that are due together", async (t) => {
  const { calls, authorize } = recorded((channels, socketId) =>
    Object.fromEntries(channels.map((channel) => [channel, `${channel} on ${socketId}`])),
  );
  const made = world(t, { authorizeAll: authorize, authorize: () => assert.fail("called") });
  const { herald, browser } = made;
  herald.private("x");
  herald.channel("news");
  herald.join("room");
  browser.socket.accept("1.1");
  await settle();
  await reconnect(made, "1.2");
  const names = ["private-x", "presence-room"];
  assert.deepEqual(calls, [
    [names, "1.1"],
    [names, "1.2"],
  ]);
  assert.deepEqual(browser.socket.take(), [
    ask("news"),
    ask("private-x", { auth: "private-x on 1.2" }),
    ask("presence-room", { auth: "presence-room on 1.2" }),
  ]);
});

test("each channel of an authorizeAll has its own fate", async (t) => {
  const authorizeAll = async () => ({
    "private-good": "t",
    "private-null": null,
    "private-bad": 7,
  });
  const { herald, errors } = connectedWorld(t, { authorizeAll });
  const names = ["good", "null", "bad", "missing"];
  const all = names.map((name) => herald.private(name));
  await settle();
  assert.deepEqual(
    all.map(({ state }) => state),
    ["pending", "refused", "pending", "refused"],
  );
  assert.deepEqual(codes(errors), [
    ["unauthorized", "private-null"],
    ["authorize_invalid", "private-bad"],
    ["unauthorized", "private-missing"],
  ]);
});

for (const [what, authorizeAll, code] of [
  ["throws", () => { throw new Error("oops"); }, "authorize_failed"],
  ["hangs", () => new Promise(() => {}), "authorize_timeout"],
  ["answers a string", () => "t", "authorize_invalid"],
  ["answers nothing", () => undefined, "authorize_invalid"],
  ["answers null", () => null, "authorize_invalid"],
]) {
  test(`an authorizeAll that ${what} loses no channel`, async (t) => {
    let answer = authorizeAll;
    const { herald, browser, clock, errors } = connectedWorld(t, {
      authorizeAll: (...args) => answer(...args),
    });
    herald.private("x");
    herald.join("room");
    await clock.advance(code === "authorize_timeout" ? 10_000 : 0);
    assert.deepEqual(codes(errors), [
      [code, "private-x"],
      [code, "presence-room"],
    ]);
    answer = () => ({ "private-x": "t", "presence-room": "t" });
    await clock.advance(250);
    assert.deepEqual(browser.socket.take(), [
      ask("private-x", { auth: "t" }),
      ask("presence-room", { auth: "t" }),
    ]);
  });
}
