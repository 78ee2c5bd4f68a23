// SPDX-License-Identifier: Apache-2.0
//
// A Chromium, Debian's unless $CHROMIUM is the path of another, driven by playwright-core of tests/tools.

import { createRequire } from "node:module";

import { PATIENCE } from "./processes.mjs";

const { chromium } = createRequire(
  new URL("../../tools/package.json", import.meta.url))("playwright-core");

/** A browser without a window, and without a network of its own. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--font-render-hinting=none",
      "--disable-lcd-text", "--force-color-profile=srgb"],
    timeout: PATIENCE,
  });
}

/** A context in which a page looks the same on every machine. */
export async function newContext(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 }, locale: "en-GB", timezoneId: "UTC",
    colorScheme: "light", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  return context;
}
