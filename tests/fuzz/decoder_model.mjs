// SPDX-License-Identifier: Apache-2.0
//
// The messages that proto/WEBSOCKET.md allows a server, and the check of a
// decoder of them, for fuzz targets.

import assert from "node:assert/strict";
import { ProtocolError } from "../../clients/typescript/src/errors.ts";
import { Decoder } from "../../clients/typescript/src/protocol.ts";

const isString = (value) => typeof value === "string";
const isThere = (value) => value !== undefined;
export const isOffset = (value) => Number.isSafeInteger(value) && value >= 0;
const isEpoch = (value) => isString(value) && value !== "";
export const isRoster = (value) =>
  Array.isArray(value) && value.every((member) => isString(member?.user_id));

/** By type, the fields that must be there. */
const NEEDED = {
  connected: { socket_id: isString },
  subscribed: { channel: isString },
  subscription_error: { channel: isString, error: isString, code: isString },
  unsubscribed: { channel: isString },
  event: { channel: isString, event: isString, data: isThere },
  member_added: { channel: isString, user_id: isString },
  member_removed: { channel: isString, user_id: isString },
  pong: {},
  error: { message: isString },
};

/** By type, the fields that are left out unless they have this form. */
const OPTIONAL = {
  subscribed: { epoch: isEpoch, offset: isOffset },
  unsubscribed: { reason: isString },
  error: { channel: isString, code: isString },
};

/** Returns "good", "bad", or "unknown" for the type, and that type. */
export function judge(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return { verdict: "bad" };
  }
  const type = message?.type;
  if (!isString(type)) return { verdict: "bad" };
  if (!Object.hasOwn(NEEDED, type)) return { verdict: "unknown", type };
  const fits = Object.entries(NEEDED[type]).every(([name, isValid]) =>
    isValid(message[name]),
  );
  const { offset } = message;
  const isPlaced = type !== "event" || offset === undefined || isOffset(offset);
  return { verdict: fits && isPlaced ? "good" : "bad", type };
}

/** A good message without the optional fields that are invalid. */
function withoutInvalid(message) {
  const optional = Object.entries(OPTIONAL[message.type] ?? {});
  const invalid = optional
    .filter(([name, isValid]) => !isValid(message[name]))
    .map(([name]) => name);
  // An epoch without an offset is no position, and the reverse.
  if (message.type === "subscribed" && invalid.length > 0) {
    invalid.push("epoch", "offset");
  }
  if (!isRoster(message.members)) invalid.push("members");
  for (const name of invalid) delete message[name];
  return message;
}

/** Values of JSON that are nested too deep for JSON.stringify() are equal. */
function assertSame(left, right) {
  let texts;
  try {
    texts = [left, right].map((value) => JSON.stringify(value));
  } catch (error) {
    if (error instanceof RangeError) return;
    throw error;
  }
  assert.equal(texts[0], texts[1]);
}

function assertRefuses(decoder, text) {
  assert.throws(
    () => decoder.decode_(text),
    (error) => {
      assert.ok(error instanceof ProtocolError, String(error));
      assert.equal(error.code, "bad_message");
      assert.match(error.reason, /\w/);
      assert.ok(error.reason.length < 200);
      assert.ok(error.channel === undefined || isString(error.channel));
      return true;
    },
  );
}

/** Each decoder refuses the text, or returns the message that it is. */
export function checkDecoder(text) {
  const decoder = new Decoder();
  const { verdict } = judge(text);
  if (verdict !== "good") {
    assertRefuses(decoder, text);
    // An unknown type is refused once.
    if (verdict === "bad") assertRefuses(decoder, text);
    else assert.equal(decoder.decode_(text), undefined);
    return;
  }
  const message = decoder.decode_(text);
  assert.equal(Object.getPrototypeOf(message), Object.prototype);
  assertSame(message, withoutInvalid(JSON.parse(text)));
  assertSame(message, decoder.decode_(text));
}
