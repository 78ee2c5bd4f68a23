// SPDX-License-Identifier: Apache-2.0
//
// The pause before the next attempt: exponential backoff with full jitter, so that the clients of a
// gateway that has died do not return in one instant.

/** A connection that lasted this long was good: the next failure is a first one. */
const STABLE_MS = 5000;

/** @internal */
export class Backoff {
  readonly #min: number;
  readonly #max: number;
  #failures = 0;
  #since: number | undefined;

  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
  }

  /** Notes that the attempt succeeded, now. */
  succeed_(): void {
    this.#since = performance.now();
  }

  /**
   * Notes a failure, now, and returns the pause in ms. `told` is a pause that the server has drawn
   * for this client. From the second failure on, the pause is at least our own.
   */
  fail_(told?: number): number {
    if (performance.now() - (this.#since ?? Infinity) >= STABLE_MS) this.reset_();
    this.#since = undefined;
    // Without the 30, a minimum of 0 would be multiplied by Infinity one day.
    const bound = this.#min * 2 ** Math.min(this.#failures++, 30);
    const own = Math.round(Math.random() * Math.min(this.#max, bound));
    return told === undefined ? own : this.#failures === 1 ? told : Math.max(told, own);
  }

  reset_(): void {
    this.#failures = 0;
  }
}
