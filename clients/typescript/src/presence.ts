// SPDX-License-Identifier: Apache-2.0
//
// A channel that knows who listens on it.

import { Channel } from "./channel.js";
import {
  badMessage,
  type ChannelMessage,
  type SubscribedMessage,
  type WireMember,
} from "./protocol.js";

/**
 * A user on a presence channel. `info` is what the application's authorizer says about the user,
 * `null` if it says nothing.
 *
 * @example
 * const greet = (member: Member<{ name: string }>) => show(`Hello, ${member.info.name}.`);
 * herald.join<{ name: string }>("room").joining(greet);
 */
export interface Member<Info = unknown> {
  readonly id: string;
  readonly info: Info;
}

/**
 * A channel that knows who listens on it; from `herald.join()`. Users are counted, not connections:
 * somebody with two tabs is one member.
 *
 * @example
 * const room: PresenceChannel<{ name: string }> = herald.join("room");
 * room
 *   .here((members) => show(members.map(({ info }) => info.name)))
 *   .joining(({ info }) => show(`${info.name} has come`))
 *   .leaving(({ info }) => show(`${info.name} has gone`));
 */
export class PresenceChannel<Info = unknown> extends Channel {
  readonly #members = new Map<string, Member<Info>>();
  #isKnown = false;

  /**
   * Who is here, by user id, yourself included. Always the same map, brought up to date before
   * handlers are called; while the connection is away it shows who was here last.
   *
   * @example
   * const room = herald.join("room");
   * room.here(() => show(room.members.size, room.members.has("ada")));
   */
  get members(): ReadonlyMap<string, Member<Info>> {
    return this.#members;
  }

  /**
   * Calls `handler` each time that all members are known, so again after a reconnect; soon, if they
   * are known already.
   *
   * @example
   * herald.join("room").here((members) => show(members.map(({ id }) => id)));
   */
  here(handler: (members: Member<Info>[]) => unknown): this {
    this.on_("here", handler);
    this.soon_("here", handler, () => this.#list());
    return this;
  }

  /**
   * Calls `handler` with each member who comes. After a reconnect, with those who really came
   * meanwhile.
   *
   * @example
   * herald.join("room").joining(({ id }) => show(`${id} has come`));
   */
  joining(handler: (member: Member<Info>) => unknown): this {
    return this.on_("joining", handler);
  }

  /**
   * Calls `handler` with each member who goes. After a reconnect, with those who really went
   * meanwhile.
   *
   * @example
   * herald.join("room").leaving(({ id }) => show(`${id} has gone`));
   */
  leaving(handler: (member: Member<Info>) => unknown): this {
    return this.on_("leaving", handler);
  }

  #list(): Member<Info>[] {
    return [...this.#members.values()];
  }

  /** @internal */
  override refused_(): void {
    this.#isKnown = false;
    this.#members.clear();
  }

  /** @internal */
  override confirm_(message: SubscribedMessage): void {
    const roster = message.members;
    if (!roster) {
      // Subscribed or not, it is of no use so; asked again, the server says it again.
      return this.subscription_.retry_(badMessage('"subscribed" without "members"', this.name));
    }
    const isNews = this.subscription_.confirm_();
    const outcome = this.history_.confirm_(message, isNews);
    const changes = this.#update(roster);
    for (const [key, member] of changes) this.listeners_.emit_(key, member);
    this.tell_(isNews, outcome);
    if (isNews && this.#isKnown) this.listeners_.emit_("here", this.#list());
  }

  /** Takes a roster over and returns how it differs from the last one, if there was one. */
  #update(roster: WireMember[]): (readonly ["joining" | "leaving", Member<Info>])[] {
    const before = new Map(this.#members);
    this.#members.clear();
    for (const member of roster) this.#set(member);
    const left = [...before.values()].filter(({ id }) => !this.#members.has(id));
    const joined = this.#list().filter(({ id }) => !before.has(id));
    const wasKnown = this.#isKnown;
    this.#isKnown = true;
    if (!wasKnown) return [];
    return [
      ...left.map((member) => ["leaving", member] as const),
      ...joined.map((member) => ["joining", member] as const),
    ];
  }

  #set({ user_id: id, user_info: info = null }: WireMember): Member<Info> {
    const member = { id, info: info as Info };
    this.#members.set(id, member);
    return member;
  }

  /** @internal */
  override deliver_(message: ChannelMessage): void {
    if (message.type === "member_added") {
      const isNew = !this.#members.has(message.user_id);
      const member = this.#set(message);
      if (isNew) this.listeners_.emit_("joining", member);
    } else if (message.type === "member_removed") {
      const member = this.#members.get(message.user_id);
      this.#members.delete(message.user_id);
      if (member) this.listeners_.emit_("leaving", member);
    } else super.deliver_(message);
  }
}
