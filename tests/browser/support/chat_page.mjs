// SPDX-License-Identifier: Apache-2.0
//
// The chat's page as a person sees and uses it. Every wait has an end.

import assert from "node:assert/strict";

import { newContext } from "./chromium.mjs";

export class ChatPage {
  /**
   * Opens the page as a new user, and logs in. `now` is the present time of the page,
   * other `options` are those of the context.
   */
  static async open(world, name, { color = "teal", room = "general", now, ...options } = {}) {
    const context = await newContext(world.browser, options);
    const person = new ChatPage(await context.newPage());
    person.page.on("pageerror", (error) => world.errors.push(`${name}: ${error}`));
    if (now) await person.page.clock.setFixedTime(now);
    await person.page.goto(`${world.url}#${room}`);
    await person.logIn(name, color);
    return person;
  }

  constructor(page) {
    this.page = page;
  }

  async logIn(name, color) {
    await this.page.getByLabel("Your name").fill(name);
    await this.page.locator(`.swatch[data-color="${color}"]`).click();
    await this.page.getByRole("button", { name: "Start chatting" }).click();
    await this.isHere(name);
  }

  /** Until the list of people shows somebody. */
  async isHere(name) {
    await this.#person(name).waitFor({ state: "attached" });
  }

  async isGone(name) {
    await this.#person(name).waitFor({ state: "detached" });
  }

  /** The names in the list of people. */
  people() {
    return this.page.locator("#people-list .person-name").allTextContents();
  }

  async type(text) {
    await this.page.getByLabel("Message", { exact: true }).pressSequentially(text);
  }

  async say(text) {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.keyboard.press("Enter");
    await this.sees(text);
    await this.page.locator('.message[data-state="pending"]').waitFor({ state: "detached" });
  }

  /** Until a message is there; it must not be there twice. */
  async sees(text) {
    const bubbles = this.page.locator(".bubble").filter({ hasText: exactly(text) });
    await bubbles.first().waitFor();
    assert.equal(await bubbles.count(), 1, `"${text}" is there more than once`);
  }

  messages() {
    return this.page.locator(".bubble").allTextContents();
  }

  /** Until an element has this text. */
  async shows(selector, text) {
    await this.page.locator(selector).filter({ hasText: text }).first().waitFor();
  }

  /** Until the connection light is in this state. */
  async light(state) {
    await this.page.locator(`#light[data-state="${state}"]`).waitFor();
  }

  /** From now on notes down each state of the light. */
  async watchLight() {
    await this.page.evaluate(() => {
      const light = document.getElementById("light");
      window.lightStates = [];
      new MutationObserver(() => window.lightStates.push(light.dataset.state))
        .observe(light, { attributeFilter: ["data-state"] });
    });
  }

  lightStates() {
    return this.page.evaluate(() => window.lightStates);
  }

  /** Closes the page as a person does. */
  close() {
    return this.page.context().close();
  }

  #person(name) {
    return this.page.locator("#people-list .person-name", { hasText: exactly(name) });
  }
}


function exactly(text) {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}
