// SPDX-License-Identifier: Apache-2.0
//
// The application's handlers. A handler may add and remove handlers while it runs; one that was
// removed is not called any more. None can disturb its caller or the others.

/** @internal */
export type Handler = (...values: any[]) => unknown;

/** @internal */
export class Listeners {
  readonly #sets = new Map<string, Set<Handler>>();
  readonly #fail: (cause: unknown, key: string) => void;

  /** `fail` is called with the value that a handler has thrown, or rejected with. */
  constructor(fail: (cause: unknown, key: string) => void) {
    this.#fail = fail;
  }

  add_(key: string, handler: Handler): void {
    const set = this.#sets.get(key) ?? new Set();
    this.#sets.set(key, set.add(handler));
  }

  /** Removes one handler of a key, or all. */
  remove_(key: string, handler?: Handler): void {
    const set = this.#sets.get(key);
    if (handler) set?.delete(handler);
    else set?.clear();
  }

  /** Removes a handler from every key, or everything. */
  clear_(handler?: Handler): void {
    for (const key of this.#sets.keys()) this.remove_(key, handler);
  }

  has_(key: string): boolean {
    return !!this.#sets.get(key)?.size;
  }

  emit_(key: string, ...values: unknown[]): void {
    for (const handler of [...(this.#sets.get(key) ?? [])]) this.call_(key, handler, ...values);
  }

  /** Calls one handler, if it is still there. */
  call_(key: string, handler: Handler, ...values: unknown[]): void {
    if (!this.#sets.get(key)?.has(handler)) return;
    const fail = (cause: unknown) => this.#fail(cause, key);
    try {
      const result = handler(...values) as PromiseLike<unknown> | undefined;
      if (typeof result?.then === "function") result.then(undefined, fail);
    } catch (cause) {
      fail(cause);
    }
  }
}
