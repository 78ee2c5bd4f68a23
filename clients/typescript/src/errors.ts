// SPDX-License-Identifier: Apache-2.0
//
// The errors, as types. Each has a `code` for the program, a `reason` for people, and its
// `channel`.

/**
 * The base of all errors of this library.
 *
 * @example
 * herald.channel("news").error((error) => show(error.code, error.reason, error.channel));
 */
export class HeraldError<Code extends string = string> extends Error {
  override name = "HeraldError";
  /**
   * The kind of the error, for the program.
   *
   * @example
   * herald.private("orders").error((error) => {
   *   if (error.code === "unauthorized") show("Please log in.");
   * });
   */
  readonly code: Code;
  /**
   * The reason, as a sentence for a developer.
   *
   * @example
   * herald.private("orders").error((error) => show(error.reason));
   */
  readonly reason: string;
  /**
   * The full name of the channel, unless the error is about none.
   *
   * @example
   * const herald = new Herald(url, {
   *   onError: (error) => show(error.channel ?? "no channel"),
   * });
   */
  readonly channel?: string;

  /** @internal */
  constructor(code: Code, reason: string, channel?: string, cause?: unknown) {
    super(
      `${channel === undefined ? "" : channel + ": "}${reason} (${code})`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.reason = reason;
    if (channel !== undefined) this.channel = channel;
  }
}

/**
 * Why a channel is not subscribed: the server's codes, and `unsubscribed` if the server has ended
 * it.
 *
 * @example
 * const texts: Partial<Record<SubscriptionErrorCode, string>> = {
 *   unauthorized: "This room is not yours.",
 *   channel_full: "This room is full.",
 * };
 * herald.join("room").error((error) => {
 *   if (error instanceof SubscriptionError) show(texts[error.code] ?? error.reason);
 * });
 */
export type SubscriptionErrorCode =
  | "unauthorized"
  | "channel_full"
  | "too_many_channels"
  | "invalid_channel"
  | "invalid_message"
  | "unavailable"
  | "unsubscribed";

/**
 * A channel was refused, could not be decided, or was ended by the server. After `unavailable`, and
 * after `unsubscribed` of a private or presence channel, the library subscribes again by itself.
 * After `invalid_message` (the `channelData` cannot be used) it never does: call `subscribe()` when
 * `authorize` returns other data.
 *
 * @example
 * herald.private("orders").error((error) => {
 *   if (error instanceof SubscriptionError && error.code === "unsubscribed") show(error.reason);
 * });
 */
export class SubscriptionError extends HeraldError<SubscriptionErrorCode> {
  override name = "SubscriptionError";
}

/**
 * Events of a channel with history may be missing, and there is no `lost` handler: see
 * `Channel.lost()`. The channel continues.
 *
 * @example
 * const herald = new Herald(url, {
 *   onError: (error) => {
 *     if (error instanceof LostError) show(`${error.channel} must be loaded anew`);
 *   },
 * });
 * herald.channel("news");
 */
export class LostError extends HeraldError<"events_lost"> {
  override name = "LostError";
}

/**
 * How the application's `authorize` failed.
 *
 * @example
 * const worthTelling: AuthorizeErrorCode[] = ["authorize_failed", "authorize_timeout"];
 * show(worthTelling);
 */
export type AuthorizeErrorCode = "authorize_failed" | "authorize_timeout" | "authorize_invalid";

/**
 * The application's `authorize` threw or rejected (with `cause`), did not answer in time, or
 * returned invalid credentials. The channel stays pending, and the library retries after a pause.
 *
 * @example
 * const herald = new Herald(url, {
 *   authorize: () => Promise.reject(new Error("the session is over")),
 * });
 * herald.private("orders").error((error) => {
 *   if (error instanceof AuthorizeError) show(error.code, error.cause);
 * });
 */
export class AuthorizeError extends HeraldError<AuthorizeErrorCode> {
  override name = "AuthorizeError";
}

/**
 * Why a whisper was not sent.
 *
 * @example
 * const code: WhisperErrorCode = "not_subscribed";
 * show(code);
 */
export type WhisperErrorCode = "not_subscribed" | "invalid_data";

/**
 * A whisper was not sent: the channel is not subscribed now, or the data is not JSON.
 *
 * @example
 * herald
 *   .channel("news")
 *   .error((error) => {
 *     if (error instanceof WhisperError) show("not sent");
 *   })
 *   .whisper("typing", { on: true });
 */
export class WhisperError extends HeraldError<WhisperErrorCode> {
  override name = "WhisperError";
}

/**
 * The kind of a `ProtocolError`.
 *
 * @example
 * const code: ProtocolErrorCode = "server_error";
 * show(code);
 */
export type ProtocolErrorCode = "bad_message" | "server_error";

/**
 * Why the server refused a message of this client. A newer server may send further codes.
 *
 * @example
 * const code: ServerErrorCode = "not_allowed";
 * show(code);
 */
export type ServerErrorCode =
  | "invalid_message"
  | "invalid_channel"
  | "invalid_event"
  | "not_allowed"
  | "not_subscribed"
  | "payload_too_large"
  | "rate_limited"
  | "unavailable";

/**
 * The server sent an invalid message (`bad_message`), or refused one of this client
 * (`server_error`), as for a whisper where whispers are off; `serverCode` is then the server's
 * code, if it sends one. The connection stays.
 *
 * @example
 * const herald = new Herald(url, {
 *   onError: (error) => {
 *     if (error instanceof ProtocolError) show(error.code, error.reason);
 *   },
 * });
 */
export class ProtocolError extends HeraldError<ProtocolErrorCode> {
  override name = "ProtocolError";
  /**
   * The server's code, of a `server_error`.
   *
   * @example
   * const herald = new Herald(url, {
   *   onError: (error) => {
   *     if (error instanceof ProtocolError) show(error.reason, error.serverCode);
   *   },
   * });
   */
  readonly serverCode?: ServerErrorCode;

  /** @internal */
  constructor(
    code: ProtocolErrorCode,
    reason: string,
    channel?: string,
    serverCode?: ServerErrorCode,
  ) {
    super(code, reason, channel);
    if (serverCode !== undefined) this.serverCode = serverCode;
  }
}

/**
 * A handler of the application threw, or returned a promise that was rejected; `cause` is the
 * thrown value. All other handlers are called nevertheless.
 *
 * @example
 * const herald = new Herald(url, {
 *   onError: (error) => {
 *     if (error instanceof HandlerError) show(error.cause);
 *   },
 * });
 * herald.channel("news").listen("created", () => {
 *   throw new Error("a bug");
 * });
 */
export class HandlerError extends HeraldError<"handler_failed"> {
  override name = "HandlerError";
}

/** A thrown value as text; any value can be thrown, even one without a text. @internal */
export function textOf(cause: unknown): string {
  try {
    return cause instanceof Error ? cause.message : String(cause);
  } catch {
    return typeof cause;
  }
}
