// SPDX-License-Identifier: Apache-2.0
//
// The list of rooms, with their last messages and the numbers of unread ones.

import { byId, element } from "./dom.mjs";

export class RoomsView {
  #rooms = new Map(); // Name to {name, last, unread}.
  #current = "";

  /** Calls `create(name)`; if that rejects, the form shows the error. */
  constructor(create) {
    const form = byId("new-room");
    const error = byId("new-room-error");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const field = form.elements.room;
      error.textContent = "";
      try {
        await create(field.value.trim().toLowerCase().replace(/[\s_]+/g, "-"));
        field.value = "";
      } catch (failure) {
        error.textContent = `${failure.message}.`;
      }
    });
  }

  has(name) {
    return this.#rooms.has(name);
  }

  get first() {
    return this.#rooms.has("general") ? "general" : [...this.#rooms.keys()][0];
  }

  /** Rooms as the server lists them; one with messages that we have not received is unread. */
  set(rooms) {
    for (const { name, last } of rooms) {
      const known = this.#rooms.get(name);
      let unread = known?.unread ?? 0;
      if (known && name !== this.#current && (last?.id ?? 0) > (known.last?.id ?? 0)) {
        unread = Math.max(unread, 1);
      }
      this.#rooms.set(name, { name, last, unread });
    }
    this.#show();
  }

  add(name) {
    if (!this.#rooms.has(name)) this.set([{ name, last: null }]);
  }

  open(name) {
    this.#current = name;
    this.read();
  }

  /** The open room has been seen. */
  read() {
    const room = this.#rooms.get(this.#current);
    if (room) room.unread = 0;
    this.#show();
  }

  /** A message in any room, received or posted. */
  said(message, isUnread) {
    const room = this.#rooms.get(message.room);
    if (!room || message.id <= (room.last?.id ?? 0)) return;
    room.last = message;
    if (isUnread) room.unread++;
    this.#show();
  }

  #show() {
    const rooms = [...this.#rooms.values()].sort((a, b) => a.name.localeCompare(b.name));
    byId("room-list").replaceChildren(...rooms.map((room) => this.#item(room)));
    const unread = rooms.reduce((sum, room) => sum + room.unread, 0);
    byId("rooms-pip").hidden = unread === 0;
    document.title = `${unread ? `(${unread}) ` : ""}${this.#current} · Herald chat`;
  }

  #item({ name, last, unread }) {
    const link = element("a", "room-link",
      element("span", "room-link-name", name),
      element("span", "room-link-last",
        last ? `${last.author.name}: ${last.text}` : "No messages yet"));
    link.href = `#${name}`;
    if (name === this.#current) link.setAttribute("aria-current", "page");
    if (unread) {
      const badge = element("span", "badge", unread > 99 ? "99+" : String(unread));
      badge.append(element("span", "visually-hidden", " unread"));
      link.append(badge);
    }
    return element("li", "", link);
  }
}
