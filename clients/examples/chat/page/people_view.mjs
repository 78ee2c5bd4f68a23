// SPDX-License-Identifier: Apache-2.0
//
// The members, and those of them that are typing.

import { avatar, byId, element, listed, person } from "./dom.mjs";

/** Shows the members of the room; `me` stands first. */
export function showPeople(members, typing, me) {
  const people = [...members].map(person).sort((a, b) =>
    (b.id === me.id) - (a.id === me.id) || a.name.localeCompare(b.name));
  byId("people-list").replaceChildren(...people.map((one) => {
    const name = element("span", "person-name", one.name);
    const item = element("li", "person", avatar(one), name);
    if (one.id === me.id) item.append(element("span", "tag", "you"));
    if (typing.includes(one.id)) item.append(dots());
    item.dataset.userId = one.id;
    return item;
  }));
  const count = people.length;
  byId("people-title").textContent = count ? `Here now · ${count}` : "Here now";
  byId("room-count").textContent =
    count === 1 ? "Only you are here" : count ? `${count} people are here` : "";
}

/** "Ada is typing". Unknown ids are left out. */
export function showTyping(members, typing, me) {
  const names = typing.filter((id) => id !== me.id && members.has(id))
    .map((id) => person(members.get(id)).name);
  const line = byId("typing");
  if (!names.length) return line.replaceChildren();
  const text = `${listed(names)} ${names.length > 1 ? "are" : "is"} typing`;
  if (line.textContent !== text) line.replaceChildren(dots(), text);
}

function dots() {
  const made = element("span", "dots", element("i", ""), element("i", ""), element("i", ""));
  made.setAttribute("aria-hidden", "true");
  return made;
}
