// SPDX-License-Identifier: Apache-2.0
//
// The chat's countdown to the next attempt.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Light } from "../../../../clients/examples/chat/page/light.mjs";
import { FakeBrowser } from "../../typescript/fake_browser.mjs";

const REASON = { code: "connection_lost", text: "the connection broke" };

/** A light, the text of its line, and a clock that also runs its interval. */
function world(t) {
  const browser = new FakeBrowser().install();
  t.after(() => browser.remove());
  const elements = new Map();
  document.getElementById = (id) => {
    if (!elements.has(id)) elements.set(id, { dataset: {}, addEventListener() {} });
    return elements.get(id);
  };
  let tick;
  t.mock.method(globalThis, "setInterval", (callback) => void (tick = callback));
  t.mock.method(globalThis, "clearInterval", () => (tick = undefined));
  const { clock } = browser;
  return {
    clock,
    light: new Light(),
    line: () => document.getElementById("banner-text").textContent,
    async wait(ms) {
      await clock.advance(ms);
      tick();
    },
  };
}

test("it counts down to the next attempt", async (t) => {
  const { light, line, wait, clock } = world(t);
  light.show("unavailable", { ...REASON, retryIn: 3000, retryAt: clock.now() + 3000 });
  assert.equal(line(), "Not connected: the connection broke. Trying again in 3 s.");
  await wait(2500);
  assert.equal(line(), "Not connected: the connection broke. Trying again in 1 s.");
  await wait(500);
  assert.equal(line(), "Not connected: the connection broke. Trying again.");
});

for (const step of [-3_600_000, 3_600_000]) {
  test(`it counts on when the time of day is set by ${step} ms`, async (t) => {
    const { light, line, wait, clock } = world(t);
    light.show("unavailable", { ...REASON, retryIn: 3000, retryAt: clock.now() + 3000 });
    clock.step(step);
    await wait(1000);
    assert.equal(line(), "Not connected: the connection broke. Trying again in 2 s.");
  });
}
