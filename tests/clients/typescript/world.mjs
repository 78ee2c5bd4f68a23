// SPDX-License-Identifier: Apache-2.0
//
// A Herald in a fake browser, for one test; and short names for a gateway's
// frames.

import assert from "node:assert/strict";
import { FakeBrowser } from "./fake_browser.mjs";
import { Herald } from "./library.mjs";

export { settle } from "./fake_browser.mjs";

export const URL_OF_GATEWAY = "ws://127.0.0.1:8080/ws";

/**
 * Returns { browser, clock, herald, errors }; `errors` are those that `onError` received. Losses
 * are reported at once unless `lostJitter` is among the options. Fails a test that ends with an
 * unhandled rejection.
 */
export function world(t, options = {}) {
  const browser = new FakeBrowser().install();
  const errors = [];
  const unhandled = [];
  const onUnhandled = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  t.after(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    browser.remove();
    process.off("unhandledRejection", onUnhandled);
    assert.deepEqual(unhandled, []);
  });
  const onError = (error) => errors.push(error);
  const herald = new Herald(URL_OF_GATEWAY, { onError, lostJitter: 0, ...options });
  return { browser, clock: browser.clock, herald, errors };
}

/** The same, connected. */
export function connectedWorld(t, options) {
  const made = world(t, options);
  made.browser.socket.accept();
  return made;
}

/** Breaks the connection and lets the library reconnect to a new socket that sends `connected`. */
export async function reconnect({ browser, clock, herald }, socketId = "1234.9999") {
  browser.socket.end();
  await clock.advance(herald.reason.retryAt - clock.now());
  browser.socket.accept(socketId);
  await clock.advance(0);
  return browser.socket;
}

export const subscribed = (channel, ...members) => ({
  type: "subscribed",
  channel,
  ...(channel.startsWith("presence-") && { members: members.map(member) }),
});

/** The same, on a channel with history. */
export const at = (epoch, offset, channel, recovered) => ({
  ...subscribed(channel),
  epoch,
  offset,
  ...(recovered !== undefined && { recovered }),
});

export const member = (id) => ({ user_id: id, user_info: { name: id.toUpperCase() } });

export const refused = (channel, code, error = "no") => ({
  type: "subscription_error",
  channel,
  error,
  code,
});

export const unsubscribed = (channel, reason) => ({ type: "unsubscribed", channel, reason });

export const event = (channel, name, data, more) => ({
  type: "event",
  event: name,
  channel,
  data,
  ...more,
});

export const whisper = (channel, name, data, userId) =>
  event(channel, name, data, { whisper: true, ...(userId && { user_id: userId }) });

export const joined = (channel, id) => ({ type: "member_added", channel, ...member(id) });

export const left = (channel, id) => ({ type: "member_removed", channel, user_id: id });

/** `[code, channel]` of each error. */
export const codes = (errors) => errors.map(({ code, channel }) => [code, channel]);
