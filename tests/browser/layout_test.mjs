// SPDX-License-Identifier: Apache-2.0
//
// The chat on narrow screens and without a mouse.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { ChatPage } from "./support/chat_page.mjs";
import { World } from "./support/world.mjs";

let world;
before(async () => { world = await World.start(); });
afterEach(() => world.goHome());
after(() => world?.stop());

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

/** Whether the page, or a visible part of it, is wider than the screen. */
const tooWide = (page) => page.evaluate(() => {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return getComputedStyle(element).visibility !== "hidden" && box.width > 1 &&
      (box.right > width + 1 || box.left < -1);
  });
  return [document.documentElement.scrollWidth > width,
    ...wide.map((element) => element.className || element.tagName)];
});

test("a phone's width is enough for everything", async () => {
  const ada = await ChatPage.open(world, "Ada", PHONE);
  const bob = await ChatPage.open(world, "A name as long as it may");
  await bob.say(LONG);
  await ada.sees(LONG);
  await ada.say(`${LONG} ${LONG}`);
  assert.deepEqual(await tooWide(ada.page), [false]);

  await ada.page.getByRole("button", { name: "Rooms" }).click();
  await ada.page.getByRole("link", { name: /design/ }).waitFor();
  assert.deepEqual(await tooWide(ada.page), [false]);
  await ada.page.getByRole("link", { name: /design/ }).click();
  await ada.shows("#room-title", "design");
  await ada.page.locator("#rooms-panel").waitFor({ state: "hidden" });

  await ada.page.getByRole("button", { name: "Who is here" }).click();
  await ada.page.getByRole("heading", { name: "Here now · 1" }).waitFor();
  await ada.page.locator("#backdrop").click({ position: { x: 20, y: 300 } });
  await ada.page.locator("#people-panel").waitFor({ state: "hidden" });
});

test("the login fits, too", async () => {
  const ada = await ChatPage.open(world, "Ada", PHONE);
  await ada.page.context().clearCookies();
  await ada.page.reload();
  await ada.page.getByRole("heading", { name: "Come on in" }).waitFor();
  assert.deepEqual(await tooWide(ada.page), [false]);
});

test("all of it can be done with the keyboard", async () => {
  const ada = await ChatPage.open(world, "Ada", PHONE);
  const focused = () => ada.page.evaluate(() => document.activeElement.id ||
    document.activeElement.textContent);
  await ada.page.locator("#open-rooms").focus();
  await ada.page.keyboard.press("Enter");
  assert.match(await focused(), /^coffee/);
  await ada.page.keyboard.press("Escape");
  await ada.page.locator("#rooms-panel").waitFor({ state: "hidden" });
  assert.equal(await focused(), "open-rooms");
  const reached = [];
  for (let i = 0; i < 3; i++) {
    await ada.page.keyboard.press("Tab");
    reached.push(await focused());
  }
  assert.deepEqual(reached, ["open-people", "scroller", "text"]);
  await ada.page.locator("#text").focus();
  await ada.page.keyboard.type("first line");
  await ada.page.keyboard.press("Shift+Enter");
  await ada.page.keyboard.type("second line");
  await ada.page.keyboard.press("Enter");
  await ada.sees("first line\nsecond line");
  assert.equal(await focused(), "text");
});

test("a screen reader announces messages of others", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "launch" });
  const bob = await ChatPage.open(world, "Bob", { room: "launch" });
  await bob.say("Can you hear me?");
  await ada.page.locator('#announcer[aria-live="polite"]',
    { hasText: "Bob: Can you hear me?" }).waitFor({ state: "attached" });
});
