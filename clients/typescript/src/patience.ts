// SPDX-License-Identifier: Apache-2.0

/**
 * Whether a timer of so many milliseconds, set at `since` (performance.now()), comes so late that
 * the page has slept. What it waits for may be there, unread: it should wait once more.
 */
export const hasSlept = (since: number, ms: number) => performance.now() - since > 2 * ms;
