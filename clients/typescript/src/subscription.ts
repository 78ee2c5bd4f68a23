// SPDX-License-Identifier: Apache-2.0
//
// The subscription of one channel: wanted, requested, confirmed. Lives as long as its channel, over
// many connections.
//
// Invariant: on one connection at most one subscribe is without an answer.

import type { Authorization } from "./authorization.js";
import { Backoff } from "./backoff.js";
import {
  AuthorizeError,
  type HeraldError,
  SubscriptionError,
  type SubscriptionErrorCode,
} from "./errors.js";
import type { History } from "./history.js";
import type { Settings } from "./options.js";
import { needsAuthorization } from "./protocol.js";

/**
 * `pending`: wanted, and not confirmed on this connection, or there is none now. `subscribed`:
 * confirmed. `refused`: asked again on the next connection or by `subscribe()`. `left`: by
 * `leave()`, and never used again.
 *
 * @example
 * const waiting: ChannelState[] = ["pending", "refused"];
 * waiting.includes(herald.channel("news").state); // → true
 */
export type ChannelState = "pending" | "subscribed" | "refused" | "left";

/** The parts of its Herald that a channel needs. @internal */
export interface Host {
  readonly settings_: Settings;
  readonly authorization_: Authorization | undefined;
  socketId_(): string | undefined;
  send_(text: string): void;
  /** Sends an unsubscribe; messages on the channel before its answer are ignored. */
  unsubscribe_(channel: string): void;
  /** The last holder of this channel has left. */
  left_(channel: string): void;
  /** Calls `onError`. */
  report_(error: HeraldError): void;
}

/** @internal */
export interface SubscriptionOwner {
  readonly history_: History;
  report_(error: HeraldError): void;
  refused_(): void;
}

/** "waiting" is for a connection or for the timer. */
type Phase = "waiting" | "authorizing" | "asked" | Exclude<ChannelState, "pending">;

/** @internal */
export class Subscription {
  readonly #channel: string;
  readonly #host: Host;
  readonly #owner: SubscriptionOwner;
  readonly #backoff: Backoff;

  #phase: Phase = "waiting";
  #turn = 0; // Counts changes of the phase, so that late answers are known.
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isHopeless = false;
  #isUnreadable = false; // Our last request; only the application can change that.

  constructor(channel: string, host: Host, owner: SubscriptionOwner) {
    this.#channel = channel;
    this.#host = host;
    this.#owner = owner;
    this.#backoff = new Backoff(host.settings_.minDelay_, host.settings_.maxDelay_);
  }

  get state_(): ChannelState {
    const phase = this.#phase;
    return phase === "subscribed" || phase === "refused" || phase === "left" ? phase : "pending";
  }

  /** There is a connection again. */
  reconnected_(): void {
    if (!this.#isUnreadable) this.ask_();
  }

  /** Asks now, unless an answer is here or on its way. */
  ask_(): void {
    if (this.#isHopeless || (this.#phase !== "waiting" && this.#phase !== "refused")) return;
    const channel = this.#channel;
    const socketId = this.#host.socketId_();
    const recover = this.#owner.history_.recover_;
    this.#become("waiting");
    if (socketId === undefined) return;
    if (!this.#host.authorization_ || !needsAuthorization(channel)) {
      return this.#send(JSON.stringify({ type: "subscribe", channel, recover }));
    }
    this.#become("authorizing");
    const turn = this.#turn;
    this.#host.authorization_.ask_({
      channel_: channel,
      socketId_: socketId,
      recover_: recover,
      isOpen_: () => turn === this.#turn,
      answer_: (answer) => {
        if (typeof answer === "string") this.#send(answer);
        else if (answer instanceof AuthorizeError) this.retry_(answer);
        else this.#refuse(answer);
      },
    });
  }

  /** The connection is lost, and its messages with it. */
  lost_(): void {
    if (this.state_ === "pending" || this.#phase === "subscribed") this.#become("waiting");
  }

  /** `subscribed`. Returns whether that is news. A backend may subscribe us unasked. */
  confirm_(): boolean {
    const isNews = this.#phase !== "subscribed";
    this.#isUnreadable = false;
    this.#become("subscribed");
    if (isNews) this.#backoff.succeed_();
    return isNews;
  }

  /** `subscription_error`. One without a pending subscribe is ignored. */
  onError_(code: string, reason: string): void {
    if (this.#phase !== "asked") return;
    const error = new SubscriptionError(code as SubscriptionErrorCode, reason, this.#channel);
    if (code === "unavailable") return this.retry_(error);
    this.#isHopeless = code === "invalid_channel";
    this.#isUnreadable = code === "invalid_message";
    this.#refuse(error);
  }

  /** `unsubscribed`, not requested by us. */
  onEnd_(reason = "ended by the server"): void {
    if (this.#phase !== "asked" && this.#phase !== "subscribed") return;
    const error = new SubscriptionError("unsubscribed", reason, this.#channel);
    // The server decides again: an expired grant is renewed, an excluded client is refused.
    if (needsAuthorization(this.#channel)) this.retry_(error);
    else this.#refuse(error);
  }

  /** Asks again after a pause. */
  retry_(error: HeraldError): void {
    this.#become("waiting");
    this.#timer = setTimeout(() => this.ask_(), this.#backoff.fail_());
    this.#owner.report_(error);
  }

  leave_(): void {
    const known = this.#phase === "asked" || this.#phase === "subscribed";
    this.#become("left");
    if (known) this.#host.unsubscribe_(this.#channel);
  }

  #send(subscribe: string): void {
    this.#become("asked");
    this.#host.send_(subscribe);
  }

  #refuse(error: SubscriptionError): void {
    this.#become("refused");
    this.#owner.refused_();
    this.#owner.report_(error);
  }

  #become(phase: Phase): void {
    clearTimeout(this.#timer);
    this.#turn++;
    this.#phase = phase;
  }
}
