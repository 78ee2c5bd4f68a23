// SPDX-License-Identifier: Apache-2.0

/** How late a timer may fire in a page that runs, in milliseconds. */
const LATENESS_MAX = 100;

/**
 * Whether a timer of so many milliseconds, set at `since` (performance.now()), fires so late that
 * the page was asleep, frozen or busy. The answer may have arrived meanwhile and still be unread, so
 * the caller waits once more.
 */
export const isLate = (since: number, ms: number) =>
  performance.now() - since - ms > LATENESS_MAX;
