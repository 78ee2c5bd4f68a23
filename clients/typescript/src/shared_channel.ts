// SPDX-License-Identifier: Apache-2.0
//
// One channel of a Herald: its subscription, its history and its members, which all `Channel`
// objects of its name share. A holder is one of these with handlers of its own, or one that had
// some; when the last one leaves, the channel is unsubscribed.
//
// Order: handlers of `lost` and `subscribed` are called before those of the events after the loss.

import { HandlerError, type HeraldError, LostError, textOf } from "./errors.js";
import { type ChannelOptions, History, type Outcome, type Position } from "./history.js";
import type { Listeners } from "./listeners.js";
import { badMessage, type ChannelMessage, isPresence, type SubscribedMessage } from "./protocol.js";
import { type MemberChange, Roster } from "./roster.js";
import { type ChannelState, type Host, Subscription } from "./subscription.js";

type EventMessage = ChannelMessage & { type: "event" };

/** A loss that is not reported to handlers yet, and the events that wait behind it. */
interface PendingLoss {
  readonly since_: Position | undefined;
  position_: Position | undefined;
  readonly dueAt_: number;
  events_: EventMessage[];
  /** With more waiting events it is due immediately. */
  readonly eventsMax_: number;
}

/**
 * At most so many events wait behind a loss. Each client draws a smaller bound of its own: a busy
 * channel would otherwise make all clients load at the same moment.
 */
const WAITING_EVENTS_MAX = 10_000;

/** @internal */
export class SharedChannel {
  readonly name_: string;
  readonly host_: Host;
  readonly history_: History;
  readonly roster_: Roster | undefined;
  readonly subscription_: Subscription;
  /** Ended for all holders, as by `herald.leave()`. */
  isOver_ = false;

  readonly #holders = new Set<Listeners>();
  #returned = 0; // Holders that left by `herald.leave()`; it is not known which.
  #wasConfirmed = false;
  #loss: PendingLoss | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined; // Of the loss, while there is a connection.

  /** Throws a HeraldError for a bad position in the options. */
  constructor(name: string, host: Host, options: ChannelOptions) {
    this.name_ = name;
    this.host_ = host;
    this.history_ = new History(name, options);
    if (isPresence(name)) this.roster_ = new Roster();
    this.subscription_ = new Subscription(name, host, this);
  }

  get state_(): ChannelState {
    return this.subscription_.state_;
  }

  /**
   * Until a loss is reported, the position before it: a page that ends meanwhile still detects it.
   */
  get position_(): Position | undefined {
    return this.#loss ? this.#loss.since_ : this.history_.position_;
  }

  // Holders.

  /** A handler was added to these: from now on they hold the channel. */
  hold_(listeners: Listeners): void {
    this.#holders.add(listeners);
  }

  /** These have left. */
  release_(listeners: Listeners): void {
    this.#holders.delete(listeners);
    if (this.#holders.size <= this.#returned) this.#end();
  }

  /** One holder has left, but not which: handlers stay until the last one has. */
  releaseAny_(): void {
    if (++this.#returned >= this.#holders.size) {
      this.isOver_ = true;
      this.#end();
    } else {
      console.warn(`${this.name_}: others still listen, so all handlers stay; use leave() of a channel`);
    }
  }

  #end(): void {
    for (const listeners of this.#holders) listeners.clear_();
    this.#holders.clear();
    clearTimeout(this.#timer);
    this.subscription_.leave_();
    this.refused_();
    this.host_.left_(this.name_);
  }

  #has(key: string): boolean {
    return [...this.#holders].some((listeners) => listeners.has_(key));
  }

  #emit(key: string, ...values: unknown[]): void {
    for (const listeners of [...this.#holders]) listeners.emit_(key, ...values);
  }

  #emitChange(change: MemberChange | undefined): void {
    if (change) this.#emit(...change);
  }

  report_(error: HeraldError): void {
    if (this.#has("error")) this.#emit("error", error);
    else this.host_.report_(error);
  }

  /** A handler of `key` threw, or rejected. */
  failed_(cause: unknown, key: string): void {
    const error = new HandlerError("handler_failed", textOf(cause), this.name_, cause);
    // A failing `error` handler does not receive its own error.
    if (key === "error") this.host_.report_(error);
    else this.report_(error);
  }

  // The connection.

  /** There is a connection again. */
  reconnected_(): void {
    this.subscription_.reconnected_();
  }

  /** The connection is lost. Events that wait are recovered by the next one. */
  lost_(): void {
    clearTimeout(this.#timer);
    if (this.#loss) this.#loss.events_ = [];
    this.subscription_.lost_();
  }

  refused_(): void {
    this.roster_?.clear_();
  }

  receive_(message: ChannelMessage): void {
    const type = message.type;
    if (type === "subscribed") this.#confirm(message);
    else if (type === "subscription_error") {
      this.subscription_.onError_(message.code, message.error);
    } else if (type === "unsubscribed") this.subscription_.onEnd_(message.reason);
    else if (this.state_ !== "subscribed") {
      this.report_(badMessage(`"${type}" without "subscribed" before`, this.name_));
    } else if (type === "event") this.#onEvent(message);
    else if (type === "member_added") this.#emitChange(this.roster_?.add_(message));
    else this.#emitChange(this.roster_?.remove_(message.user_id));
  }

  #confirm(message: SubscribedMessage): void {
    const roster = this.roster_;
    const members = message.members;
    if (roster && !members) {
      // It cannot be used without members; the server repeats it when it is asked again.
      const error = badMessage('"subscribed" without "members"', this.name_);
      return this.subscription_.retry_(error);
    }
    const isNews = this.subscription_.confirm_();
    const outcome = this.history_.confirm_(message, isNews);
    if (roster && members) {
      for (const change of roster.replace_(members)) this.#emitChange(change);
    }
    this.#onOutcome(isNews, outcome);
    this.#wasConfirmed = true;
    if (isNews && roster && this.state_ === "subscribed") this.#emit("here", roster.list_());
  }

  #onEvent(message: EventMessage): void {
    const { channel, event, data, offset, user_id: userId } = message;
    if (message.whisper === true) {
      const meta = typeof userId === "string" ? { channel, event, userId } : { channel, event };
      this.#emit("whisper:" + event, data, meta);
    } else if (this.#loss) {
      if (this.#loss.events_.push(message) > this.#loss.eventsMax_) this.#tellLoss();
    } else if (this.history_.take_(offset)) {
      const meta = offset ? { channel, event, offset } : { channel, event };
      this.#emit("event:" + event, data, { ...meta });
      this.#emit("all", event, data, { ...meta });
    }
  }

  // Losses.

  /** Calls the handlers of a `subscribed`, if it is news to them. */
  #onOutcome(isNews: boolean, outcome: Outcome): void {
    const { recovered_: recovered, lost_: isLost, since_: since } = outcome;
    if (isLost) {
      const position = this.history_.position_;
      this.#loss ??= this.#drawLoss(since);
      this.#loss.position_ = position;
      this.#loss.events_ = []; // Of before this loss, so they are a part of it.
    }
    if (this.#loss) this.#tellLossInTime(this.#loss);
    else if (isNews) this.#emit("subscribed", { channel: this.name_, recovered });
  }

  /**
   * No delay for a page that has just been opened: it needs the content, and few open at the same
   * time.
   */
  #drawLoss(since: Position | undefined): PendingLoss {
    const share = this.#wasConfirmed ? Math.random() : 0;
    return {
      since_: since,
      position_: undefined,
      dueAt_: performance.now() + share * this.host_.settings_.lostJitter_,
      events_: [],
      eventsMax_: share * WAITING_EVENTS_MAX,
    };
  }

  #tellLossInTime({ dueAt_: dueAt }: PendingLoss): void {
    clearTimeout(this.#timer);
    const wait = Math.min(dueAt - performance.now(), this.host_.settings_.lostJitter_);
    if (wait <= 0) this.#tellLoss();
    else this.#timer = setTimeout(() => this.#tellLoss(), wait);
  }

  /** Otherwise the next confirmation does it. */
  #tellLoss(): void {
    const loss = this.#loss;
    if (!loss || this.state_ !== "subscribed") return;
    clearTimeout(this.#timer);
    this.#loss = undefined;
    const { since_: since, position_: position, events_: events } = loss;
    if (this.#has("lost")) this.#emit("lost", { channel: this.name_, since, position });
    else this.#reportLoss();
    this.#emit("subscribed", { channel: this.name_, recovered: false });
    for (const event of events) {
      if (this.state_ !== "subscribed") return; // By a handler: the next connection recovers them.
      this.#onEvent(event);
    }
  }

  #reportLoss(): void {
    const error = new LostError(
      "events_lost",
      "events may be missing: load the state anew, in a handler of lost()",
      this.name_,
    );
    console.warn(error.message);
    this.report_(error);
  }
}
