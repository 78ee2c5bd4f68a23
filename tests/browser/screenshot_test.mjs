// SPDX-License-Identifier: Apache-2.0
//
// The README's picture agrees with the chat: the sum of the page that it was
// taken from is in screenshot.sha256 beside it, and a browser still shows the same, but
// for details that another release of it may draw otherwise. To take it anew:
//
//   HERALD_NEW_SCREENSHOT=1 HERALD_BIN=$PWD/build/release/bin \
//     node --test tests/browser/screenshot_test.mjs
//
// A picture that differs is kept in the folder $HERALD_ARTIFACTS, if that is set.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { ChatPage } from "./support/chat_page.mjs";
import { compare } from "./support/pictures.mjs";
import { ROOT, World } from "./support/world.mjs";

const CHAT = join(ROOT, "clients/examples/chat");
const PICTURE = join(CHAT, "screenshot.png");
const SOURCES = join(CHAT, "screenshot.sha256");
const TOLERATED = 0.02; // Of all pixels: the edges of letters.
const PATIENCE = 20_000;  // Until the page has drawn all messages, in ms.
const NOW = Date.UTC(2026, 9, 14, 9, 38);
const STEP = 41; // Seconds between messages.

let world;
before(async () => {
  const chat = join(ROOT, "tests/browser/support/chat_at.py");
  world = await World.start([chat, String(NOW / 1000), String(STEP)]);
});
after(() => world?.stop());

const as = (color, more = {}) => ({ color, now: NOW, ...more });

/** Posts the messages of the other rooms, before the first reader is there. */
async function prepare() {
  const early = await ChatPage.open(world, "Grace", as("violet", { room: "coffee" }));
  await early.say("Fresh pot, help yourselves");
  await early.close();
  const night = await ChatPage.open(world, "Alan", as("orange", { room: "design" }));
  await night.say("The dark theme is in");
  await night.close();
}

/** Plays the conversation. Returns the pages that stay open. */
async function converse() {
  const ada = await ChatPage.open(world, "Ada", as("teal", { deviceScaleFactor: 2 }));
  const grace = await ChatPage.open(world, "Grace", as("violet"));
  await ada.isHere("Grace");
  await grace.say("Morning! Everybody ready for the fire drill?");
  await grace.say("I am going to kill the service while we talk. Keep an eye on your light.");
  await ada.say("Ready. Mine is green.");
  const alan = await ChatPage.open(world, "Alan", as("orange"));
  await ada.isHere("Alan");
  await grace.say("kill -9 … and gone.");
  await world.service.end();
  await world.startService();
  await ada.say("Still green. You are all still here.");
  await alan.say("Noticed nothing. Are you sure you killed the right one?");
  await grace.say("Quite sure. It is back already, and nobody had to reconnect.");
  await ada.say("Then let us ship it 🎉");
  const linus = await ChatPage.open(world, "Linus", as("blue", { room: "launch" }));
  await linus.say("Packages are built");
  await linus.say("Release notes are up");
  await ada.shows(".room-link", "Linus: Release notes are up");
  await ada.page.locator(".message:not([data-state=sent])").waitFor({ state: "detached" });
  return { ada, grace };
}

/** The picture, while Grace is typing. */
async function takePicture({ ada, grace }) {
  let isTyping = true;
  const typing = (async () => {
    while (isTyping) await grace.type("ship");
  })();
  try {
    await ada.shows("#typing", "Grace is typing");
    await ada.shows("#people-list .person", "Grace");
    await ada.page.evaluate(() => document.activeElement.blur());
    return await ada.page.screenshot();
  } finally {
    isTyping = false;
    await typing;
  }
}

/** Of all that the picture depends on: the page, and the conversation in this file. */
function fingerprint() {
  const hash = createHash("sha256");
  const page = join(CHAT, "page");
  const files = readdirSync(page).sort().map((name) => join(page, name));
  for (const file of [...files, fileURLToPath(import.meta.url)]) {
    hash.update(readFileSync(file));
  }
  return hash.digest("hex") + "\n";
}

test("the picture of the chat was taken from the page as it is", () => {
  if (process.env.HERALD_NEW_SCREENSHOT) writeFileSync(SOURCES, fingerprint());
  assert.equal(readFileSync(SOURCES, "utf8"), fingerprint(),
    "the page has changed: take the picture anew (see the top of this file)");
});

test("the picture of the chat agrees with the chat", async () => {
  await prepare();
  const people = await converse();
  const end = performance.now() + PATIENCE;
  let picture, sizes, share;
  do {
    picture = await takePicture(people);
    if (process.env.HERALD_NEW_SCREENSHOT) writeFileSync(PICTURE, picture);
    ({ sizes, share } = await compare(world.browser, readFileSync(PICTURE), picture));
  } while (share > TOLERATED && performance.now() < end);
  if (share > TOLERATED && process.env.HERALD_ARTIFACTS) {
    writeFileSync(join(process.env.HERALD_ARTIFACTS, "screenshot.png"), picture);
  }
  assert.equal(sizes[1], sizes[0]);
  assert.ok(share <= TOLERATED, `${(share * 100).toFixed(2)} % of the pixels differ`);
});
