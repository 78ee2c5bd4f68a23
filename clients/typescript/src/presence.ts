// SPDX-License-Identifier: Apache-2.0
//
// A channel that knows who listens on it.

import { Channel } from "./channel.js";
import type { Member } from "./roster.js";

/**
 * A channel that knows who listens on it; from `herald.join()`. Users are counted, not connections:
 * a user with two tabs is one member.
 *
 * @example
 * const room: PresenceChannel<{ name: string }> = herald.join("room");
 * room
 *   .here((members) => show(members.map(({ info }) => info.name)))
 *   .joining(({ info }) => show(`${info.name} has come`))
 *   .leaving(({ info }) => show(`${info.name} has gone`));
 */
export class PresenceChannel<Info = unknown> extends Channel {
  /**
   * Who is here, by user id, yourself included. Always the same map, brought up to date before
   * handlers are called; while the connection is away it shows who was here last.
   *
   * @example
   * const room = herald.join("room");
   * room.here(() => show(room.members.size, room.members.has("ada")));
   */
  get members(): ReadonlyMap<string, Member<Info>> {
    return this.shared_.roster_!.members_ as ReadonlyMap<string, Member<Info>>;
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
    this.soon_("here", handler, () => this.shared_.roster_!.list_());
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
}
