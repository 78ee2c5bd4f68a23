// SPDX-License-Identifier: Apache-2.0
//
// The entrance: one Herald is one connection and its channels.

import { Authorization } from "./authorization.js";
import { Channel } from "./channel.js";
import { Connection, type ConnectionOwner } from "./connection.js";
import {
  HandlerError,
  type HeraldError,
  ProtocolError,
  type ServerErrorCode,
  textOf,
} from "./errors.js";
import type { ChannelOptions } from "./history.js";
import { type Handler, Listeners } from "./listeners.js";
import { type HeraldOptions, Settings } from "./options.js";
import { PresenceChannel } from "./presence.js";
import { checkChannelName, isPresence, type ServerMessage } from "./protocol.js";
import { SharedChannel } from "./shared_channel.js";
import type { ConnectionState, StateChange, StateReason } from "./state.js";
import type { Host } from "./subscription.js";

/**
 * A connection to a Herald gateway, and the channels on it. After a break it reconnects by itself,
 * subscribes to all channels with fresh credentials, and delivers the missed events of those with a
 * history.
 *
 * @example
 * const herald = new Herald("ws://127.0.0.1:8080/ws", { authorize: () => "token-of-ada" });
 * herald.channel("news").listen("created", (data) => show(data));
 * herald.private("orders").listen("shipped", (data) => show(data));
 * herald.join("room").here((members) => show(members.length));
 */
export class Herald {
  readonly #connection: Connection;
  readonly #channels = new Map<string, SharedChannel>();
  readonly #host: Host;
  readonly #listeners: Listeners;
  readonly #onError: (error: HeraldError) => unknown;

  // By channel, the number of our unsubscribes without an answer. Messages before the answer belong
  // to a channel that was left.
  readonly #unsubscribes = new Map<string, number>();
  readonly #changes: StateChange[] = []; // Not reported yet.

  /**
   * Connects to the gateway at `url`, unless `autoConnect` is false. Throws the errors of `new
   * WebSocket(url)`.
   *
   * @example
   * const herald = new Herald("ws://127.0.0.1:8080/ws");
   * herald.state; // → "connecting"
   */
  constructor(url: string | URL, options: HeraldOptions = {}) {
    const settings = new Settings(options);
    const report = (error: HeraldError) => this.#report(error);
    this.#onError = options.onError ?? ((error) => console.error(error));
    this.#listeners = new Listeners((cause) =>
      report(new HandlerError("handler_failed", textOf(cause), undefined, cause)),
    );
    const owner: ConnectionOwner = {
      message_: (message) => this.#onMessage(message),
      changed_: (change) => this.#onChange(change),
      report_: (error) => {
        const channel = this.#channels.get(error.channel ?? "");
        if (channel) channel.report_(error);
        else report(error);
      },
    };
    const connection = new Connection(String(url), settings, owner);
    const authorizes = settings.authorize_ ?? settings.authorizeAll_;
    this.#connection = connection;
    this.#host = {
      settings_: settings,
      authorization_: authorizes && new Authorization(settings),
      socketId_: () => connection.socketId_,
      send_: (text) => connection.send_(text),
      unsubscribe_: (channel) => {
        this.#unsubscribes.set(channel, (this.#unsubscribes.get(channel) ?? 0) + 1);
        connection.send_(JSON.stringify({ type: "unsubscribe", channel }));
      },
      left_: (channel) => this.#channels.delete(channel),
      report_: report,
    };
    if (options.autoConnect ?? true) connection.open_();
  }

  /**
   * The state of the connection.
   *
   * @example
   * herald.state; // → "connected"
   */
  get state(): ConnectionState {
    return this.#connection.state_;
  }

  /**
   * The reason of the state.
   *
   * @example
   * herald.disconnect();
   * herald.reason.code; // → "disconnected"
   */
  get reason(): StateReason {
    return this.#connection.reason_;
  }

  /**
   * The name of this connection, or undefined while there is none. A backend uses it to exclude the
   * sender of a message from its broadcast.
   *
   * @example
   * await fetch("/messages", {
   *   method: "POST",
   *   headers: { "X-Socket-ID": herald.socketId ?? "" },
   *   body: "hello",
   * });
   */
  get socketId(): string | undefined {
    return this.#connection.socketId_;
  }

  /**
   * The full names of all channels that were not left.
   *
   * @example
   * herald.channel("news");
   * herald.join("room");
   * herald.channels; // → ["news", "presence-room"]
   */
  get channels(): string[] {
    return [...this.#channels.keys()];
  }

  /**
   * Calls `handler` with each change of the state. Returns a function that stops it.
   *
   * @example
   * const stop = herald.onStateChange(({ state, reason }) => show(state, reason.text));
   * stop();
   */
  onStateChange(handler: (change: StateChange) => unknown): () => void {
    // Its own function for each call, so that stopping one does not stop another.
    const own: Handler = (change: StateChange) => handler(change);
    this.#listeners.add_("state", own);
    return () => this.#listeners.remove_("state", own);
  }

  /**
   * Connects after `disconnect()` or another close; instead of the pause, if it is waiting for the
   * next attempt. Otherwise does nothing. Throws the errors of `new WebSocket(url)`.
   *
   * @example
   * herald.disconnect();
   * herald.connect();
   * herald.state; // → "connecting"
   */
  connect(): void {
    this.#connection.open_();
  }

  /**
   * Closes the connection until `connect()`, which subscribes to the same channels again.
   *
   * @example
   * herald.disconnect();
   * herald.state; // → "closed"
   */
  disconnect(): void {
    this.#connection.close_();
  }

  /**
   * The channel of this full name, as an object with handlers of its own. The first call subscribes
   * to it, and its options count; further calls share that subscription. Throws a SubscriptionError
   * `invalid_channel` if no channel can have this name, and a HeraldError `invalid_position` if
   * `since` is no position.
   *
   * @example
   * herald.channel("news").listen("created", (data) => show(data));
   * herald.channel("weather", { latest: true }).listen("changed", (data) => show(data));
   */
  channel(name: string, options: ChannelOptions = {}): Channel {
    const open = () => this.#open(name, options);
    return new (isPresence(name) ? PresenceChannel : Channel)(name, open);
  }

  #open(name: string, options: ChannelOptions): SharedChannel {
    let shared = this.#channels.get(name);
    if (!shared) {
      checkChannelName(name);
      shared = new SharedChannel(name, this.#host, options);
      this.#channels.set(name, shared);
      shared.subscription_.ask_();
    }
    return shared;
  }

  /**
   * The private channel of this name: `private-` is put before it.
   *
   * @example
   * herald.private("orders").listen("shipped", (data) => show(data));
   */
  private(name: string, options?: ChannelOptions): Channel {
    return this.channel("private-" + name, options);
  }

  /**
   * The presence channel of this name: `presence-` is put before it. `Info` is the type of the data
   * that the authorizer attaches to members.
   *
   * @example
   * herald.join<{ name: string }>("room").joining((member) => show(member.info.name));
   */
  join<Info = unknown>(name: string, options?: ChannelOptions): PresenceChannel<Info> {
    return this.channel("presence-" + name, options) as PresenceChannel<Info>;
  }

  /**
   * Leaves the public, the private and the presence channel of this name; a full name works, too.
   * Their handlers are dropped; a later `channel(name)` is a new object. Where several objects with
   * handlers hold a channel, one of them leaves, and since it is not known which, all handlers stay
   * until the last one leaves; the console warns. There, use `leave()` of the channel object.
   *
   * @example
   * herald.join("room");
   * herald.leave("room");
   * herald.channels; // → []
   */
  leave(name: string): void {
    for (const full of [name, "private-" + name, "presence-" + name]) {
      this.#channels.get(full)?.releaseAny_();
    }
  }

  #onMessage(message: ServerMessage): void {
    if (message.type === "error") {
      const { channel, code } = message;
      const error = new ProtocolError(
        "server_error",
        message.message,
        channel,
        code as ServerErrorCode | undefined,
      );
      const about = channel === undefined ? undefined : this.#channels.get(channel);
      if (about) about.report_(error);
      else this.#report(error);
      return;
    }
    // A pong has done its work, and `connected` is the connection's.
    if (message.type === "pong" || message.type === "connected") return;
    const name = message.channel;
    const unsubscribes = this.#unsubscribes.get(name);
    if (!unsubscribes) {
      // The channel may be unknown: a backend can subscribe this socket to any.
      this.#channels.get(name)?.receive_(message);
    } else if (message.type === "unsubscribed" && message.reason === undefined) {
      if (unsubscribes > 1) this.#unsubscribes.set(name, unsubscribes - 1);
      else this.#unsubscribes.delete(name);
    }
  }

  /** Updates the channels first; then notifies the application, in order. */
  #onChange(change: StateChange): void {
    this.#unsubscribes.clear();
    for (const channel of this.#channels.values()) {
      if (change.state === "connected") channel.reconnected_();
      else channel.lost_();
    }
    if (this.#changes.push(change) > 1) return; // The caller is in the loop below.
    for (; this.#changes[0]; this.#changes.shift()) {
      this.#listeners.emit_("state", this.#changes[0]);
    }
  }

  #report(error: HeraldError): void {
    try {
      const result = this.#onError(error) as PromiseLike<unknown> | undefined;
      result?.then?.(undefined, (cause) => console.error(cause));
    } catch (cause) {
      console.error(cause);
    }
  }
}
