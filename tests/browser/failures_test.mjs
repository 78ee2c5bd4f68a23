// SPDX-License-Identifier: Apache-2.0
//
// The chat in a browser when processes die: real ones, by SIGKILL.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { ChatPage } from "./support/chat_page.mjs";
import { World } from "./support/world.mjs";

let world;
before(async () => { world = await World.start(); });
afterEach(() => world.goHome());
after(() => world?.stop());

test("a gateway that dies is missed, and the page recovers by itself", async () => {
  const ada = await ChatPage.open(world, "Ada");
  const bob = await ChatPage.open(world, "Bob", { color: "pink" });
  await ada.isHere("Bob");
  await ada.say("before");
  await bob.sees("before");
  await ada.watchLight();

  await world.gateway.end();
  await ada.light("unavailable");
  await ada.shows("#banner-text", "Not connected");
  await bob.light("unavailable");
  await bob.say("said while nobody could hear it");

  await world.startGateway();
  await ada.light("connected");
  await ada.page.locator("#banner").waitFor({ state: "hidden" });
  await ada.sees("said while nobody could hear it");
  await bob.light("connected");
  await ada.isHere("Bob");
  await bob.isHere("Ada");
  await bob.say("after");
  await ada.sees("after");
  assert.deepEqual(await ada.messages(), await bob.messages());
  const states = await ada.lightStates();
  assert.equal(states[0], "unavailable");
  assert.equal(states.at(-1), "connected");
});

/** Blocks the requests of a page for the chat's own history. Returns their addresses. */
async function loadNothing(person) {
  const tried = [];
  await person.page.route(/\/api\/(messages\?|session)/, (route) => {
    tried.push(route.request().url());
    return route.abort();
  });
  return tried;
}

test("messages from while the lid was closed come from Herald, in every room", async () => {
  const ada = await ChatPage.open(world, "Ada");
  await ada.say("lid open");
  const bob = await ChatPage.open(world, "Bob");
  const carol = await ChatPage.open(world, "Carol", { room: "coffee" });
  await ada.isHere("Bob");
  await carol.isHere("Carol");
  const tried = await loadNothing(ada);

  await world.gateway.end();
  await ada.light("unavailable");
  for (const text of ["one", "two", "three"]) await bob.say(text);
  for (const text of ["Biscuits?", "Tea, too?"]) await carol.say(text);
  await world.startGateway();

  await ada.sees("three");
  assert.deepEqual((await ada.messages()).slice(-4), ["lid open", "one", "two", "three"]);
  await ada.shows(".room-link", "Carol: Tea, too?");
  assert.match(await ada.page.getByRole("link", { name: /coffee/ }).innerText(), /2/);
  await bob.light("connected");
  await bob.say("four");
  await ada.sees("four");
  assert.deepEqual(await bob.messages(), await ada.messages());
  assert.deepEqual(tried, []);
});

test("missed messages of a room come from Herald on return", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "design" });
  const bob = await ChatPage.open(world, "Bob", { room: "design" });
  await bob.say("first");
  await ada.sees("first");
  await ada.page.getByRole("link", { name: /general/ }).click();
  await ada.isGone("Bob");
  for (const text of ["second", "third"]) await bob.say(text);
  const tried = await loadNothing(ada);

  await ada.page.getByRole("link", { name: /design/ }).click();

  await ada.sees("third");
  assert.deepEqual(await ada.messages(), ["first", "second", "third"]);
  assert.deepEqual(tried, []);
});

test("where Herald has forgotten its history, the page loads missed messages", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "coffee" });
  const bob = await ChatPage.open(world, "Bob", { room: "coffee" });
  await ada.isHere("Bob");
  const before = await ada.messages();
  await world.gateway.end();
  await ada.light("unavailable");
  await bob.say("said and forgotten");
  await world.service.end();
  await world.startService();
  await world.startGateway();

  await ada.sees("said and forgotten");
  assert.deepEqual(await ada.messages(), [...before, "said and forgotten"]);
  await bob.light("connected");
  await bob.say("and on it goes");
  await ada.sees("and on it goes");
});

test("no page notices a service that dies and restarts", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "design" });
  const bob = await ChatPage.open(world, "Bob", { room: "design", color: "pink" });
  await ada.isHere("Bob");
  await bob.isHere("Ada");
  await ada.watchLight();
  await bob.watchLight();
  const notices = await ada.page.locator(".notice").allTextContents();

  await world.service.end();
  await bob.say("said into the gap");
  await world.startService();
  await ada.sees("said into the gap"); // Herald has forgotten all, and so the page loads it.
  await ada.say("Heard you");
  await bob.sees("Heard you");  // From Herald, behind the messages that waited for it.
  await bob.type("Still");
  await ada.shows("#typing", "Bob is typing");
  await bob.say("Still here");
  await ada.sees("Still here");
  await ada.say("So am I");
  await bob.sees("So am I");

  assert.deepEqual(await ada.lightStates(), []);
  assert.deepEqual(await bob.lightStates(), []);
  assert.deepEqual(await ada.people(), ["Ada", "Bob"]);
  assert.deepEqual(await bob.people(), ["Bob", "Ada"]);
  assert.deepEqual(await ada.page.locator(".notice").allTextContents(), notices);
});

test("a message that waits for Herald is marked, until it is delivered", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "coffee" });
  const bob = await ChatPage.open(world, "Bob", { room: "coffee" });
  await ada.isHere("Bob");
  await world.service.end();
  await ada.say("Anybody?");
  await ada.shows(".status", "Saved. The others get it as soon as Herald is back.");
  await world.startService();
  await bob.sees("Anybody?");
  await ada.page.locator(".status", { hasText: "Saved" }).waitFor({ state: "detached" });
  await ada.sees("Anybody?");
});

test("a message that cannot be sent is marked, and can be sent again", async () => {
  const ada = await ChatPage.open(world, "Ada", { room: "launch" });
  const bob = await ChatPage.open(world, "Bob", { room: "launch" });
  await ada.page.route("**/api/messages", (route) => route.abort());
  await ada.say("Lost?");
  await ada.shows(".status", "Not sent: the chat server cannot be reached.");
  await ada.page.unroute("**/api/messages");
  await ada.page.getByRole("button", { name: "Try again" }).click();
  await bob.sees("Lost?");
  await ada.page.locator('.message[data-state="sent"]').waitFor();
  await ada.sees("Lost?");

  await ada.page.route("**/api/messages", async (route) => {
    await route.fetch(); // It arrives, but the answer is lost on the way.
    await route.abort();
  });
  await ada.say("Twice?");
  await ada.shows(".status", "Not sent");
  await ada.page.unroute("**/api/messages");
  await ada.page.getByRole("button", { name: "Try again" }).click();
  await ada.page.locator('.message[data-state="failed"]').waitFor({ state: "detached" });
  await ada.sees("Twice?");
  await bob.sees("Twice?");
});

test("a user that the backend disconnects sees the reason, and may return", async () => {
  const ada = await ChatPage.open(world, "Ada");
  const id = await ada.page.locator("#people-list .person").getAttribute("data-user-id");
  assert.equal(await world.herald("disconnect", "--user", id, "--reason", "time for tea"), 0);
  await ada.light("closed");
  await ada.shows("#banner-text", "time for tea");
  await ada.page.getByRole("button", { name: "Connect again" }).click();
  await ada.light("connected");
  await ada.isHere("Ada");
  await ada.say("Back");
});
