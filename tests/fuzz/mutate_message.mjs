// SPDX-License-Identifier: Apache-2.0
//
// Mutations of messages that leave them JSON: libFuzzer's own, of bytes, seldom
// change the type of a field.

const VALUES = [
  null, true, 0, 1, 41, 42, 43, -1, 1.5, 1e300, 2 ** 53, "", "x", "news",
  "chat.1", "presence-room", "constructor", "__proto__", "\ud800",
  "x".repeat(300), [], {}, [null], [[]], [{}], [{ user_id: "eve" }],
  [{ user_id: "eve" }, { user_id: "eve" }], [{ user_id: 7 }],
  { user_id: "eve" },
];

const NAMES = [
  "type", "channel", "event", "data", "offset", "epoch", "recovered", "members",
  "user_id", "user_info", "reason", "error", "code", "message", "socket_id",
  "whisper", "__proto__", "unknown",
];

const FIELD = { enumerable: true, configurable: true, writable: true };

/** Returns a function for numbers below a bound, from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

const oneOf = (random, all) => all[random(all.length)];

/** Changes or deletes a field somewhere in the message. */
function mutateField(random, message) {
  const inner = Object.values(message).filter(
    (value) => value && typeof value === "object",
  );
  if (inner.length > 0 && random(4) === 0) {
    return mutateField(random, oneOf(random, inner));
  }
  const own = Object.keys(message);
  const name = oneOf(random, random(2) && own.length > 0 ? own : NAMES);
  if (random(3) === 0) {
    delete message[name];
  } else {
    const value = structuredClone(oneOf(random, VALUES));
    // An assignment to `__proto__` would make no field.
    Object.defineProperty(message, name, { ...FIELD, value });
  }
}

/** Changes fields of one message, or leaves the bytes to libFuzzer. */
export function mutate(bytes, seed) {
  const random = randomFrom(seed);
  if (random(4) === 0) return undefined;
  const texts = bytes.toString("utf8").split("\n");
  const at = random(texts.length);
  try {
    const message = JSON.parse(texts[at]);
    if (typeof message !== "object" || message === null) return undefined;
    for (let i = random(3); i >= 0; i--) mutateField(random, message);
    texts[at] = JSON.stringify(message);
  } catch {
    return undefined; // No JSON, or nested too deep.
  }
  return Buffer.from(texts.join("\n"));
}
