// SPDX-License-Identifier: Apache-2.0
//
// The input field: grows with the text, sends on Enter, breaks the line on Shift+Enter.

import { byId } from "./dom.mjs";

export class Composer {
  onSend = () => {}; // (text)
  onTyping = () => {}; // (whether there is something to send)
  #field = byId("text");

  constructor() {
    const form = byId("composer");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#field.value.trim();
      if (!text) return;
      this.#field.value = "";
      this.#fit();
      this.onSend(text);
      this.#field.focus();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.#field.addEventListener("input", () => {
      this.#fit();
      this.onTyping(this.#field.value.trim() !== "");
    });
  }

  open(room) {
    this.#field.placeholder = `Message #${room}`;
    // Not where that would open a keyboard over the messages.
    if (matchMedia("(pointer: fine)").matches) this.#field.focus();
  }

  #fit() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    byId("send").disabled = this.#field.value.trim() === "";
  }
}
