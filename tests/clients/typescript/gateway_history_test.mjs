// SPDX-License-Identifier: Apache-2.0
//
// Histories against real processes: a client that was away misses nothing, or
// is notified.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Herald } from "./library.mjs";
import { root } from "./library.mjs";
import { Servers, until } from "./servers.mjs";

const WebSocket = createRequire(new URL("tests/tools/package.json", root))("ws");

let servers;
before(async () => {
  servers = await Servers.start();
});
after(() => servers?.stop());

/** A browser, gone at the end of the test. */
function browser(t, options = {}) {
  const errors = [];
  const herald = new Herald(servers.url, {
    webSocket: WebSocket,
    authorize: () => "user:ada",
    maxDelay: 1000,
    onError: (error) => errors.push(error),
    ...options,
  });
  t.after(() => herald.disconnect());
  return { herald, errors };
}

/** Records the events and notices of a channel. */
function record(channel) {
  const told = [];
  channel.listen("said", (data) => told.push(data));
  channel.subscribed(({ recovered }) => told.push(recovered ? "recovered" : "subscribed"));
  channel.lost(() => told.push("lost"));
  return told;
}

const say = (channel, data) =>
  servers.herald("broadcast", channel, "said", JSON.stringify(data));

const hears = (told, what) => until(() => told.includes(what), `${what} is heard`);

async function restart(...names) {
  for (const name of names) await servers.kill(name);
  if (names.includes("service")) servers.startService();
  if (names.includes("gateway")) servers.startGateway();
  await servers.ready();
}

for (const name of ["chat.1", "private-chat.1", "presence-chat.1"]) {
  test(`${name}: messages from while no client was connected come, in order and once`, async (t) => {
    const { herald, errors } = browser(t);
    const channel = herald.channel(name);
    const told = record(channel);
    await hears(told, "subscribed");
    await say(name, 1);
    await hears(told, 1);
    await servers.kill("gateway");
    await until(() => channel.state !== "subscribed");
    for (const data of [2, 3, 4]) await say(name, data);
    servers.startGateway();
    await hears(told, 4);
    await servers.ready();
    await say(name, 5);
    await hears(told, 5);
    assert.deepEqual(told, ["subscribed", 1, "recovered", 2, 3, 4, 5]);
    assert.deepEqual(errors, []);
    assert.equal(channel.position.offset, 5);
  });
}

test("a service that is restarted has forgotten: that is reported, and the subscription lives on", async (t) => {
  const { herald, errors } = browser(t);
  const states = [];
  herald.onStateChange(({ state }) => states.push(state));
  const channel = herald.channel("chat.2");
  const told = record(channel);
  await hears(told, "subscribed");
  await say("chat.2", 1);
  await hears(told, 1);
  const { epoch } = channel.position;
  await restart("service");
  await hears(told, "lost");
  await say("chat.2", 2);
  await hears(told, 2);
  assert.deepEqual(told, ["subscribed", 1, "lost", "subscribed", 2]);
  assert.notEqual(channel.position.epoch, epoch);
  assert.deepEqual(states, ["connected"]);
  assert.deepEqual(errors, []);
});

test("a service that is restarted does not have all clients load in one moment", async (t) => {
  const times = [];
  const channels = Array.from({ length: 100 }, () => {
    const { herald } = browser(t, { lostJitter: 5000 });
    return herald.channel("chat.6").lost(() => times.push(performance.now()));
  });
  await until(() => channels.every(({ state }) => state === "subscribed"));
  await say("chat.6", 1);
  await until(() => channels.every(({ position }) => position.offset === 1));
  await restart("service");
  await until(() => times.length === channels.length, "all are told of the loss");
  const spread = times.at(-1) - times[0];
  assert.ok(spread > 1000 && spread < 15_000, `${spread} ms`);
  const inFifth = (time) => times.filter((other) => other >= time && other < time + 1000).length;
  assert.ok(Math.max(...times.map(inFifth)) < 60);
});

for (const first of [0, 1]) {
  test(`of two holders of a channel, number ${first + 1} leaves, and the other receives on`, async (t) => {
    const { herald } = browser(t);
    const name = `chat.7.${first}`;
    const heard = [[], []];
    const holders = heard.map((list) => herald.channel(name).listen("said", (x) => list.push(x)));
    await until(() => holders[0].state === "subscribed");
    await say(name, 1);
    await until(() => heard.every((list) => list.length === 1));
    holders[first].leave();
    await say(name, 2);
    await until(() => heard[1 - first].includes(2));
    holders[1 - first].leave();
    const isGone = async () => !(await servers.herald("channels")).includes(name);
    await until(isGone, "it is unsubscribed");
    assert.deepEqual(heard[first], [1]);
  });
}

test("a client that is away while the service forgets is notified when it returns", async (t) => {
  const { herald } = browser(t);
  const told = record(herald.channel("chat.3"));
  await hears(told, "subscribed");
  await say("chat.3", 1);
  await hears(told, 1);
  await restart("gateway", "service");
  await hears(told, "lost");
  await say("chat.3", 2);
  await hears(told, 2);
  assert.deepEqual(told, ["subscribed", 1, "lost", "subscribed", 2]);
});

test("a client that was away for too long is notified, and receives no missed event", async (t) => {
  const { herald } = browser(t);
  const told = record(herald.channel("weather.1"));
  await hears(told, "subscribed");
  herald.disconnect();
  for (const data of [1, 2, 3]) await say("weather.1", data);
  herald.connect();
  await hears(told, "lost");
  await say("weather.1", 4);
  await hears(told, 4);
  assert.deepEqual(told, ["subscribed", "lost", "subscribed", 4]);
});

test("a page goes on from the position that another has stored", async (t) => {
  const { herald: first } = browser(t);
  const news = first.channel("chat.4");
  const told = record(news);
  await hears(told, "subscribed");
  await say("chat.4", 1);
  await hears(told, 1);
  const stored = JSON.stringify(news.position);
  first.disconnect();
  await say("chat.4", 2);

  const { herald: second } = browser(t);
  const heard = record(second.channel("chat.4", { since: JSON.parse(stored) }));
  await hears(heard, 2);
  assert.deepEqual(heard, ["recovered", 2]);

  const { herald: third } = browser(t);
  const lost = record(third.channel("chat.4", { since: { epoch: "unknown", offset: 1 } }));
  await hears(lost, "subscribed");
  assert.deepEqual(lost, ["lost", "subscribed"]);
});

test("late subscribers receive the latest event, and returning ones a new one only", async (t) => {
  const { herald, errors } = browser(t);
  const empty = record(herald.channel("weather.2", { latest: true }));
  await hears(empty, "subscribed");
  for (const data of ["rain", "sun"]) await say("weather.2", data);
  await hears(empty, "sun");

  const { herald: late } = browser(t);
  const told = record(late.channel("weather.2", { latest: true }));
  await hears(told, "sun");
  late.disconnect();
  late.connect();
  await until(() => told.filter((what) => what === "recovered").length === 2);
  late.disconnect();
  for (const data of ["wind", "snow"]) await say("weather.2", data);
  late.connect();
  await hears(told, "snow");
  assert.deepEqual(told, ["recovered", "sun", "recovered", "recovered", "snow"]);
  assert.deepEqual(errors, []);
});

test("a gateway that shuts down sends a time to reconnect, and is obeyed", async (t) => {
  const { herald } = browser(t);
  const told = record(herald.channel("chat.5"));
  await hears(told, "subscribed");
  const changes = [];
  herald.onStateChange(({ state, reason }) => changes.push({ state, reason, at: Date.now() }));
  await servers.kill("gateway", "SIGTERM");
  await say("chat.5", 1);
  servers.startGateway();
  await hears(told, 1);
  assert.deepEqual(told, ["subscribed", "recovered", 1]);
  const [{ reason, at }] = changes;
  assert.equal(reason.closeCode, 1001);
  const [, ms] = reason.text.match(/come back in (\d+) ms$/);
  assert.ok(Math.abs(reason.retryAt - at - Number(ms)) < 1000, `${ms} ms`);
});
