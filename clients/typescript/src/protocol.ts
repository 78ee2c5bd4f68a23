// SPDX-License-Identifier: Apache-2.0
//
// The messages of proto/WEBSOCKET.md: those of the server and their checks, the names of channels,
// and the close codes after which a client stays closed.

import { ProtocolError, SubscriptionError } from "./errors.js";

/** @internal */
export interface WireMember {
  user_id: string;
  user_info?: unknown;
}

/** With a history, `epoch` and `offset`; never one without the other. @internal */
export interface SubscribedMessage {
  type: "subscribed";
  channel: string;
  members?: WireMember[];
  epoch?: string;
  offset?: number;
  recovered?: unknown;
}

/** @internal */
export type ChannelMessage =
  | SubscribedMessage
  | { type: "subscription_error"; channel: string; error: string; code: string }
  | { type: "unsubscribed"; channel: string; reason?: string }
  | {
      type: "event";
      channel: string;
      event: string;
      data: unknown;
      offset?: number;
      whisper?: unknown;
      user_id?: unknown;
    }
  | { type: "member_added"; channel: string; user_id: string; user_info?: unknown }
  | { type: "member_removed"; channel: string; user_id: string };

/** @internal */
export type ServerMessage =
  | { type: "connected"; socket_id: string }
  | { type: "pong" }
  | { type: "error"; message: string; channel?: string; code?: string }
  | ChannelMessage;

/** The fields of each message that must be strings. */
const STRINGS: Record<ServerMessage["type"], readonly string[]> = {
  connected: ["socket_id"],
  subscribed: ["channel"],
  subscription_error: ["channel", "error", "code"],
  unsubscribed: ["channel"],
  event: ["channel", "event"],
  member_added: ["channel", "user_id"],
  member_removed: ["channel", "user_id"],
  pong: [],
  error: ["message"],
};

/** The fields that are left out unless they are strings. */
const OPTIONAL_STRINGS: Partial<Record<string, readonly string[]>> = {
  unsubscribed: ["reason"],
  error: ["channel", "code"],
};

/** At most this many unknown types are reported, each once. */
const UNKNOWN_TYPES_MAX = 100;

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;

const isMember = (value: unknown): boolean => isObject(value) && typeof value.user_id === "string";

const isOffset = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

/** @internal */
export const badMessage = (reason: string, channel?: unknown): ProtocolError =>
  new ProtocolError("bad_message", reason, typeof channel === "string" ? channel : undefined);

/** @internal */
export class Decoder {
  readonly #unknown = new Set<string>();

  /**
   * Returns the message, or undefined for an unknown type that was reported before. Throws a
   * ProtocolError if it is invalid. An invalid roster or position is removed from it.
   */
  decode_(text: unknown): ServerMessage | undefined {
    if (typeof text !== "string") throw badMessage("a message that is not text");
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      throw badMessage("a message that is not JSON");
    }
    const type = isObject(message) ? message.type : undefined;
    if (!isObject(message) || typeof type !== "string") {
      throw badMessage("a message without a type");
    }
    if (!Object.hasOwn(STRINGS, type)) return this.#onUnknown(type);
    for (const field of STRINGS[type as ServerMessage["type"]]) {
      if (typeof message[field] !== "string") {
        throw badMessage(`"${type}" without "${field}"`, message.channel);
      }
    }
    if (type === "event" && message.data === undefined) {
      throw badMessage('"event" without "data"', message.channel);
    }
    const { epoch, offset } = message;
    if (type === "event" && offset !== undefined && !isOffset(offset)) {
      throw badMessage('"event" with an "offset" that is none', message.channel);
    }
    for (const field of OPTIONAL_STRINGS[type] ?? []) {
      if (typeof message[field] !== "string") delete message[field];
    }
    if (type === "subscribed" && !(epoch && typeof epoch === "string" && isOffset(offset))) {
      delete message.epoch;
      delete message.offset;
    }
    const members = message.members;
    if (!Array.isArray(members) || !members.every(isMember)) delete message.members;
    return message as ServerMessage;
  }

  #onUnknown(type: string): undefined {
    if (this.#unknown.has(type) || this.#unknown.size >= UNKNOWN_TYPES_MAX) return;
    this.#unknown.add(type);
    throw badMessage(`the unknown type "${type.slice(0, 100)}"`);
  }
}

/** Throws a SubscriptionError if no channel can have this name. @internal */
export function checkChannelName(name: string): void {
  if (!/^[\w\-=@,.;:]{1,164}$/.test(name)) {
    throw new SubscriptionError(
      "invalid_channel",
      "a channel's name is 1 to 164 of A-Z a-z 0-9 _ - = @ , . ; :",
      name,
    );
  }
}

/** @internal */
export const isPresence = (channel: string): boolean => channel.startsWith("presence-");

/** @internal */
export const needsAuthorization = (channel: string): boolean =>
  channel.startsWith("private-") || isPresence(channel);

/** The longest delay that a gateway can request, in ms. */
const TOLD_PAUSE_MAX = 60_000;

/** The delay before the reconnect that a closing gateway requests, in ms. @internal */
export function toldPause(code: number, reason: string): number | undefined {
  const ms = code === 1001 && /come back in (\d+) ms$/.exec(reason)?.[1];
  return ms ? Math.min(Number(ms), TOLD_PAUSE_MAX) : undefined;
}

/** The code of a close by the backend. @internal */
export const DISCONNECTED_BY_BACKEND = 4003;

/** After these the client does not reconnect. @internal */
export const FINAL_CLOSE_CODES: readonly number[] = [
  1002,
  1003,
  1007,
  1008,
  1009,
  DISCONNECTED_BY_BACKEND,
];
