// SPDX-License-Identifier: Apache-2.0
//
// The connection light, and the line that says what is the matter.

import { byId } from "./dom.mjs";

const WORDS = {
  connecting: "Connecting", connected: "Connected", unavailable: "Offline", closed: "Closed",
};

/** Shows the state of a Herald, with the reason that comes with it. */
export class Light {
  #timer;

  constructor() {
    this.onReconnect = () => {};
    byId("reconnect").addEventListener("click", () => this.onReconnect());
  }

  show(state, reason) {
    clearInterval(this.#timer);
    const light = byId("light");
    light.dataset.state = state;
    light.title = reason.text;
    byId("light-text").textContent = WORDS[state];
    // The first "connecting" is not worth a line.
    byId("banner").hidden = state === "connected" || state === "connecting";
    byId("reconnect").hidden = state !== "closed";
    if (state === "unavailable") {
      this.#countDown(reason);
      this.#timer = setInterval(() => this.#countDown(reason), 500);
    } else {
      byId("banner-text").textContent = `Not connected: ${reason.text}.`;
    }
  }

  #countDown(reason) {
    const seconds = Math.ceil(((reason.retryAt ?? 0) - Date.now()) / 1000);
    const next = seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again.";
    byId("banner-text").textContent = `Not connected: ${reason.text}. ${next}`;
  }
}
