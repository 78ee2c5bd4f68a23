// SPDX-License-Identifier: Apache-2.0
//
// The members of one presence channel. Lives as long as the channel, over many connections.

import type { WireMember } from "./protocol.js";

/**
 * A user on a presence channel. `info` is the data that the application's authorizer attached to
 * the user, `null` for none.
 *
 * @example
 * const greet = (member: Member<{ name: string }>) => show(`Hello, ${member.info.name}.`);
 * herald.join<{ name: string }>("room").joining(greet);
 */
export interface Member<Info = unknown> {
  readonly id: string;
  readonly info: Info;
}

/** The `joining` or `leaving` of one member. @internal */
export type MemberChange = readonly ["joining" | "leaving", Member];

/** @internal */
export class Roster {
  readonly members_ = new Map<string, Member>();
  #isKnown = false;

  list_(): Member[] {
    return [...this.members_.values()];
  }

  /** Replaces the roster. Returns the differences from the last one, if there was one. */
  replace_(members: readonly WireMember[]): MemberChange[] {
    const before = new Map(this.members_);
    this.members_.clear();
    for (const member of members) this.#set(member);
    const left = [...before.values()].filter(({ id }) => !this.members_.has(id));
    const joined = this.list_().filter(({ id }) => !before.has(id));
    const wasKnown = this.#isKnown;
    this.#isKnown = true;
    if (!wasKnown) return [];
    return [
      ...left.map((member) => ["leaving", member] as const),
      ...joined.map((member) => ["joining", member] as const),
    ];
  }

  /** Returns the change, unless the member was here before. */
  add_(member: WireMember): MemberChange | undefined {
    const isNew = !this.members_.has(member.user_id);
    const added = this.#set(member);
    return isNew ? ["joining", added] : undefined;
  }

  /** Returns the change, unless the member was not here. */
  remove_(id: string): MemberChange | undefined {
    const member = this.members_.get(id);
    this.members_.delete(id);
    return member && ["leaving", member];
  }

  clear_(): void {
    this.#isKnown = false;
    this.members_.clear();
  }

  #set({ user_id: id, user_info: info = null }: WireMember): Member {
    const member = { id, info };
    this.members_.set(id, member);
    return member;
  }
}
