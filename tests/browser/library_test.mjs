// SPDX-License-Identifier: Apache-2.0
//
// herald-client itself, as a page uses it: one <script>, in a real browser, over a real Herald.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { newContext } from "./support/chromium.mjs";
import { serve } from "./support/site.mjs";
import { BUNDLE, ROOT, World } from "./support/world.mjs";

const FILES = {
  "/": `<!doctype html><title>app</title><script src="/herald.min.js"></script>`,
  "/herald.min.js": readFileSync(BUNDLE),
};
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const [, README_PAGE] = /<!-- run: page\.html -->\n```html\n(.*?)```\n/s.exec(README);

let world;
let site;
before(async () => {
  world = await World.start();
  site = await serve(FILES);
});
afterEach(() => world.goHome());
after(() => {
  site?.close();
  return world?.stop();
});

/** A page of some application; its user shows "user:NAME" as the token. */
async function open(name) {
  const page = await (await newContext(world.browser)).newPage();
  page.on("pageerror", (error) => world.errors.push(`${name}: ${error}`));
  await page.goto(site.url);
  await page.evaluate(([url, token]) => {
    window.heard = [];
    window.herald = new Herald(url, {
      authorize: () => token,
      onError: (error) => window.heard.push(`error ${error.code}`),
    });
  }, [world.websocket, `user:${name}`]);
  return page;
}

/** Waits until the page has received this. */
const hears = (page, what) =>
  page.waitForFunction((wanted) => window.heard.includes(wanted), what);

test("a page that loads one file subscribes and listens", async () => {
  const page = await open("ada");
  await page.evaluate(() => {
    herald.channel("news")
      .listen("greeting", ({ text }) => heard.push(`greeting ${text}`))
      .subscribed(() => heard.push(`subscribed ${herald.state}`));
  });
  await hears(page, "subscribed connected");
  await world.herald("broadcast", "news", "greeting", '{"text":"hello"}');
  await hears(page, "greeting hello");
  assert.match(await page.evaluate(() => herald.socketId), /^\d+\.\d+$/);
});

test("the README's page shows the events", async () => {
  const page = await (await newContext(world.browser)).newPage();
  page.on("pageerror", (error) => world.errors.push(`README: ${error}`));
  FILES["/readme"] = README_PAGE.replace("ws://127.0.0.1:8080/ws", world.websocket);
  assert.ok(FILES["/readme"].includes(world.websocket));
  await page.goto(`${site.url}readme`);
  // A const of a script is no property of the window.
  await page.waitForFunction('herald.channel("news").state === "subscribed"');
  await world.herald("broadcast", "news", "greeting", '{"text":"hello"}');
  await page.locator("body", { hasText: "hello" }).waitFor();
});

test("pages whisper to each other, and know the members", async () => {
  const [ada, bob] = [await open("ada"), await open("bob")];
  const join = () => {
    window.room = herald.join("room")
      .here((members) => heard.push(`here ${members.map(({ id }) => id).sort()}`))
      .joining(({ info }) => heard.push(`joining ${info.name}`))
      .leaving(({ id }) => heard.push(`leaving ${id}`))
      .listenForWhisper("typing", ({ on }, { userId }) => heard.push(`${userId} types ${on}`));
  };
  await ada.evaluate(join);
  await hears(ada, "here ada");
  await bob.evaluate(join);
  await hears(bob, "here ada,bob");
  await hears(ada, "joining bob");
  await bob.evaluate(() => void room.whisper("typing", { on: true }));
  await hears(ada, "bob types true");
  assert.deepEqual(await ada.evaluate(() => [...room.members.keys()].sort()), ["ada", "bob"]);
  await bob.context().close();
  await hears(ada, "leaving bob");
});

test("a refusal is a typed error", async () => {
  const page = await open("");
  await page.evaluate(() => {
    herald.private("mail").error((error) => heard.push(
      `${error instanceof Herald.SubscriptionError} ${error.code} ${error.channel}`));
  });
  await hears(page, "true unauthorized private-mail");
});

test("a page reconnects to its restarted gateway", async () => {
  const page = await open("ada");
  await page.evaluate(() => {
    herald.onStateChange(({ state, reason }) => heard.push(`${state} ${reason.code}`));
    herald.channel("news").subscribed(() => heard.push("subscribed"));
  });
  await hears(page, "subscribed");
  await world.gateway.end();
  await page.waitForFunction(() => heard.some((line) => line.startsWith("unavailable")));
  await page.evaluate(() => { window.heard.length = 0; });
  await world.startGateway();
  await hears(page, "subscribed");
  assert.equal(await page.evaluate(() => herald.state), "connected");
});
