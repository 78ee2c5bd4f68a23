// SPDX-License-Identifier: Apache-2.0
//
// The connection light, and the line that describes a problem.

import { byId } from "./dom.mjs";

const WORDS = {
  connecting: "Connecting", connected: "Connected", unavailable: "Offline", closed: "Closed",
};

/** Shows the state of a Herald, and its reason. */
export class Light {
  onReconnect = () => {};
  #timer;
  #trouble = "";

  constructor() {
    byId("reconnect").addEventListener("click", () => this.onReconnect());
  }

  /** To be called when the state changes: the countdown starts here. */
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
      const end = performance.now() + reason.retryIn;
      this.#countDown(reason, end);
      this.#timer = setInterval(() => this.#countDown(reason, end), 500);
    } else if (!byId("banner").hidden) {
      this.#say("Not connected. Trying again.");
    } // Else it is the first attempt, and worth no line.
  }

  /** Shows another problem while the page is connected; "" takes it away. */
  trouble(text) {
    this.#trouble = text;
    if (byId("light").dataset.state === "connected") this.#say(text);
  }

  #say(text) {
    byId("banner").hidden = !text;
    byId("banner-text").textContent = text;
  }

  #countDown(reason, end) {
    const seconds = Math.ceil((end - performance.now()) / 1000);
    const next = seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again.";
    this.#say(`Not connected: ${reason.text}. ${next}`);
  }
}
