// SPDX-License-Identifier: Apache-2.0
//
// The library against real processes: its promises over a fake gateway hold
// there too.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { AuthorizeError, Herald, SubscriptionError } from "./library.mjs";
import { root } from "./library.mjs";
import { Servers, until } from "./servers.mjs";

const WebSocket = createRequire(new URL("tests/tools/package.json", root))("ws");

let servers;
before(async () => {
  servers = await Servers.start();
});
after(() => servers?.stop());

/** A browser of this user, gone at the end of the test. */
function browser(t, user, options = {}) {
  const errors = [];
  const states = [];
  const herald = new Herald(servers.url, {
    webSocket: WebSocket,
    authorize: () => `user:${user}`,
    maxDelay: 1000,
    onError: (error) => errors.push(error),
    ...options,
  });
  herald.onStateChange(({ state }) => states.push(state));
  t.after(() => herald.disconnect());
  return { herald, errors, states };
}

const subscribed = (...channels) =>
  until(
    () => channels.every(({ state }) => state === "subscribed"),
    `subscribed: ${channels.map(({ name, state }) => `${name} is ${state}`)}`,
  );

const broadcast = (channel, event, data, ...flags) =>
  servers.herald("broadcast", ...flags, channel, event, JSON.stringify(data));

test("publications arrive, in order, and not at an excepted sender", async (t) => {
  const { herald: ada } = browser(t, "ada");
  const { herald: bob } = browser(t, "bob");
  const heard = { ada: [], bob: [] };
  const channels = [
    ada.channel("news").listen("greeting", (data) => heard.ada.push(data)),
    bob.channel("news").listen("greeting", (data) => heard.bob.push(data)),
  ];
  await subscribed(...channels);
  assert.match(ada.socketId, /^\d+\.\d+$/);
  for (let i = 0; i < 5; i++) await broadcast("news", "greeting", { i });
  await broadcast("news", "greeting", "not for ada", `--except=${ada.socketId}`);
  await broadcast("news", "greeting", "end");
  await until(() => heard.ada.includes("end") && heard.bob.includes("end"));
  const all = [0, 1, 2, 3, 4].map((i) => ({ i }));
  assert.deepEqual(heard.ada, [...all, "end"]);
  assert.deepEqual(heard.bob, [...all, "not for ada", "end"]);
});

test("a private channel is for users that the authorizer knows", async (t) => {
  const { herald: ada } = browser(t, "ada");
  const heard = [];
  const orders = ada.private("orders").listen("shipped", (data) => heard.push(data));
  const { herald: stranger, errors } = browser(t, "not a name");
  const refused = stranger.private("orders");
  await subscribed(orders);
  await until(() => refused.state === "refused");
  assert.ok(errors[0] instanceof SubscriptionError);
  assert.deepEqual([errors[0].code, errors[0].channel], ["unauthorized", "private-orders"]);
  await broadcast("private-orders", "shipped", 7);
  await until(() => heard.length);
  assert.deepEqual(heard, [7]);
});

test("an authorize that fails and then does not is enough", async (t) => {
  let count = 0;
  const authorize = async () => {
    if (count++ === 0) throw new Error("oops");
    return "user:ada";
  };
  const { herald, errors } = browser(t, "ada", { authorize });
  await subscribed(herald.private("orders"));
  assert.ok(errors[0] instanceof AuthorizeError);
  assert.equal(count, 2);
});

test("members see each other come, whisper and go", async (t) => {
  const { herald: ada } = browser(t, "ada");
  const { herald: bob } = browser(t, "bob");
  const told = [];
  const room = ada
    .join("room")
    .here((members) => told.push(["here", ...members.map(({ id }) => id)]))
    .joining(({ id, info }) => told.push(["joining", id, info]))
    .leaving(({ id }) => told.push(["leaving", id]))
    .listen("typing", () => told.push("a whisper passed for an event"))
    .listenForWhisper("typing", (data, { userId }) => told.push([userId, data]));
  await subscribed(room);
  const bobs = bob.join("room");
  await subscribed(bobs);
  bobs.whisper("typing", { on: true });
  await until(() => told.length === 3);
  bob.leave("room");
  await until(() => told.length === 4);
  assert.deepEqual(told, [
    ["here", "ada"],
    ["joining", "bob", { name: "bob" }],
    ["bob", { on: true }],
    ["leaving", "bob"],
  ]);
  assert.deepEqual([...room.members.keys()], ["ada"]);
});

test("left and joined again at once, as React does, is joined", async (t) => {
  const { herald, errors } = browser(t, "ada");
  const heard = [];
  await until(() => herald.state === "connected");
  for (let i = 0; i < 20; i++) {
    herald.channel("news").listen("greeting", () => heard.push(i));
    herald.join("room");
    if (i === 10) await subscribed(herald.channel("news"), herald.join("room"));
    if (i < 19) ["news", "room"].forEach((name) => herald.leave(name));
  }
  await subscribed(herald.channel("news"), herald.join("room"));
  await broadcast("news", "greeting", 1);
  await until(() => heard.length);
  assert.deepEqual(heard, [19]);
  assert.deepEqual(errors, []);
});

test("a gateway is killed: everything comes back by itself, with fresh tokens", async (t) => {
  const calls = [];
  const { herald, states } = browser(t, "ada", {
    authorize: undefined,
    authorizeAll: (channels, socketId) => {
      calls.push([channels.join(), socketId]);
      return Object.fromEntries(channels.map((channel) => [channel, "user:ada"]));
    },
  });
  const heard = [];
  const told = [];
  const news = herald.channel("news").listen("greeting", (data) => heard.push(data));
  const orders = herald.private("orders");
  const room = herald.join("room");
  room.joining(({ id }) => told.push(`joining ${id}`)).leaving(({ id }) => told.push(`left ${id}`));
  await subscribed(news, orders, room);
  const first = herald.socketId;

  await servers.kill("gateway");
  await until(() => herald.state !== "connected");
  assert.deepEqual([news.state, orders.state, room.state], ["pending", "pending", "pending"]);
  assert.equal(herald.socketId, undefined);
  servers.startGateway();
  await subscribed(news, orders, room);

  assert.notEqual(herald.socketId, first);
  const together = "private-orders,presence-room";
  assert.deepEqual(calls[0], [together, first]);
  assert.deepEqual(calls.find(([, id]) => id !== first), [together, herald.socketId]);
  assert.deepEqual(states.slice(0, 2), ["connected", "unavailable"]);
  assert.equal(states.at(-1), "connected");
  assert.deepEqual(told, []);
  await servers.ready();
  await broadcast("news", "greeting", "back");
  await until(() => heard.length);
  assert.deepEqual(heard, ["back"]);
});

test("a service is killed and no client notices; a subscribe meanwhile waits", async (t) => {
  const { herald, states, errors } = browser(t, "ada");
  const heard = [];
  const told = [];
  const news = herald.channel("news").listen("greeting", (data) => heard.push(data));
  const room = herald.join("room").here(() => told.push("here"));
  room.joining(() => told.push("joining")).leaving(() => told.push("leaving"));
  await subscribed(news, room);

  await servers.kill("service");
  const late = herald.private("orders");
  await until(() => errors.length);
  assert.equal(errors[0].code, "unavailable");
  servers.startService();
  await subscribed(late);

  await servers.ready();
  await broadcast("news", "greeting", "still here");
  await until(() => heard.length);
  assert.deepEqual(states, ["connected"]);
  assert.deepEqual(told, ["here"]);
  assert.deepEqual([news.state, room.state], ["subscribed", "subscribed"]);
  assert.ok(errors.every(({ code, channel }) => code === "unavailable" && channel === late.name));
});

test("a client that a backend disconnects does not reconnect until connect()", async (t) => {
  const { herald } = browser(t, "eve");
  const room = herald.join("room");
  await subscribed(room);
  await servers.herald("disconnect", "--user", "eve", "--reason", "see you");
  await until(() => herald.state === "closed");
  assert.deepEqual(herald.reason, {
    code: "disconnected_by_backend",
    text: "see you",
    closeCode: 4003,
  });
  assert.equal(room.state, "pending");
  herald.connect();
  await subscribed(room);
});

test("the server's answer to a bad whisper is a readable error", async (t) => {
  const { herald, errors } = browser(t, "ada");
  const news = herald.channel("news");
  await subscribed(news);
  news.whisper("\u0007", 1);
  await until(() => errors.length);
  assert.equal(errors[0].code, "server_error");
  assert.equal(herald.state, "connected");
});

test("a message that is too large for the server ends it, with that reason", async (t) => {
  const { herald } = browser(t, "ada");
  const news = herald.channel("news");
  await subscribed(news);
  news.whisper("large", "x".repeat(200_000));
  await until(() => herald.state === "closed");
  assert.deepEqual([herald.reason.code, herald.reason.closeCode], ["refused", 1009]);
});

test("the heartbeat is answered, and a gateway that stands still is noticed", async (t) => {
  const { herald, states } = browser(t, "ada", { pingInterval: 50, pongTimeout: 5000 });
  let pings = 0;
  await until(() => herald.state === "connected");
  class Counting extends WebSocket {
    send(text) {
      if (text === '{"type":"ping"}') pings++;
      super.send(text);
    }
  }
  const { herald: counted, states: counts } = browser(t, "bob", {
    webSocket: Counting,
    pingInterval: 50,
    pongTimeout: 5000,
  });
  await until(() => pings >= 3);
  assert.equal(counted.state, "connected");
  assert.deepEqual([states, counts], [["connected"], ["connected"]]);

  const { herald: hasty } = browser(t, "eve", { pingInterval: 50, pongTimeout: 300 });
  await until(() => hasty.state === "connected");
  servers.pause("gateway");
  try {
    await until(() => hasty.state === "unavailable" && hasty.reason.code === "no_pong");
  } finally {
    servers.resume("gateway");
  }
  await until(() => hasty.state === "connected");
});
