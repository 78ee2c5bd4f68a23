// SPDX-License-Identifier: Apache-2.0
//
// A stranger without a login gets nowhere: neither by HTTP nor through Herald.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { ChatPage } from "./support/chat_page.mjs";
import { newContext } from "./support/chromium.mjs";
import { serve } from "./support/site.mjs";
import { World } from "./support/world.mjs";

let world;
before(async () => { world = await World.start(); });
afterEach(() => world.goHome());
after(() => world?.stop());

/** A page of the chat's own origin, with the library, but without a login. */
async function stranger() {
  const page = await (await newContext(world.browser)).newPage();
  await page.goto(world.url);
  await page.getByRole("heading", { name: "Come on in" }).waitFor();
  return page;
}

/** Subscribes with these credentials. Returns the code and the reason of the error. */
function subscribe(page, channel, auth) {
  return page.evaluate(([url, name, token]) => new Promise((resolve) => {
    const herald = new Herald(url, { authorize: () => token });
    herald.channel(name)
      .error((error) => resolve({ code: error.code, reason: error.reason }))
      .subscribed(() => resolve({ code: "subscribed" }));
  }), [world.websocket, channel, auth]);
}

test("the API refuses a stranger", async () => {
  const page = await stranger();
  const statuses = await page.evaluate(() => Promise.all([
    ["GET", "/api/session"], ["GET", "/api/messages?room=general"],
    ["POST", "/api/messages"], ["POST", "/api/rooms"], ["POST", "/api/herald-passes"],
  ].map(async ([method, path]) => {
    const headers = { "Content-Type": "application/json", "X-Chat-Seat": "stranger0" };
    const body = method === "POST" ? "{}" : null;
    return (await fetch(path, { method, headers, body })).status;
  })));
  assert.deepEqual(statuses, [401, 401, 401, 401, 401]);
});

test("Herald refuses a stranger with any credentials", async () => {
  const page = await stranger();
  for (const auth of ["", "user:ada", "eyJuYW1lIjoiRXZlIn0.c2lnbmF0dXJl"]) {
    for (const channel of ["presence-chat-general", "private-chat"]) {
      assert.deepEqual(await subscribe(page, channel, auth),
        { code: "unauthorized", reason: "the token is not valid" });
    }
  }
});

test("the pass of one connection does not open another", async () => {
  const ada = await ChatPage.open(world, "Ada");
  const request = ada.page.waitForResponse((response) =>
    response.url().endsWith("/api/herald-passes"));
  await ada.page.reload();
  const { passes } = await (await request).json();
  assert.deepEqual(await subscribe(ada.page, "presence-chat-general",
    passes["presence-chat-general"]),
  { code: "unauthorized", reason: "the pass is for another connection" });
});

test("messages of other pages are refused", async () => {
  const ada = await ChatPage.open(world, "Ada");
  const other = await serve({ "/": "<title>other</title>" }, "localhost");
  try {
    const page = await ada.page.context().newPage();
    await page.goto(other.url);
    const answer = page.waitForResponse(`${world.url}api/messages`);
    await page.evaluate((url) => fetch(`${url}api/messages`, {
      method: "POST", mode: "no-cors", credentials: "include",
      body: JSON.stringify({ room: "general", text: "forged", key: "key-0001" }),
    }), world.url);
    assert.equal((await answer).status(), 403);
  } finally {
    other.close();
  }
  await ada.say("Nothing before this");
  assert.deepEqual(await ada.messages(), ["Nothing before this"]);
});

test("a login that ends asks to log in again", async () => {
  const ada = await ChatPage.open(world, "Ada");
  await ada.page.context().clearCookies();
  await ada.page.getByLabel("Message", { exact: true }).fill("Hello?");
  await ada.page.keyboard.press("Enter");
  await ada.page.getByRole("heading", { name: "Come on in" }).waitFor();
});
