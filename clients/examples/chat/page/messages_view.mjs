// SPDX-License-Identifier: Apache-2.0
//
// The messages of the open room. Each item of a timeline keeps its element for as long as it is
// shown, so that nothing flickers and a selection stays.

import { avatar, byId, element, icon, listed } from "./dom.mjs";

const GROUP_WITHIN = 5 * 60 * 1000;
const NEAR = 80; // Pixels from an end that count as being there.
const CHECK = "M4 10.5l4 4 8-9";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, {
  weekday: "long", day: "numeric", month: "long" });

export class MessagesView {
  onRetry = () => {}; // (key)
  onDiscard = () => {}; // (key)
  onOlder = () => {}; // ()
  #nodes = new Map();
  #scroller = byId("scroller");
  #atEnd = true;

  constructor() {
    this.#scroller.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(this.#scroller);
    byId("to-end").addEventListener("click", () => this.toEnd());
    byId("older").addEventListener("click", () => this.onOlder());
  }

  get isAtEnd() {
    return this.#atEnd;
  }

  clear() {
    this.#nodes.clear();
    byId("messages").replaceChildren();
    byId("empty").hidden = byId("older").hidden = true;
    this.#atEnd = true;
  }

  /** Shows a timeline; `loaded` is true when its history is there. */
  show(timeline, me, loaded) {
    const { scrollHeight, scrollTop } = this.#scroller;
    const first = byId("messages").firstElementChild;
    const offset = first?.offsetTop ?? 0;
    const rows = layOut(timeline.items, me);
    this.#place(rows.map((row) => this.#node(row)));
    byId("older").hidden = !timeline.more;
    byId("empty").hidden = !loaded || rows.some((row) => row.kind === "message");
    if (this.#atEnd) this.toEnd();
    else if (first?.isConnected && first.offsetTop !== offset) {
      // Items were added above the visible ones: keep those in place.
      this.#scroller.scrollTop = scrollTop + this.#scroller.scrollHeight - scrollHeight;
    }
  }

  /** A new item is not in view. */
  pointToEnd() {
    byId("to-end").hidden = this.#atEnd;
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#atEnd = true;
    byId("to-end").hidden = true;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#atEnd = scrollHeight - clientHeight - scrollTop < NEAR;
    if (this.#atEnd) byId("to-end").hidden = true;
    if (scrollTop < NEAR && !byId("older").hidden) this.onOlder();
  }

  /** Makes `nodes` the children of the list, and moves as few as possible. */
  #place(nodes) {
    const list = byId("messages");
    const wanted = new Set(nodes);
    for (const [key, node] of this.#nodes) {
      if (wanted.has(node)) continue;
      node.remove();
      this.#nodes.delete(key);
    }
    nodes.forEach((node, i) => {
      if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
    });
  }

  #node(row) {
    let node = this.#nodes.get(row.id);
    if (!node) {
      node = row.kind === "message" ? messageNode(row.item)
        : element("li", row.kind, element("span", ""));
      this.#nodes.set(row.id, node);
    }
    if (row.kind === "message") this.#update(node, row);
    else if (node.textContent !== row.text) node.firstChild.textContent = row.text;
    return node;
  }

  #update(node, { item, mine, first, last }) {
    node.classList.toggle("mine", mine);
    node.classList.toggle("first", first);
    node.classList.toggle("last", last);
    if (node.dataset.state === item.state) return;
    node.dataset.state = item.state;
    node.querySelector("time").textContent = clock.format(item.sent);
    const status = node.querySelector(".status");
    status.replaceChildren(...this.#statusOf(item));
  }

  #statusOf({ key, state, reason }) {
    switch (state) {
      case "pending": return ["Sending"];
      case "waiting": return [icon(CHECK), "Saved. The others get it as soon as Herald is back."];
      case "failed": return [
        `Not sent: ${reason}.`,
        action("Try again", () => this.onRetry(key)),
        action("Discard", () => this.onDiscard(key))];
      default: return [];
    }
  }
}

/** Rows with days between them, and messages that know their place in a group. */
function layOut(items, me) {
  const rows = [];
  let day = "";
  for (const item of items) {
    if (item.kind === "notice") {
      addNotice(rows, item);
      continue;
    }
    if (calendar.format(item.sent) !== day) {
      day = calendar.format(item.sent);
      rows.push({ kind: "day", id: `d${day}`, text: dayName(item.sent) });
    }
    rows.push({ kind: "message", id: `${item.author.id} ${item.key}`, item,
      mine: item.author.id === me.id });
  }
  rows.forEach((row, i) => {
    row.first = !together(rows[i - 1], row);
    row.last = !together(row, rows[i + 1]);
  });
  return rows;
}

/** Members that join or leave in succession share one line. */
function addNotice(rows, { key, what, member }) {
  const last = rows.at(-1);
  const row = last?.what === what ? last : { kind: "notice", id: key, what, names: [] };
  if (row !== last) rows.push(row);
  row.names.push(member.name);
  row.text = `${listed(row.names)} ${what}`;
}

function together(above, below) {
  return above?.kind === "message" && below?.kind === "message" &&
    above.item.author.id === below.item.author.id &&
    below.item.sent - above.item.sent < GROUP_WITHIN;
}

function dayName(time) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  const text = new Date(time).toDateString();
  if (text === today.toDateString()) return "Today";
  return text === yesterday.toDateString() ? "Yesterday" : calendar.format(time);
}

function messageNode({ author, text, sent }) {
  const time = element("time", "");
  time.dateTime = new Date(sent).toISOString();
  const name = element("span", "author-name", author.name);
  name.dataset.color = author.color;
  const bubble = element("p", "bubble", text);
  bubble.dataset.color = author.color;
  return element("li", "message", avatar(author), element("div", "said",
    element("p", "author", name, time), bubble, element("p", "status")));
}

function action(text, run) {
  const button = element("button", "link", text);
  button.type = "button";
  button.addEventListener("click", run);
  return button;
}
