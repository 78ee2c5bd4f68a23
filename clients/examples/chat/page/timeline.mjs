// SPDX-License-Identifier: Apache-2.0
//
// The messages of one room, in order, each one once, even if it arrives several times: from the
// history, from Herald, and as the answer to our own post. Knows no page and no network.

const MOST = 1000; // Messages kept; the oldest go, and can be loaded again.

export class Timeline {
  /** Whether the server has older messages than these. */
  more = false;
  #messages = new Map(); // By id.
  #pending = new Map(); // By key: ours, without an id yet.
  #notices = []; // Each stands behind the message `after`.
  #count = 0;

  /** A message that has an id. Returns whether it is news. */
  add(message) {
    const known = this.#messages.get(message.id);
    this.#pending.delete(message.key);
    this.#messages.set(message.id, { ...message, kind: "message", state: "sent" });
    if (this.#messages.size > MOST) {
      this.#keepAfter(this.#ids()[MOST / 2]);
      this.more = true;
    }
    return !known;
  }

  /** The newest page of the history, asked for when `known` was our newest id. */
  load({ messages, more }, known) {
    const oldest = messages[0]?.id ?? 0;
    const gap = more && known > 0 && oldest > known;
    if (gap) this.#keepAfter(oldest);
    if (gap || !known) this.more = more;
    messages.forEach((message) => this.add(message));
    if (known) return;
    for (const notice of this.#notices) { // Noted before the messages above were known.
      notice.after = Math.max(notice.after, messages.at(-1)?.id ?? 0);
    }
  }

  /** The page before our oldest message. */
  loadOlder({ messages, more }) {
    for (const message of messages) {
      this.#messages.set(message.id, { ...message, kind: "message", state: "sent" });
    }
    this.more = more;
  }

  /** Our own message, on its way. */
  addPending(message) {
    this.#pending.set(message.key, {
      ...message, kind: "message", state: "pending", order: this.#count++ });
  }

  /** The answer to our post. */
  confirm(message, delivered) {
    const heard = this.#messages.has(message.id); // Herald was faster than the answer.
    this.add(message);
    if (!delivered && !heard) this.#messages.get(message.id).state = "waiting";
  }

  fail(key, reason) {
    const message = this.#pending.get(key);
    if (message) Object.assign(message, { state: "failed", reason });
  }

  /** The message, on its way again. */
  retry(key) {
    const message = this.#pending.get(key);
    if (message) message.state = "pending";
    return message;
  }

  discard(key) {
    this.#pending.delete(key);
  }

  /** A member has "joined" or "left". */
  note(what, member) {
    const after = this.newest;
    const last = this.#notices.at(-1);
    const back = last?.after === after && last.member.id === member.id &&
      last.what === "left" && what === "joined";
    if (back) {
      this.#notices.pop(); // Was away for a moment: no news.
      return;
    }
    this.#notices.push({ kind: "notice", key: `n${this.#count++}`, what, member, after });
    if (this.#notices.length > MOST) this.#notices.shift();
  }

  /** The ids of our newest and our oldest message; 0 without any. */
  get newest() {
    return this.#ids().at(-1) ?? 0;
  }

  get oldest() {
    return this.#ids()[0] ?? 0;
  }

  /** Messages and notices, in the order of the page. */
  get items() {
    const items = [];
    let next = 0;
    const notices = (id) => {
      while (this.#notices[next]?.after <= id) items.push(this.#notices[next++]);
    };
    notices(this.#messages.size ? this.oldest - 1 : Infinity);
    for (const id of this.#ids()) {
      items.push(this.#messages.get(id));
      notices(id);
    }
    return [...items, ...[...this.#pending.values()].sort((a, b) => a.order - b.order)];
  }

  #keepAfter(id) {
    for (const known of this.#ids()) {
      if (known < id) this.#messages.delete(known);
    }
    this.#notices = this.#notices.filter((notice) => notice.after >= id);
  }

  #ids() {
    return [...this.#messages.keys()].sort((a, b) => a - b);
  }
}
