// SPDX-License-Identifier: Apache-2.0
//
// The options of a Herald.

import type { HeraldError } from "./errors.js";

/**
 * The credentials for one channel: a string is sent as `auth`, an object as `auth` and
 * `channel_data`. With `null` and `undefined` the channel is refused without asking the server.
 *
 * @example
 * const token: Credentials = "token-of-ada";
 * const signed: Credentials = {
 *   auth: "2ff83f7292a6",
 *   channelData: JSON.stringify({ user_id: "ada", user_info: { name: "Ada" } }),
 * };
 * new Herald(url, {
 *   authorize: (channel) => (channel.startsWith("presence-") ? signed : token),
 * });
 */
export type Credentials =
  | string
  | { readonly auth?: string; readonly channelData?: object | string }
  | null
  | undefined;

/**
 * The parts of a WebSocket that the library needs: a browser's, Node's (22 and later), that of npm
 * `ws`, or a fake.
 *
 * @example
 * const Socket: WebSocketConstructor = WebSocket;
 * new Herald(url, { webSocket: Socket });
 */
export type WebSocketConstructor = new (url: string) => {
  readonly readyState: number;
  // The parameters differ between implementations, each stricter than the next.
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
};

/**
 * Options of a {@link Herald}; all may be left out. Times are in milliseconds.
 *
 * @example
 * new Herald(url, { authorize: () => "token-of-ada", maxDelay: 60_000 });
 */
export interface HeraldOptions {
  /**
   * Returns the credentials for one private or presence channel. Called for each subscription and
   * each attempt with the current socket id, so that they are always fresh. Without it, and without
   * `authorizeAll`, the server is asked without credentials.
   *
   * @example
   * new Herald(url, {
   *   authorize: async (channel, socketId) => {
   *     const response = await fetch("/herald/token", {
   *       method: "POST",
   *       body: JSON.stringify({ channel, socketId }),
   *     });
   *     return response.ok ? await response.text() : null;
   *   },
   * });
   */
  readonly authorize?: (channel: string, socketId: string) => Credentials | Promise<Credentials>;
  /**
   * The same for several: one call for all channels that are due together, as after a reconnect.
   * A channel that is missing from the answer is refused.
   *
   * @example
   * new Herald(url, {
   *   authorizeAll: async (channels, socketId) => {
   *     const response = await fetch("/herald/tokens", {
   *       method: "POST",
   *       body: JSON.stringify({ channels, socketId }),
   *     });
   *     return await response.json(); // {"private-orders": "token-1", "presence-room": "token-2"}
   *   },
   * });
   */
  readonly authorizeAll?: (
    channels: readonly string[],
    socketId: string,
  ) => Readonly<Record<string, Credentials>> | Promise<Readonly<Record<string, Credentials>>>;
  /**
   * Longest time for an `authorize`. 10 s if not given.
   *
   * @example
   * new Herald(url, { authorize: () => "token-of-ada", authorizeTimeout: 3000 });
   */
  readonly authorizeTimeout?: number;
  /**
   * The first bound of the pause before the next attempt; doubles with each failure. The pause is
   * random, between zero and the bound. 0.5 s if not given.
   *
   * @example
   * new Herald(url, { minDelay: 1000 });
   */
  readonly minDelay?: number;
  /**
   * The last bound of the pause before the next attempt. 20 s if not given.
   *
   * @example
   * new Herald(url, { maxDelay: 60_000 });
   */
  readonly maxDelay?: number;
  /**
   * After this time without a message a ping is sent to the server. 25 s if not given.
   *
   * @example
   * new Herald(url, { pingInterval: 10_000 });
   */
  readonly pingInterval?: number;
  /**
   * If the server does not answer a ping for this long, the connection is closed. 8 s if not given.
   *
   * @example
   * new Herald(url, { pongTimeout: 3000 });
   */
  readonly pongTimeout?: number;
  /**
   * Longest time for an attempt to connect. 10 s if not given.
   *
   * @example
   * new Herald(url, { connectTimeout: 5000 });
   */
  readonly connectTimeout?: number;
  /**
   * Handlers of `lost` are called after a random delay of up to this, so that not all clients load
   * at the same time when the server has lost its history; the channel's events wait behind them.
   * The first `subscribed` of a channel is never delayed. 0 switches it off. 3 s if not given.
   *
   * @example
   * new Herald(url, { lostJitter: 30_000 }); // For an audience of 100,000.
   */
  readonly lostJitter?: number;
  /**
   * `false` waits for `connect()` instead of connecting at once.
   *
   * @example
   * const herald = new Herald(url, { autoConnect: false });
   * herald.state; // → "closed"
   * herald.connect();
   * herald.state; // → "connecting"
   */
  readonly autoConnect?: boolean;
  /**
   * The WebSocket to use where there is no global one, as in Node before 22.
   *
   * @example
   * new Herald(url, { webSocket: WebSocket }); // import WebSocket from "ws";
   */
  readonly webSocket?: WebSocketConstructor;
  /**
   * Called with errors that no `error` handler of a channel receives. `console.error` if not given.
   *
   * @example
   * new Herald(url, { onError: (error) => show(error.message) });
   */
  readonly onError?: (error: HeraldError) => void;
}

/** The options with their defaults. @internal */
export class Settings {
  readonly authorize_;
  readonly authorizeAll_;
  readonly authorizeTimeout_;
  readonly minDelay_;
  readonly maxDelay_;
  readonly pingInterval_;
  readonly pongTimeout_;
  readonly connectTimeout_;
  readonly lostJitter_;
  readonly webSocket_;

  constructor(options: HeraldOptions) {
    this.authorize_ = options.authorize;
    this.authorizeAll_ = options.authorizeAll;
    this.authorizeTimeout_ = options.authorizeTimeout ?? 10_000;
    this.minDelay_ = options.minDelay ?? 500;
    this.maxDelay_ = options.maxDelay ?? 20_000;
    this.pingInterval_ = options.pingInterval ?? 25_000;
    this.pongTimeout_ = options.pongTimeout ?? 8_000;
    this.connectTimeout_ = options.connectTimeout ?? 10_000;
    this.lostJitter_ = options.lostJitter ?? 3_000;
    this.webSocket_ = options.webSocket;
  }
}
