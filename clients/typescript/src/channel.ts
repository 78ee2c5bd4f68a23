// SPDX-License-Identifier: Apache-2.0
//
// One channel, as the application sees it.

import { HandlerError, type HeraldError, textOf, WhisperError } from "./errors.js";
import { type Handler, Listeners } from "./listeners.js";
import { badMessage, type ChannelMessage } from "./protocol.js";
import { type ChannelState, type Host, Subscription } from "./subscription.js";

/**
 * Where an event comes from.
 *
 * @example
 * herald.channel("news").listen("created", (data, meta: EventMeta) => {
 *   show(`${meta.event} on ${meta.channel}`, data);
 * });
 */
export interface EventMeta {
  readonly channel: string;
  readonly event: string;
}

/**
 * Where a whisper comes from. On presence channels `userId` is the user of the sender's
 * subscription: the server's word, not a claim of the sender.
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
 * A name to listen on; from `herald.channel()`, `herald.private()` or, as a presence channel,
 * `herald.join()`. Methods return the channel, so that they can be chained. A handler that was
 * added twice is called once.
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

  /** @internal */
  readonly subscription_: Subscription;
  /** @internal */
  readonly listeners_: Listeners;
  readonly #host: Host;

  /** @internal */
  constructor(name: string, host: Host) {
    this.name = name;
    this.#host = host;
    this.subscription_ = new Subscription(name, host, this);
    this.listeners_ = new Listeners((cause, key) => {
      const error = new HandlerError("handler_failed", textOf(cause), name, cause);
      // A failing `error` handler is not told of itself.
      if (key === "error") host.report_(error);
      else this.report_(error);
    });
  }

  /**
   * Whether the channel is listened to now, and if not, why not.
   *
   * @example
   * const news = herald.channel("news");
   * news.state; // → "pending"
   * news.subscribed(() => show(news.state)); // "subscribed"
   */
  get state(): ChannelState {
    return this.subscription_.state_;
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
   * Takes one handler of an event back, or all of them.
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
   * Takes one handler of all events back, or all of them.
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
   * subscribed: otherwise it is not kept, and `error` handlers are told a `WhisperError`.
   *
   * @example
   * const room = herald.join("room");
   * room.subscribed(() => room.whisper("typing", { on: true }));
   */
  whisper(event: string, data: unknown = null): this {
    const channel = this.name;
    if (this.state !== "subscribed") {
      const reason = `not subscribed, so "${event}" was not whispered`;
      this.report_(new WhisperError("not_subscribed", reason, channel));
      return this;
    }
    let text: string;
    try {
      text = JSON.stringify({ type: "whisper", channel, event, data });
    } catch (cause) {
      this.report_(new WhisperError("invalid_data", textOf(cause), channel, cause));
      return this;
    }
    this.#host.send_(text);
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
   * Takes one handler of a whisper back, or all of them.
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
   * Calls `handler` each time that the channel is confirmed, so again after a reconnect; soon, if
   * it is confirmed already. This is the place to load what was missed.
   *
   * @example
   * herald.channel("news").subscribed(() => show("up to date from here on"));
   */
  subscribed(handler: () => unknown): this {
    this.on_("subscribed", handler);
    this.soon_("subscribed", handler);
    return this;
  }

  /**
   * Calls `handler` with each error of this channel, those of its handlers included. Errors that no
   * such handler is told go to the option `onError`.
   *
   * @example
   * herald.private("orders").error((error) => show(error.code, error.reason));
   */
  error(handler: (error: HeraldError) => unknown): this {
    return this.on_("error", handler);
  }

  /**
   * Takes a handler back from wherever on this channel it was added: `subscribed`, `error`, `here`,
   * `joining`, `leaving`, and every `listen…`.
   *
   * @example
   * const refresh = () => show("refreshed");
   * const news = herald.channel("news").subscribed(refresh).listen("created", refresh);
   * news.stop(refresh);
   */
  stop(handler: (...values: never[]) => unknown): this {
    this.listeners_.clear_(handler as Handler);
    return this;
  }

  /**
   * Asks again after a refusal, or at once instead of after a pause. Not needed otherwise.
   *
   * @example
   * const orders = herald.private("orders");
   * const onLogin = () => orders.subscribe();
   * onLogin();
   */
  subscribe(): this {
    this.subscription_.ask_();
    return this;
  }

  /** @internal */
  on_(key: string, handler: Handler): this {
    if (this.state !== "left") this.listeners_.add_(key, handler);
    return this;
  }

  /** Calls the handler in a moment, if the channel is subscribed. @internal */
  soon_(key: string, handler: Handler, value?: () => unknown): void {
    if (this.state !== "subscribed") return;
    queueMicrotask(() => {
      if (this.state === "subscribed") this.listeners_.call_(key, handler, value?.());
    });
  }

  /** @internal */
  report_(error: HeraldError): void {
    if (this.listeners_.has_("error")) this.listeners_.emit_("error", error);
    else this.#host.report_(error);
  }

  /** @internal */
  leave_(): void {
    this.listeners_.clear_();
    this.subscription_.leave_();
    this.refused_();
  }

  /** @internal */
  refused_(): void {}

  /** @internal */
  receive_(message: ChannelMessage): void {
    const type = message.type;
    if (type === "subscribed") this.confirm_(message);
    else if (type === "subscription_error") {
      this.subscription_.onError_(message.code, message.error);
    } else if (type === "unsubscribed") this.subscription_.onEnd_(message.reason);
    else if (this.state !== "subscribed") {
      this.report_(badMessage(`"${type}" without "subscribed" before`, this.name));
    } else this.deliver_(message);
  }

  /** @internal */
  confirm_(_message: ChannelMessage & { type: "subscribed" }): void {
    if (this.subscription_.confirm_()) this.listeners_.emit_("subscribed");
  }

  /** @internal */
  deliver_(message: ChannelMessage): void {
    if (message.type !== "event") return;
    const { channel, event, data, user_id: userId } = message;
    if (message.whisper === true) {
      const meta = typeof userId === "string" ? { channel, event, userId } : { channel, event };
      this.listeners_.emit_("whisper:" + event, data, meta);
    } else {
      this.listeners_.emit_("event:" + event, data, { channel, event });
      this.listeners_.emit_("all", event, data, { channel, event });
    }
  }

  #off(key: string, handler?: (...values: never[]) => unknown): this {
    this.listeners_.remove_(key, handler as Handler | undefined);
    return this;
  }
}
