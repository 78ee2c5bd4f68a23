// SPDX-License-Identifier: Apache-2.0
//
// Every public symbol has a doc comment with an example; every example compiles in a strict project
// and runs: connected to a gateway that answers, through the life of a connection.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { compile, publicSymbols } from "./examples.mjs";
import { FakeBrowser } from "./fake_browser.mjs";
import { Herald } from "./library.mjs";
import {
  event,
  joined,
  left,
  refused,
  settle,
  subscribed,
  unsubscribed,
  whisper,
} from "./world.mjs";

const symbols = publicSymbols();
const examples = symbols.filter(({ code }) => code);
const compiled = compile(examples);
after(() => compiled.remove());

test("every public symbol is documented, with an example", () => {
  assert.ok(symbols.length > 60, `${symbols.length} symbols`);
  const without = symbols.filter(({ code, summary }) => !code || !summary);
  assert.deepEqual(without.map(({ id }) => id), []);
});

test("every example compiles", () => assert.deepEqual(compiled.complaints, []));

test("an example that does not compile, or is wrong, would be noticed", async (t) => {
  const wrong = compile([
    { id: "Mistyped", code: "herald.shout();" },
    { id: "Untrue", code: 'herald.state; // → "connected"' },
  ]);
  t.after(() => wrong.remove());
  assert.equal(wrong.complaints.length, 1);
  assert.match(wrong.complaints[0], /Mistyped.*shout/s);
  globalThis.equal = assert.deepEqual;
  const untrue = await wrong.load("Untrue");
  await assert.rejects(untrue({ state: "closed" }), assert.AssertionError);
});

// These take their handlers back, so that nothing is to be seen.
const SILENT = /\.stop|onStateChange/;

/** Where channels are that have lost their history. */
const AT = { epoch: "e", offset: 0 };

/** A gateway that accepts all subscribes, or, when `isStrict`, those of public channels. */
function openGateway(browser) {
  const held = new Set();
  const answerTo = (channel) => {
    if (gateway.isStrict && channel.startsWith("private-")) return refused(channel, "unauthorized");
    return subscribed(channel, ...(channel.startsWith("presence-") ? ["ada"] : []));
  };
  browser.onSocket = (socket) => {
    held.clear();
    socket.onSent = ({ type, channel }) => {
      if (type === "subscribe") held.add(channel);
      if (type === "unsubscribe") held.delete(channel);
      queueMicrotask(() => {
        if (type === "unsubscribe") socket.say(unsubscribed(channel));
        if (type === "ping") socket.say({ type: "pong" });
        if (type === "subscribe") socket.say(answerTo(channel));
      });
    };
  };
  const say = (message) => browser.sockets.forEach((socket) => socket.say(message));
  const gateway = {
    isStrict: false,
    accept: () => {
      for (const socket of browser.sockets) if (socket.readyState === 0) socket.accept();
    },
    live() {
      for (const channel of [...held]) {
        for (const name of ["created", "shipped", "changed"]) say(event(channel, name, { id: 1 }));
        say(whisper(channel, "typing", { on: true }, "bob"));
        if (!channel.startsWith("presence-")) continue;
        say(joined(channel, "bob"));
        say(left(channel, "bob"));
      }
      for (const channel of held) say({ ...answerTo(channel), ...AT, recovered: false });
      say({ type: "error", message: "whisper: not now" });
      say("}{");
      for (const channel of [...held]) say(unsubscribed(channel, "revoked"));
    },
    drop: (code) => {
      for (const socket of browser.sockets) if (socket.readyState === 1) socket.end(code);
    },
  };
  return gateway;
}

/** The answers of a backend to the examples. */
const fetchOf = (calls) => async (path, { body }) => {
  calls.push(path);
  const answers = { "/herald/tokens": { "private-orders": "t", "presence-room": "t" } };
  return { ok: true, text: async () => `token for ${body}`, json: async () => answers[path] };
};

for (const { id, code } of examples) {
  test(`${id} agrees with its example`, async (t) => {
    const browser = new FakeBrowser().install();
    t.after(() => browser.remove());
    const gateway = openGateway(browser);
    const errors = [];
    const shown = [];
    const herald = new Herald("ws://127.0.0.1/ws", { onError: (error) => errors.push(error) });
    gateway.accept();
    Object.assign(globalThis, {
      url: "ws://127.0.0.1:8080/ws",
      show: (...values) => shown.push(values),
      equal: assert.deepEqual,
      fetch: fetchOf([]),
    });
    const example = await compiled.load(id);
    await example(herald);
    for (const closeCode of [1006, 1001, 4003]) {
      gateway.isStrict = closeCode === 1001;
      gateway.accept();
      await settle();
      gateway.live();
      await browser.clock.advance(1000);
      gateway.drop(closeCode);
      await browser.clock.advance(1000);
    }
    const bugs = [...errors, ...browser.consoleErrors.flat()].filter(
      ({ code, cause }) => code === "handler_failed" && cause?.message !== "a bug",
    );
    assert.deepEqual(bugs, []);
    assert.equal(shown.length > 0, /\bshow\(/.test(code) && !SILENT.test(id), "what it shows");
  });
}
