// SPDX-License-Identifier: Apache-2.0
//
// Uses that the types allow, and uses that they do not. Compiled by types_test.mjs, never run.

import {
  AuthorizeError,
  type Channel,
  Herald,
  type HeraldError,
  LostError,
  type Member,
  type Position,
  type PresenceChannel,
  type StateReason,
  SubscriptionError,
  type WebSocketConstructor,
} from "herald-client";

type Probe<A> = <T>() => T extends A ? 1 : 2;
type Same<A, B> = Probe<A> extends Probe<B> ? true : false;
const same = <A, B>(_is: Same<A, B>): void => {};

interface User {
  name: string;
}

// One can make a Herald with little, and with all of the platform's own things.
new Herald("ws://127.0.0.1/ws");
new Herald(new URL("wss://127.0.0.1/ws"), { webSocket: WebSocket });
// @ts-expect-error A misspelt option is noticed.
new Herald("ws://127.0.0.1/ws", { autorize: () => "t" });

// Credentials may come later, and may be a no.
new Herald("", { authorize: async () => null });
new Herald("", { authorize: (channel, socketId) => ({ auth: channel + socketId }) });
new Herald("", { authorizeAll: async (channels) => ({ [channels[0] ?? ""]: "t" }) });
// @ts-expect-error A number is no credential.
new Herald("", { authorize: () => 7 });

// A Node without WebSocket uses another class, with events of any form.
declare class OtherSocket {
  constructor(address: string | URL, options?: { origin?: string });
  readonly readyState: 0 | 1 | 2 | 3;
  onmessage: ((event: { data: string | Uint8Array; type: string }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: { message: string }) => void) | null;
  send(data: string | Uint8Array, done?: (error?: Error) => void): void;
  close(code?: number, reason?: string): void;
}
const other: WebSocketConstructor = OtherSocket;
new Herald("", { webSocket: other });

const herald = new Herald("");

// Data is unknown until the caller states its type.
herald.channel("news").listen("created", (data) => same<typeof data, unknown>(true));
herald.channel("news").listen("created", (data: User) => data.name);
herald.channel("news").listen<User>("created", ({ name }) => name.length);
// @ts-expect-error So it cannot be used unseen.
herald.channel("news").listen("created", (data) => data.name);

// Chains keep their type.
same<ReturnType<PresenceChannel<User>["listen"]>, PresenceChannel<User>>(true);
const room = herald.join<User>("room").listen("e", () => {}).subscribed(async () => {});
same<typeof room, PresenceChannel<User>>(true);
room.here((members) => same<typeof members, Member<User>[]>(true)).joining(({ info }) => info.name);
same<typeof room.members, ReadonlyMap<string, Member<User>>>(true);
// @ts-expect-error The map is for looking only.
room.members.clear();
const plain: Channel = room;
plain.whisper("typing").whisper("typing", { on: true });
// @ts-expect-error A public channel has no members.
herald.channel("news").here(() => {});

// A position goes out and comes in again, by way of JSON or not, and may not have been stored yet.
const { position } = herald.channel("news");
same<typeof position, Position | undefined>(true);
herald.channel("news", { since: position, latest: true });
herald.private("news", { since: JSON.parse("null") as Position | null });
same<PresenceChannel<User>, ReturnType<typeof herald.join<User>>>(true);
herald.join<User>("news", { since: { epoch: "a", offset: 1 } }).here(([user]) => user?.info.name);
// @ts-expect-error An offset alone is no position.
herald.channel("news", { since: { offset: 1 } });
// @ts-expect-error Nor is it for others to move.
herald.channel("news").position = position;
// @ts-expect-error A misspelt option is noticed here, too.
herald.channel("news", { last: true });
room.lost(({ channel, since }) => channel + (since?.epoch ?? "")).subscribed(({ recovered }) => {
  same<typeof recovered, boolean>(true);
});
room.listen("e", (_data, { offset }) => same<typeof offset, number | undefined>(true));

// Any handler can be taken back.
const onUser = (user: User): void => void user.name;
room.listen("e", onUser).stopListening("e", onUser).stop(onUser);

// Each holder leaves by itself.
same<ReturnType<PresenceChannel<User>["leave"]>, void>(true);
new Herald("", { lostJitter: 0 });
// @ts-expect-error A delay is a number of milliseconds.
new Herald("", { lostJitter: false });

// The compiler distinguishes states and codes.
same<typeof herald.state, "connecting" | "connected" | "unavailable" | "closed">(true);
same<typeof plain.state, "pending" | "subscribed" | "refused" | "left">(true);
// @ts-expect-error There is no such state.
if (herald.state === "open") herald.disconnect();
const at: number | undefined = (herald.reason satisfies StateReason).retryAt;
const wait: number | undefined = herald.reason.retryIn;
export const told = (error: HeraldError): string => {
  // @ts-expect-error No subscription error has this code.
  if (error instanceof SubscriptionError && error.code === "full") return "";
  if (error instanceof SubscriptionError && error.code === "channel_full") return "full";
  if (error instanceof AuthorizeError) same<typeof error.cause, unknown>(true);
  if (error instanceof LostError) same<typeof error.code, "events_lost">(true);
  return `${error.channel ?? ""} ${error.reason} ${at} ${wait}`;
};
// @ts-expect-error A property is set by the library only.
herald.socketId = "1.2";
// @ts-expect-error Nor can a handler be a string.
herald.onStateChange("connected");
const stop: () => void = herald.onStateChange(({ state, previous, reason }) =>
  console.log(state, previous, reason.code, reason.text),
);
stop();
