// SPDX-License-Identifier: Apache-2.0
//
// Who is typing: what we say of ourselves, and what we hear of others. Whispers get lost, so
// typing is said again and again, and forgotten when it is not.

const SAY_EVERY = 2000; // Milliseconds.
const FORGET_AFTER = 5000;

/** Says when we begin, that we still do, and when we stop. */
export class TypingSpeaker {
  #whisper;
  #saidAt = -Infinity;

  /** `whisper(on)` is called at most once in SAY_EVERY for `true`. */
  constructor(whisper) {
    this.#whisper = whisper;
  }

  typed() {
    const now = performance.now();
    if (now - this.#saidAt < SAY_EVERY) return;
    this.#saidAt = now;
    this.#whisper(true);
  }

  stopped() {
    if (this.#saidAt === -Infinity) return;
    this.#saidAt = -Infinity;
    this.#whisper(false);
  }
}

/** Knows who types, by user id; calls back when that changes. */
export class TypingListener {
  #timers = new Map();
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  get userIds() {
    return [...this.#timers.keys()];
  }

  heard(userId, on) {
    if (!on) return this.forget(userId);
    clearTimeout(this.#timers.get(userId));
    this.#timers.set(userId, setTimeout(() => this.forget(userId), FORGET_AFTER));
    this.#changed();
  }

  forget(userId) {
    if (!this.#timers.has(userId)) return;
    clearTimeout(this.#timers.get(userId));
    this.#timers.delete(userId);
    this.#changed();
  }

  clear() {
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.#timers.clear();
    this.#changed();
  }
}
