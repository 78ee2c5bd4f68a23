// SPDX-License-Identifier: Apache-2.0
//
// dist/herald.min.js, the file for a <script> tag: small, alone, and as good as the modules.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { FakeBrowser } from "./fake_browser.mjs";
import { dist, root } from "./library.mjs";

const BYTES_MAX = 6500;
const code = readFileSync(new URL("herald.min.js", dist), "utf8");

test(`it has less than ${BYTES_MAX} bytes by gzip -9`, (t) => {
  const bytes = gzipSync(code, { level: 9 }).length;
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes < BYTES_MAX, `${bytes} bytes`);
});

test("it names itself and its version", () => {
  const file = new URL("clients/typescript/package.json", root);
  const { name, version } = JSON.parse(readFileSync(file, "utf8"));
  assert.ok(code.startsWith(`/*! ${name} ${version} |`));
});

/** A page with only the globals of browsers. */
function page() {
  const browser = new FakeBrowser();
  const window = new EventTarget();
  const context = vm.createContext({
    WebSocket: browser.WebSocket,
    addEventListener: (...args) => window.addEventListener(...args),
    removeEventListener: (...args) => window.removeEventListener(...args),
    clearTimeout: browser.clock.clearTimeout,
    document: browser.document,
    performance: { now: browser.clock.monotonic },
    queueMicrotask,
    setTimeout: browser.clock.setTimeout,
  });
  return { browser, context, run: (script) => vm.runInContext(script, context) };
}

test("it puts Herald on a page, and nothing else", () => {
  const { context, run } = page();
  const before = Object.keys(context);
  run(code);
  assert.deepEqual(
    Object.keys(context).filter((name) => !before.includes(name)),
    ["Herald"],
  );
});

test("a page can work with it", async () => {
  const { browser, run } = page();
  run(code);
  run(`
    const heard = [];
    const herald = new Herald("ws://127.0.0.1:8080/ws", { authorize: () => "t" });
    const room = herald.join("room");
    room.here((members) => heard.push("here " + members.map((member) => member.info.name)));
    room.listen("said", (text) => heard.push(text));
    room.error((error) => heard.push(
      [error.name, error.code, error instanceof Herald.SubscriptionError,
       error instanceof Herald.HeraldError, error instanceof Error].join()));
  `);
  browser.socket.accept();
  await browser.clock.advance(0);
  assert.equal(browser.socket.take()[0].auth, "t");
  const channel = "presence-room";
  const members = [{ user_id: "ada", user_info: { name: "Ada" } }];
  browser.socket.say({ type: "subscribed", channel, members });
  browser.socket.say({ type: "event", event: "said", channel, data: "hello" });
  browser.socket.say({ type: "unsubscribed", channel, reason: "bye" });
  assert.equal(
    run("heard.join('; ')"),
    "here Ada; hello; SubscriptionError,unsubscribed,true,true,true",
  );
});

// The sentences of the other files hold for the bundle as well.
const here = new URL("./", import.meta.url);
const others = readdirSync(here).filter(
  (name) => name.endsWith("_test.mjs") && !/^(bundle|examples|gateway|package|types)_/.test(name),
);

for (const file of others) {
  test(`${file} holds for it, too`, () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const path = fileURLToPath(new URL(file, here));
    const { status, stdout } = spawnSync(process.execPath, [path], {
      env: { ...env, HERALD_BUNDLE: "1" },
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^# pass [1-9]|pass [1-9]/m);
  });
}

test("the other files are found", () => assert.ok(others.length >= 8));
