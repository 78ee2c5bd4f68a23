// SPDX-License-Identifier: Apache-2.0
//
// The connection light, and the line that says what is the matter.

import { byId } from "./dom.mjs";

const WORDS = {
  connecting: "Connecting", connected: "Connected", unavailable: "Offline", closed: "Closed",
};

/** Shows the state of a Herald, with the reason that comes with it. */
export class Light {
  onReconnect = () => {};
  #timer;
  #trouble = "";

  constructor() {
    byId("reconnect").addEventListener("click", () => this.onReconnect());
  }

  show(state, reason) {
    clearInterval(this.#timer);
    byId("light").dataset.state = byId("app").dataset.state = state;
    byId("light").title = reason.text;
    byId("light-text").textContent = WORDS[state];
    byId("reconnect").hidden = state !== "closed";
    if (state === "connected") {
      this.#say(this.#trouble);
    } else if (state === "closed") {
      this.#say(`Not connected: ${reason.text}.`);
    } else if (state === "unavailable") {
      this.#countDown(reason);
      this.#timer = setInterval(() => this.#countDown(reason), 500);
    } else if (!byId("banner").hidden) {
      this.#say("Not connected. Trying again.");
    } // Else it is the first attempt, and worth no line.
  }

  /** What else is the matter while we are connected; "" when all is well. */
  trouble(text) {
    this.#trouble = text;
    if (byId("light").dataset.state === "connected") this.#say(text);
  }

  #say(text) {
    byId("banner").hidden = !text;
    byId("banner-text").textContent = text;
  }

  #countDown(reason) {
    const seconds = Math.ceil((reason.retryAt - Date.now()) / 1000);
    const next = seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again.";
    this.#say(`Not connected: ${reason.text}. ${next}`);
  }
}
