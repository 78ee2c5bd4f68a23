// SPDX-License-Identifier: Apache-2.0
//
// Typing notices: ours, and those of others. Whispers may be lost, so a notice is repeated, and
// expires if it is not.

const SAY_EVERY = 2000; // Milliseconds.
const FORGET_AFTER = 5000;

/** Whispers when we begin to type, while we continue, and when we stop. */
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

/** The typing users, by user id; calls back when they change. */
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
