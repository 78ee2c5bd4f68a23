// SPDX-License-Identifier: Apache-2.0
//
// The exports of the package `herald-client`.

export type { Channel, Confirmation, EventMeta, Loss, WhisperMeta } from "./channel.js";
export {
  AuthorizeError,
  type AuthorizeErrorCode,
  HandlerError,
  HeraldError,
  LostError,
  ProtocolError,
  type ProtocolErrorCode,
  SubscriptionError,
  type ServerErrorCode,
  type SubscriptionErrorCode,
  WhisperError,
  type WhisperErrorCode,
} from "./errors.js";
export { Herald } from "./herald.js";
export type { ChannelOptions, Position } from "./history.js";
export type { Credentials, HeraldOptions, WebSocketConstructor } from "./options.js";
export type { PresenceChannel } from "./presence.js";
export type { Member } from "./roster.js";
export type { ConnectionState, StateChange, StateReason, StateReasonCode } from "./state.js";
export type { ChannelState } from "./subscription.js";
