// SPDX-License-Identifier: Apache-2.0
//
// What can go wrong, as types. Each error says in `code` what happened, in `reason` why, and in
// `channel` where.

/**
 * The base of all errors of this library.
 *
 * @example
 * herald.channel("news").error((error) => show(error.code, error.reason, error.channel));
 */
export class HeraldError<Code extends string = string> extends Error {
  override name = "HeraldError";
  /**
   * What happened, for the program.
   *
   * @example
   * herald.private("orders").error((error) => {
   *   if (error.code === "unauthorized") show("Please log in.");
   * });
   */
  readonly code: Code;
  /**
   * Why, as a sentence for a developer.
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
 * Why a channel is not listened to: the server's codes, and `unsubscribed` for what it has ended.
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
 * after `unsubscribed` of a private or presence channel, the library asks again by itself. After
 * `invalid_message` (the `channelData` cannot be used) it never does: call `subscribe()` when
 * `authorize` gives something else.
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
 * Events of a channel with history may be missing, and no `lost` handler was there to be told: see
 * `Channel.lost()`. The channel goes on.
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
 * The application's `authorize` threw or rejected (`cause` is with what), did not answer in time,
 * or answered nonsense. The channel stays pending and is asked again after a pause.
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
 * What the server said that could not be used.
 *
 * @example
 * const code: ProtocolErrorCode = "server_error";
 * show(code);
 */
export type ProtocolErrorCode = "bad_message" | "server_error";

/**
 * What the server found wrong with a message of ours. A newer server may send further codes.
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
 * The server sent what makes no sense (`bad_message`), or said that we did (`server_error`), as for
 * a whisper where whispers are off; `serverCode` then is its own code, unless it is an old one. The
 * connection stays.
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
 * A handler of the application threw, or returned a promise that was rejected; `cause` is with
 * what. All other handlers are called all the same.
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

/** What was thrown, as text; anything can be thrown, even what has no text. @internal */
export function textOf(cause: unknown): string {
  try {
    return cause instanceof Error ? cause.message : String(cause);
  } catch {
    return typeof cause;
  }
}
