// SPDX-License-Identifier: Apache-2.0
//
// One channel, as the application sees it.

import { type HeraldError, textOf, WhisperError } from "./errors.js";
import type { Position } from "./history.js";
import { type Handler, Listeners } from "./listeners.js";
import type { SharedChannel } from "./shared_channel.js";
import type { ChannelState } from "./subscription.js";

/**
 * Where an event comes from. On channels with history `offset` counts the events of the channel; it
 * may skip some.
 *
 * @example
 * herald.channel("news").listen("created", (data, meta: EventMeta) => {
 *   show(`${meta.event} on ${meta.channel}`, data);
 * });
 */
export interface EventMeta {
  readonly channel: string;
  readonly event: string;
  readonly offset?: number;
}

/**
 * Where a whisper comes from. On presence channels `userId` is the user of the sender's
 * subscription: the server sets it, not the sender.
 *
 * @example
 * herald.join("room").listenForWhisper("typing", (data, meta: WhisperMeta) => {
 *   show(`${meta.userId} is typing`, data);
 * });
 */
export interface WhisperMeta extends EventMeta {
  readonly userId?: string;
}

/**
 * How a channel was confirmed. `recovered` is true if nothing is missed since the last time: the
 * events published meanwhile follow. It is false the first time, without history, and when events
 * were lost.
 *
 * @example
 * herald.channel("news").subscribed(({ recovered }: Confirmation) => {
 *   if (!recovered) show("load everything");
 * });
 */
export interface Confirmation {
  readonly channel: string;
  readonly recovered: boolean;
}

/**
 * A range in which events may be missing: after the position `since`, up to `position`. Either is
 * undefined if it is not known.
 *
 * @example
 * herald.channel("news").lost(({ channel, since, position }: Loss) => {
 *   show(channel, since?.offset, position?.offset);
 * });
 */
export interface Loss {
  readonly channel: string;
  readonly since: Position | undefined;
  readonly position: Position | undefined;
}

/**
 * A channel with the handlers of one part of the application; from `herald.channel()`,
 * `herald.private()` or, as a presence channel, `herald.join()`. Each call returns an object of its
 * own, and its `leave()` removes its own handlers only; all objects of one name share one
 * subscription. Methods return the channel, so that they can be chained. A handler that was added
 * twice is called once.
 *
 * @example
 * const news: Channel = herald.channel("news");
 * news.listen("created", (data) => show(data)).error((error) => show(error.message));
 */
export class Channel {
  /**
   * The full name, with its prefix.
   *
   * @example
   * herald.private("orders").name; // → "private-orders"
   */
  readonly name: string;

  readonly #open: () => SharedChannel;
  readonly #listeners: Listeners;
  #shared: SharedChannel;
  #hasLeft = false;

  /** `open` gives the shared channel of this name, and makes it if there is none. @internal */
  constructor(name: string, open: () => SharedChannel) {
    this.name = name;
    this.#open = open;
    this.#shared = open();
    this.#listeners = new Listeners((cause, key) => this.#shared.failed_(cause, key));
  }

  /**
   * The state of the subscription.
   *
   * @example
   * const news = herald.channel("news");
   * news.state; // → "pending"
   * news.subscribed(() => show(news.state)); // "subscribed"
   */
  get state(): ChannelState {
    return this.#hasLeft ? "left" : this.#shared.state_;
  }

  /**
   * The position of the last event for which handlers were called. Store it, and pass it as `since`
   * in the next page or process. Undefined until it is known, and on channels without history.
   *
   * @example
   * const news = herald.channel("news");
   * news.position; // → undefined
   * news.listenToAll(() => show(JSON.stringify(news.position)));
   */
  get position(): Position | undefined {
    return this.#shared.position_;
  }

  /**
   * Calls `handler` for each such event of the backend, never for a whisper. The name is exactly
   * the one that was published.
   *
   * @example
   * herald.channel("news").listen("created", (post: { id: number }) => show(post.id));
   */
  listen<Data = unknown>(event: string, handler: (data: Data, meta: EventMeta) => unknown): this {
    return this.on_("event:" + event, handler);
  }

  /**
   * Removes one handler of an event, or all of them.
   *
   * @example
   * const print = (data: unknown) => show(data);
   * const news = herald.channel("news").listen("created", print);
   * news.stopListening("created", print);
   * news.stopListening("created");
   */
  stopListening(event: string, handler?: (...values: never[]) => unknown): this {
    return this.#off("event:" + event, handler);
  }

  /**
   * Calls `handler` for each event of the backend.
   *
   * @example
   * herald.channel("news").listenToAll((event, data) => show(event, data));
   */
  listenToAll(handler: (event: string, data: unknown, meta: EventMeta) => unknown): this {
    return this.on_("all", handler);
  }

  /**
   * Removes one handler of all events, or all of them.
   *
   * @example
   * const print = (event: string, data: unknown) => show(event, data);
   * herald.channel("news").listenToAll(print).stopListeningToAll(print);
   */
  stopListeningToAll(handler?: (...values: never[]) => unknown): this {
    return this.#off("all", handler);
  }

  /**
   * Sends an event to the other clients on the channel. At most once, and only while the channel is
   * subscribed: otherwise it is dropped, and `error` handlers receive a `WhisperError`.
   *
   * @example
   * const room = herald.join("room");
   * room.subscribed(() => room.whisper("typing", { on: true }));
   */
  whisper(event: string, data: unknown = null): this {
    const channel = this.name;
    const shared = this.shared_;
    if (this.state !== "subscribed") {
      const reason = `not subscribed, so "${event}" was not whispered`;
      shared.report_(new WhisperError("not_subscribed", reason, channel));
      return this;
    }
    let text: string;
    try {
      text = JSON.stringify({ type: "whisper", channel, event, data });
    } catch (cause) {
      shared.report_(new WhisperError("invalid_data", textOf(cause), channel, cause));
      return this;
    }
    shared.host_.send_(text);
    return this;
  }

  /**
   * Calls `handler` for each such whisper of another client.
   *
   * @example
   * herald.join("room").listenForWhisper("typing", (data: { on: boolean }, { userId }) => {
   *   show(userId, data.on);
   * });
   */
  listenForWhisper<Data = unknown>(
    event: string,
    handler: (data: Data, meta: WhisperMeta) => unknown,
  ): this {
    return this.on_("whisper:" + event, handler);
  }

  /**
   * Removes one handler of a whisper, or all of them.
   *
   * @example
   * const print = (data: unknown) => show(data);
   * const room = herald.join("room").listenForWhisper("typing", print);
   * room.stopListeningForWhisper("typing", print);
   */
  stopListeningForWhisper(event: string, handler?: (...values: never[]) => unknown): this {
    return this.#off("whisper:" + event, handler);
  }

  /**
   * Calls `handler` each time that the channel is confirmed, so again after a reconnect, and again
   * when events were lost; soon, if it is confirmed already. This is the place to load everything,
   * unless it was `recovered`.
   *
   * @example
   * herald.channel("news").subscribed(({ recovered }) => {
   *   show(recovered ? "nothing was missed" : "load everything; later events follow");
   * });
   */
  subscribed(handler: (confirmation: Confirmation) => unknown): this {
    this.on_("subscribed", handler);
    this.soon_("subscribed", handler, () => ({
      channel: this.name,
      recovered: false,
    }));
    return this;
  }

  /**
   * Calls `handler` when events of a channel with history may be missing, and will not be
   * delivered: after a reconnect that was too late, when the server has lost its history, or when
   * this client was too slow. Load the state anew. It is called after a random delay of up to
   * `lostJitter`, so that not all clients load at the same time; later events follow it. Without
   * such a handler `error` handlers receive a `LostError`, and the console warns.
   *
   * @example
   * herald.channel("news").lost(() => show("Something is missing: loading everything again."));
   */
  lost(handler: (loss: Loss) => unknown): this {
    return this.on_("lost", handler);
  }

  /**
   * Calls `handler` with each error of this channel, those of its handlers included. Without such a
   * handler, errors go to the option `onError`.
   *
   * @example
   * herald.private("orders").error((error) => show(error.code, error.reason));
   */
  error(handler: (error: HeraldError) => unknown): this {
    return this.on_("error", handler);
  }

  /**
   * Removes a handler from all of this channel: `subscribed`, `lost`, `error`, `here`, `joining`,
   * `leaving`, and every `listen…`.
   *
   * @example
   * const refresh = () => show("refreshed");
   * const news = herald.channel("news").subscribed(refresh).listen("created", refresh);
   * news.stop(refresh);
   */
  stop(handler: (...values: never[]) => unknown): this {
    this.#listeners.clear_(handler as Handler);
    return this;
  }

  /**
   * Subscribes again after a refusal, or immediately instead of after a pause. Not needed
   * otherwise.
   *
   * @example
   * const orders = herald.private("orders");
   * const onLogin = () => orders.subscribe();
   * onLogin();
   */
  subscribe(): this {
    this.shared_.subscription_.ask_();
    return this;
  }

  /**
   * Leaves: removes all handlers of this object, and those of no other. When the last object with
   * handlers has left, the channel is unsubscribed. Afterwards this object does nothing.
   *
   * @example
   * const list = herald.channel("news").listen("created", (data) => show(data));
   * const badge = herald.channel("news").listen("created", (data) => show(data));
   * list.leave();
   * list.state; // → "left"
   * badge.state; // → "pending"
   */
  leave(): void {
    if (this.state === "left") return;
    this.#hasLeft = true;
    this.#listeners.clear_();
    this.#shared.release_(this.#listeners);
  }

  /** Opened again, if others have left it meanwhile and this object has not. @internal */
  get shared_(): SharedChannel {
    const isOver = this.#hasLeft || this.#shared.isOver_;
    if (!isOver && this.#shared.state_ === "left") this.#shared = this.#open();
    return this.#shared;
  }

  /** @internal */
  on_(key: string, handler: Handler): this {
    const shared = this.shared_;
    if (this.state !== "left") {
      this.#listeners.add_(key, handler);
      shared.hold_(this.#listeners);
    }
    return this;
  }

  /** Calls the handler in a moment, if the channel is subscribed. @internal */
  soon_(key: string, handler: Handler, value: () => unknown): void {
    if (this.state !== "subscribed") return;
    queueMicrotask(() => {
      if (this.state === "subscribed") this.#listeners.call_(key, handler, value());
    });
  }

  #off(key: string, handler?: (...values: never[]) => unknown): this {
    this.#listeners.remove_(key, handler as Handler | undefined);
    return this;
  }
}
