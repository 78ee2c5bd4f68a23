// SPDX-License-Identifier: Apache-2.0
//
// The states of a connection, and their reasons.

/**
 * `connecting`: a socket is being opened. `connected`: the server has accepted it. `unavailable`:
 * the connection is lost or was not made; the next attempt follows after `reason.retryIn`. `closed`:
 * nothing happens until `connect()`.
 *
 * @example
 * const lights: Record<ConnectionState, string> = {
 *   connecting: "yellow",
 *   connected: "green",
 *   unavailable: "red",
 *   closed: "grey",
 * };
 * lights[herald.state]; // → "green"
 */
export type ConnectionState = "connecting" | "connected" | "unavailable" | "closed";

/**
 * Why a connection is in its state.
 *
 * - `connecting`: `started` by the constructor or `connect()`; `retry`: the pause is over;
 *   `online`, `visible`: the browser reported it.
 * - `connected`: `connected`.
 * - `unavailable`: `connect_failed`; `connect_timeout`; `connection_lost`: without a close code;
 *   `server_closed`: with one; `no_pong`: no answer to a ping.
 * - `closed`: `not_started`; `disconnected` by `disconnect()`; `disconnected_by_backend`;
 *   `refused`: the close code blames the client; `cannot_connect`: the browser forbids it.
 *
 * @example
 * const mustLogInAgain: StateReasonCode[] = ["disconnected_by_backend"];
 * herald.onStateChange(({ reason }) => {
 *   if (mustLogInAgain.includes(reason.code)) show(reason.text);
 * });
 */
export type StateReasonCode =
  | "started"
  | "retry"
  | "online"
  | "visible"
  | "connected"
  | "connect_failed"
  | "connect_timeout"
  | "connection_lost"
  | "server_closed"
  | "no_pong"
  | "not_started"
  | "disconnected"
  | "disconnected_by_backend"
  | "refused"
  | "cannot_connect";

/**
 * Why a connection is in its state: `code` for the program, `text` for people, and the server's
 * `closeCode` if it closed. In state `unavailable` also `retryIn`, the milliseconds from the change
 * to the next attempt, and `retryAt`, its time of day in milliseconds since 1970. Count down from
 * `retryIn`: the time of day can be set meanwhile.
 *
 * @example
 * herald.onStateChange(({ state, reason }) => {
 *   const wait = Math.ceil((reason.retryIn ?? 0) / 1000);
 *   if (state === "unavailable") show(`${reason.text}; next attempt in ${wait} s`);
 * });
 */
export interface StateReason {
  readonly code: StateReasonCode;
  readonly text: string;
  readonly closeCode?: number;
  readonly retryIn?: number;
  readonly retryAt?: number;
}

/**
 * A change from the state `previous` to `state`.
 *
 * @example
 * herald.onStateChange(({ state, previous }: StateChange) => {
 *   if (state === "connected" && previous !== "connected") show("here we are");
 * });
 */
export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
  readonly reason: StateReason;
}
