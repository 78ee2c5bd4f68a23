// SPDX-License-Identifier: Apache-2.0
//
// The package's README is true: its blocks compile and run, its tables are
// complete.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { compile, publicSymbols, ts } from "./examples.mjs";
import { FakeBrowser } from "./fake_browser.mjs";
import { dist, Herald, root } from "./library.mjs";
import { event, member, settle, subscribed, whisper } from "./world.mjs";

const folder = new URL("clients/typescript/", root);
const text = readFileSync(new URL("README.md", folder), "utf8");
const bundle = readFileSync(new URL("herald.min.js", dist), "utf8");

const blocksOf = (language) =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]);

const blocks = blocksOf("ts").map((code, i) => ({
  id: `Block${i + 1}`,
  code: code.replace(/^import .* from "herald-client";\n/m, ""),
}));
const compiled = compile(blocks);
after(() => compiled.remove());

test("every block compiles", () => assert.deepEqual(compiled.complaints, []));

/** Sends the messages of a page with two members. */
function live(socket) {
  const post = { title: "hello" };
  socket.say(subscribed("news"));
  socket.say(event("news", "created", post));
  socket.say(subscribed("weather"));
  socket.say(event("weather", "changed", "sunny"));
  const room = "presence-room";
  socket.say({ ...subscribed(room), members: [member("ada")] });
  socket.say(event(room, "said", "hello"));
  socket.say(whisper(room, "typing", { on: true }, "ada"));
}

/** And when events of "news" were lost. */
const LOST = { ...subscribed("news"), epoch: "e", offset: 0, recovered: false };

for (const { id, code } of blocks) {
  test(`${id} runs: ${code.trim().split("\n")[0]}`, async (t) => {
    const browser = new FakeBrowser().install();
    t.after(() => browser.remove());
    browser.onSocket = (socket) => {
      socket.onSent = ({ type, channel }) => {
        if (type === "unsubscribe") socket.say({ type: "unsubscribed", channel });
      };
    };
    const errors = [];
    const shown = [];
    const herald = new Herald("ws://127.0.0.1/ws", { onError: (error) => errors.push(error) });
    browser.socket.accept();
    const answer = { ok: true, text: async () => "t" };
    Object.assign(globalThis, {
      url: "ws://127.0.0.1/ws",
      show: (...values) => shown.push(values),
      equal: assert.deepEqual,
      fetch: async () => answer,
    });
    await (await compiled.load(id))(herald);
    for (const socket of browser.sockets) {
      if (socket.readyState === 0) socket.accept();
      live(socket);
    }
    if (code.includes(".lost(")) browser.socket.say(LOST);
    await settle();
    assert.deepEqual(errors, []);
    assert.equal(shown.length > 0, /\bshow\(/.test(code));
  });
}

/** As much of React as the README uses: `mount` renders a component and returns its unmount. */
class FakeReact {
  #effects = [];
  #renders = [];

  useState = (initial) => {
    let value = initial;
    this.#renders.push(() => value);
    return [value, (next) => (value = next(value))];
  };

  useEffect = (effect, _dependencies) => void this.#effects.push(effect);

  /** Returns { state, unmount }. With a double mount, as in strict mode. */
  mount(component, props) {
    component(props);
    const [effect] = this.#effects.splice(0);
    const [state] = this.#renders.splice(0);
    effect()();
    return { state, unmount: effect() };
  }
}

test("its React components do not end each other's events", (t) => {
  const browser = new FakeBrowser().install();
  t.after(() => browser.remove());
  const [code] = blocksOf("tsx");
  const react = new FakeReact();
  const herald = new Herald("ws://127.0.0.1/ws");
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { jsx: ts.JsxEmit.React, module: ts.ModuleKind.CommonJS },
  });
  const exports = {};
  const require = (name) => ({ react, "./herald.js": { herald } })[name];
  const React = { createElement: () => null };
  new Function("exports", "require", "React", outputText)(exports, require, React);
  const messages = react.mount(exports.Messages, { room: "room" });
  const unread = react.mount(exports.Unread, { room: "room" });
  browser.socket.accept();
  browser.socket.say(subscribed("presence-room"));
  browser.socket.say(event("presence-room", "said", "hello"));
  messages.unmount();
  browser.socket.say(event("presence-room", "said", "again"));
  assert.deepEqual([messages.state(), unread.state()], [["hello"], 2]);
  unread.unmount();
  assert.deepEqual(herald.channels, []);
});

test("the page with a script tag works", () => {
  const browser = new FakeBrowser();
  const [page] = blocksOf("html");
  const inline = page.match(/<script>(.*?)<\/script>/s)[1];
  const shown = [];
  const context = vm.createContext({
    WebSocket: browser.WebSocket,
    clearTimeout: browser.clock.clearTimeout,
    performance: { now: browser.clock.monotonic },
    setTimeout: browser.clock.setTimeout,
    show: (value) => shown.push(value),
  });
  vm.runInContext(bundle, context);
  vm.runInContext(inline, context);
  browser.socket.accept();
  live(browser.socket);
  assert.deepEqual(shown, ["hello"]);
});

test("its size is as documented", () => {
  const [, said] = text.match(/(\d+) KB on the wire/);
  const size = gzipSync(bundle, { level: 9 }).length / 1000;
  assert.ok(Math.abs(size - Number(said)) <= 0.5, `${size} KB`);
});

/** The words in backquotes of the tables' rows. */
const inTables = new Set(
  text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .flatMap((line) => [...line.matchAll(/`(\w+)`/g)].map((match) => match[1])),
);

test("its tables have every option, state and code", () => {
  const types = readFileSync(new URL("state.d.ts", dist), "utf8");
  const codes = readFileSync(new URL("errors.d.ts", dist), "utf8");
  const unions = (source) =>
    [...source.matchAll(/^export (?:declare )?type \w+ = ([^;]*);/gm)].flatMap((match) =>
      [...match[1].matchAll(/"(\w+)"/g)].map((literal) => literal[1]),
    );
  const options = publicSymbols()
    .map(({ id }) => id.split("."))
    .filter(([owner, member]) => owner === "HeraldOptions" && member)
    .map(([, member]) => member);
  const words = [...options, ...unions(types), ...unions(codes), "handler_failed", "events_lost"];
  assert.ok(words.length > 40, `${words.length} words`);
  assert.deepEqual(words.filter((word) => !inTables.has(word)), []);
});
