// SPDX-License-Identifier: Apache-2.0
//
// Small helpers for the page. Messages and names are inserted as text, never as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with a class, and with text or other nodes inside. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** A round picture of a person: the first letter in the person's colour. */
export function avatar({ name, color }) {
  const made = element("span", "avatar", firstLetter(name));
  made.dataset.color = color;
  made.setAttribute("aria-hidden", "true");
  return made;
}

/** An icon of one path, drawn with the text's colour. */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** "Ada", "Ada and Bob", "Ada, Bob and 2 others". */
export function listed(names) {
  if (names.length < 3) return names.join(" and ");
  const rest = names.length - 2;
  return `${names[0]}, ${names[1]} and ${rest} other${rest > 1 ? "s" : ""}`;
}

/** The data of a member for the others, with defaults for invalid values. */
export function person({ id, info }) {
  const { name, color } = info ?? {};
  return {
    id,
    name: typeof name === "string" ? name : id,
    color: typeof color === "string" ? color : "",
  };
}

function firstLetter(name) {
  const [first] = new Intl.Segmenter().segment(name);
  return (first?.segment ?? "?").toUpperCase();
}
