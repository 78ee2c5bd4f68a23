// SPDX-License-Identifier: Apache-2.0
//
// The form for a name and a colour.

import { byId, element } from "./dom.mjs";

const COLORS = ["red", "orange", "green", "teal", "blue", "indigo", "violet", "pink"];

/** Calls `logIn(name, color)`; if that rejects, the form shows the error. */
export class LoginView {
  constructor(logIn) {
    this.form = byId("login-form");
    this.error = byId("login-error");
    byId("swatches").append(...COLORS.map(swatch));
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      this.error.textContent = "";
      const { name, color } = Object.fromEntries(new FormData(this.form));
      const button = this.form.querySelector("button");
      button.disabled = true;
      try {
        await logIn(name, color);
      } catch (error) {
        this.error.textContent = `That did not work: ${error.message}.`;
      } finally {
        button.disabled = false;
      }
    });
  }

  show(text = "") {
    byId("login").hidden = false;
    byId("app").hidden = true;
    this.error.textContent = text;
    const chosen = COLORS[Math.floor(Math.random() * COLORS.length)];
    this.form.elements.color.value ||= chosen;
    byId("name").focus();
  }

  hide() {
    byId("login").hidden = true;
    byId("app").hidden = false;
  }
}

function swatch(color) {
  const input = element("input", "visually-hidden");
  Object.assign(input, { type: "radio", name: "color", value: color, required: true });
  const dot = element("span", "swatch");
  dot.dataset.color = color;
  const label = element("label", "", input, dot, element("span", "visually-hidden", color));
  label.title = color;
  return label;
}
