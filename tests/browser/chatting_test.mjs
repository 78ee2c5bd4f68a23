// SPDX-License-Identifier: Apache-2.0
//
// Two people chat, in a real browser, over a real Herald.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { ChatPage } from "./support/chat_page.mjs";
import { World } from "./support/world.mjs";

let world;
before(async () => { world = await World.start(); });
afterEach(() => world.goHome());
after(() => world?.stop());

test("two people see each other join, type, talk and leave", async () => {
  const ada = await ChatPage.open(world, "Ada");
  const bob = await ChatPage.open(world, "Bob", { color: "pink" });
  await ada.isHere("Bob");
  await bob.isHere("Ada");
  await ada.shows(".notice", "Bob joined");
  assert.deepEqual(await ada.people(), ["Ada", "Bob"]);
  assert.deepEqual(await bob.people(), ["Bob", "Ada"]);

  await bob.type("Hel");
  await ada.shows("#typing", "Bob is typing");
  await bob.say("Hello, Ada");
  await ada.sees("Hello, Ada");
  await ada.page.locator("#typing:empty").waitFor({ state: "attached" });
  await ada.say("Hello, Bob");
  await bob.sees("Hello, Bob");
  assert.deepEqual(await ada.messages(), await bob.messages());

  await bob.close();
  await ada.isGone("Bob");
  await ada.shows(".notice", "Bob left");
});

test("the history is there after a reload, and for later visitors", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "design" });
  for (const text of ["one", "two", "three"]) await ada.say(text);
  await ada.page.reload();
  await ada.isHere("Ada");
  await ada.sees("three");
  assert.deepEqual(await ada.messages(), ["one", "two", "three"]);

  const bob = await ChatPage.open(world, "Bob", { room: "design" });
  await bob.sees("one");
  assert.deepEqual(await bob.messages(), ["one", "two", "three"]);
});

test("older messages come when they are asked for", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "launch" });
  const texts = Array.from({ length: 60 }, (_, i) => `message ${i}`);
  for (const text of texts) await ada.say(text);
  const bob = await ChatPage.open(world, "Bob", { room: "launch" });
  await bob.sees("message 59");
  assert.deepEqual(await bob.messages(), texts.slice(10));
  const older = bob.page.getByRole("button", { name: "Show earlier messages" });
  await older.evaluate((button) => button.click()); // A real click would scroll there first.
  await bob.sees("message 0");
  assert.deepEqual(await bob.messages(), texts);
  await older.waitFor({ state: "hidden" });
});

test("scrolling up loads older messages, and the visible ones stay in place", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "launch" });
  await ada.sees("message 59");
  const where = () => ada.page.locator(".bubble", { hasText: "message 12" })
    .evaluate((bubble) => Math.round(bubble.getBoundingClientRect().top));
  const scroller = ada.page.locator("#scroller");
  const before = await scroller.evaluate(async (element) => {
    element.scrollTop = 40;
    await new Promise(requestAnimationFrame);
    return element.scrollHeight;
  });
  const top = await where();
  await ada.sees("message 0");
  assert.equal(await where(), top);
  assert.ok(await scroller.evaluate((element) => element.scrollHeight) > before);
});

test("messages are text, even if they resemble markup", async () => {
  const ada = await ChatPage.open(world, "<b>Ada</b>", { room: "coffee" });
  const bob = await ChatPage.open(world, "Bob", { room: "coffee" });
  const text = "<img src=x onerror=alert(1)> & \"quotes\" </p><script>alert(2)</script>";
  await ada.say(text);
  await bob.sees(text);
  await bob.shows(".author-name", "<b>Ada</b>");
  assert.equal(await bob.page.locator(".messages img, .messages script, #app b").count(), 0);
});

test("other rooms count unread messages, until they are opened", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "general" });
  const bob = await ChatPage.open(world, "Bob", { room: "coffee" });
  await bob.say("Tea?");
  await bob.say("Anybody?");
  const coffee = ada.page.getByRole("link", { name: /coffee/ });
  await ada.shows(".room-link", "Bob: Anybody?");
  assert.match(await coffee.innerText(), /2/);
  assert.equal(await ada.page.title(), "(2) general · Herald chat");
  await coffee.click();
  await ada.sees("Anybody?");
  await ada.isHere("Bob");
  assert.equal(await ada.page.title(), "coffee · Herald chat");
  await bob.isHere("Ada");
});

test("a new room is there for all", async () => {
  const ada = await ChatPage.open(world, "Ada");
  const bob = await ChatPage.open(world, "Bob");
  await ada.page.getByLabel("Name of a new room").fill("Tea time");
  await ada.page.keyboard.press("Enter");
  await ada.shows("#room-title", "tea-time");
  await ada.isHere("Ada");
  await bob.page.getByRole("link", { name: /tea-time/ }).click();
  await bob.isHere("Ada");
  await bob.say("Cosy");
  await ada.sees("Cosy");
  await ada.page.getByLabel("Name of a new room").fill("?");
  await ada.page.keyboard.press("Enter");
  await ada.shows("#new-room-error", "room must be");
});

test("two windows of one browser are two people", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "design" });
  const second = new ChatPage(await ada.page.context().newPage());
  await second.page.goto(`${world.url}#design`);
  await second.logIn("Bob", "pink");
  await ada.isHere("Bob");
  await second.say("Hello, other window");
  await ada.sees("Hello, other window");
  await ada.page.reload();
  await ada.isHere("Bob");
  assert.deepEqual(await ada.people(), ["Ada", "Bob"]);
});

test("a user that logs out leaves at once and must log in again", async () => {
  const ada = await ChatPage.open(world, "Ada");
  const bob = await ChatPage.open(world, "Bob");
  await ada.isHere("Bob");
  await bob.page.getByRole("button", { name: "Log out" }).click();
  await bob.page.getByRole("heading", { name: "Come on in" }).waitFor();
  await ada.isGone("Bob");
  await bob.logIn("Robert", "blue");
  await ada.isHere("Robert");
});

test("a message that comes while one reads further up is pointed to", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "launch" });
  const bob = await ChatPage.open(world, "Bob", { room: "launch" });
  await ada.sees("message 59");
  await ada.page.locator("#scroller").evaluate((scroller) => { scroller.scrollTop -= 400; });
  const where = await ada.page.locator("#scroller").evaluate((scroller) => scroller.scrollTop);
  await bob.say("Down here");
  const toEnd = ada.page.getByRole("button", { name: "New messages" });
  await toEnd.waitFor();
  assert.equal(
    await ada.page.locator("#scroller").evaluate((scroller) => scroller.scrollTop), where);
  await toEnd.click();
  await toEnd.waitFor({ state: "hidden" });
  assert.ok(await ada.page.locator(".bubble", { hasText: "Down here" }).isVisible());
});
