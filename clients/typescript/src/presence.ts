// SPDX-License-Identifier: Apache-2.0
//
// A channel with a list of its members.

import { Channel } from "./channel.js";
import type { Member } from "./roster.js";

/**
 * A channel with a list of its members; from `herald.join()`. Members are users, not connections: a
 * user with two tabs is one member.
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
   * The members by user id, yourself included. Always the same map, updated before handlers are
   * called; without a connection it contains the last known members.
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
   * Calls `handler` with each member that joins. After a reconnect, with those that have joined
   * meanwhile.
   *
   * @example
   * herald.join("room").joining(({ id }) => show(`${id} has come`));
   */
  joining(handler: (member: Member<Info>) => unknown): this {
    return this.on_("joining", handler);
  }

  /**
   * Calls `handler` with each member that leaves. After a reconnect, with those that have left
   * meanwhile.
   *
   * @example
   * herald.join("room").leaving(({ id }) => show(`${id} has gone`));
   */
  leaving(handler: (member: Member<Info>) => unknown): this {
    return this.on_("leaving", handler);
  }
}
