// SPDX-License-Identifier: Apache-2.0
//
// The position of the application in the history of one channel, the request for a reconnect, and
// losses. Lives as long as its channel, over many connections.

import { HeraldError } from "./errors.js";
import type { SubscribedMessage } from "./protocol.js";

/**
 * A place in the history of a channel: `offset` counts its events from 1 for as long as `epoch`
 * lives. Plain data, to be stored as JSON. An epoch is opaque and may only be compared.
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
 * Where a channel's history begins for the application. Both apply only to channels with a history.
 *
 * @example
 * const options: ChannelOptions = { latest: true };
 * herald.channel("weather", options).listen("changed", (data) => show(data));
 */
export interface ChannelOptions {
  /**
   * The events since this position are delivered first, or `lost` handlers are called. An earlier
   * `position`; `null` and `undefined` mean that none was stored.
   *
   * @example
   * const stored = '{"epoch":"c7x2mq4kd3ta","offset":41}'; // Of a `news.position` of yesterday.
   * herald.channel("news", { since: JSON.parse(stored) });
   */
  readonly since?: Position | null | undefined;
  /**
   * For channels whose events hold a whole state: the latest event is delivered first, and after a
   * reconnect only the latest event, if it is a new one.
   *
   * @example
   * herald.channel("weather", { latest: true }).listen("changed", (data) => show(data));
   */
  readonly latest?: boolean | undefined;
}

/** Without an epoch, as the wire has it: the latest event. */
const LATEST = { offset: 0 } as const;

/** The `recover` of a `subscribe`. @internal */
export type Recover = Position | typeof LATEST | undefined;

/** The effect of a `subscribed` on an application with a position. @internal */
export interface Outcome {
  /** All missed events follow, or none were missed. */
  recovered_: boolean;
  /** Events may be missing. */
  lost_: boolean;
  /** The position of the application before. */
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
  #epoch: string | undefined; // Of the current offsets.

  /** Throws a HeraldError if `since` is not a position. */
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
      lost = false; // Without a position there is no loss.
    } else if (isNews && recovered !== true) {
      // `false` is a refused recovery; but for the latest event it means that there is none.
      // Without the field a backend has subscribed this socket. In both cases the offsets are
      // compared.
      const isComparable = recovered === undefined || this.#isLatest;
      lost = !(isComparable && isSame && since?.offset === offset);
    }
    this.#epoch = epoch;
    // After `true` the recovered events advance it: if they do not arrive, they are requested
    // again.
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
