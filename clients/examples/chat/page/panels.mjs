// SPDX-License-Identifier: Apache-2.0
//
// On narrow screens the lists of rooms and people are drawers: one is open at a time, Escape and
// a touch beside it close it.

import { byId } from "./dom.mjs";

const NAMES = ["rooms", "people"];

export function setUpPanels() {
  for (const name of NAMES) byId(`open-${name}`).addEventListener("click", () => open(name));
  byId("backdrop").addEventListener("click", closePanels);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closePanels();
  });
}

export function closePanels() {
  const name = byId("app").dataset.open;
  if (!name) return;
  delete byId("app").dataset.open;
  byId(`open-${name}`).setAttribute("aria-expanded", "false");
  byId(`open-${name}`).focus();
}

function open(name) {
  byId("app").dataset.open = name;
  byId(`open-${name}`).setAttribute("aria-expanded", "true");
  byId(`${name}-panel`).querySelector("a, button, input")?.focus();
}
