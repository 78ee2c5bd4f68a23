// SPDX-License-Identifier: Apache-2.0
//
// Where the application is in the history of one channel, what to ask for when it comes back, and
// whether it has missed anything. Lives as long as its channel, over many connections.

import { HeraldError } from "./errors.js";
import type { SubscribedMessage } from "./protocol.js";

/**
 * A place in the history of a channel: `offset` counts its events from 1 for as long as `epoch`
 * lives. Plain data, to be stored as JSON. An epoch means nothing but whether it is the same.
 *
 * @example
 * const stored: Position = JSON.parse('{"epoch":"c7x2mq4kd3ta","offset":41}');
 * herald.channel("news", { since: stored }).listen("created", (data) => show(data));
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/**
 * Where a channel's history begins for the application. Both matter only on channels to which the
 * operator gave a history.
 *
 * @example
 * const options: ChannelOptions = { latest: true };
 * herald.channel("weather", options).listen("changed", (data) => show(data));
 */
export interface ChannelOptions {
  /**
   * What was said since this position comes first, or `lost` handlers are called. A `position` of
   * before; `null` and `undefined` are for one that was never stored.
   *
   * @example
   * const stored = '{"epoch":"c7x2mq4kd3ta","offset":41}'; // Of a `news.position` of yesterday.
   * herald.channel("news", { since: JSON.parse(stored) });
   */
  readonly since?: Position | null | undefined;
  /**
   * For channels whose events hold a whole state: the latest event comes first, and after a
   * reconnect nothing but the latest event, if it is a new one.
   *
   * @example
   * herald.channel("weather", { latest: true }).listen("changed", (data) => show(data));
   */
  readonly latest?: boolean | undefined;
}

/** Without an epoch, as the wire has it: the latest event. */
const LATEST = { offset: 0 } as const;

/** What a `subscribe` says in `recover`. @internal */
export type Recover = Position | typeof LATEST | undefined;

/** What a `subscribed` means for who was listening before. @internal */
export interface Outcome {
  /** All that was missed follows, or nothing was. */
  recovered_: boolean;
  /** Events may be missing. */
  lost_: boolean;
  /** Where the application was. */
  since_: Position | undefined;
}

const EPOCH_LENGTH_MAX = 32;

function check({ epoch, offset }: Position, channel: string): Position {
  const isEpoch = typeof epoch === "string" && epoch !== "" && epoch.length <= EPOCH_LENGTH_MAX;
  if (!isEpoch || !Number.isSafeInteger(offset) || offset < 0) {
    const reason = "`since` is a position, as { epoch: string, offset: number }";
    throw new HeraldError("invalid_position", reason, channel);
  }
  return Object.freeze({ epoch, offset });
}

/** @internal */
export class History {
  readonly #isLatest: boolean;
  #position: Position | undefined;
  #epoch: string | undefined; // Of the offsets that come now.

  /** Throws a HeraldError if `since` is no position. */
  constructor(channel: string, { since, latest = false }: ChannelOptions) {
    this.#isLatest = latest;
    if (since != null) this.#position = check(since, channel);
  }

  get position_(): Position | undefined {
    return this.#position;
  }

  get recover_(): Recover {
    return this.#isLatest ? LATEST : this.#position;
  }

  /** `subscribed`; `isNews` if the channel was not subscribed before on this connection. */
  confirm_({ epoch, offset = 0, recovered }: SubscribedMessage, isNews: boolean): Outcome {
    const since = this.#position;
    const isSame = since !== undefined && since.epoch === epoch;
    let lost = recovered === false;
    if (isNews && since === undefined) {
      lost = false; // Who knew nothing has lost nothing.
    } else if (isNews && recovered !== true) {
      // `false` is what we asked for and cannot have; but of the latest event it says that there is
      // none. Without a word somebody else has us subscribed. Both leave us the offsets to compare.
      const isComparable = recovered === undefined || this.#isLatest;
      lost = !(isComparable && isSame && since?.offset === offset);
    }
    this.#epoch = epoch;
    // After `true` the events that follow move it: they may not come, and then we ask again.
    const stays = recovered === true || (!isNews && isSame && !lost);
    if (!stays) this.#position = epoch === undefined ? undefined : Object.freeze({ epoch, offset });
    return {
      recovered_: recovered === true || (since !== undefined && !lost),
      lost_: lost,
      since_: since,
    };
  }

  /** Whether an event is new; then the position moves to it. One without an offset is. */
  take_(offset: number | undefined): boolean {
    const epoch = this.#epoch;
    if (!offset || epoch === undefined) return true;
    const last = this.#position;
    if (last?.epoch === epoch && offset <= last.offset) return false;
    this.#position = Object.freeze({ epoch, offset });
    return true;
  }
}
