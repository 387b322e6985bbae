// A field that finds people by name: type, go through what was found by arrow keys, press Enter.

import { dot, el, say } from "./dom.js";
import { networkName, number, t } from "./words.js";

const MOST = 12;

// people: {user: [], network: []}; colour: person => css or null; choose: called with the row of a person
export function find(people, colour, choose) {
  const id = "find-people", several = new Set(people.network).size > 1;
  const field = el("input", {
    type: "search", id, role: "combobox", autocomplete: "off", spellcheck: "false", placeholder: t("search.people"),
    "aria-label": t("search.people"), "aria-controls": "found-people", "aria-expanded": "false", "aria-autocomplete": "list",
  });
  const list = el("ul", { class: "found", id: "found-people", role: "listbox", "aria-label": t("people"), hidden: true });
  const lower = people.user.map((name) => name.toLowerCase());
  let found = [], at = -1;

  function close() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function draw() {
    const text = field.value.trim().toLowerCase();
    if (!text) return close();
    const begins = [], holds = [];
    for (let k = 0; k < lower.length && begins.length < MOST; k++) {
      const place = lower[k].indexOf(text);
      if (place === 0) begins.push(k);
      else if (place > 0 && holds.length < MOST) holds.push(k);
    }
    found = [...begins, ...holds].slice(0, MOST);
    at = found.length ? 0 : -1;
    list.replaceChildren(...found.map((person, k) => el("li", { role: "option", id: `found-${k}`, "aria-selected": k === 0 ? "true" : "false",
      onpointerdown: (event) => { event.preventDefault(); take(k); } }, colour(person) ? dot(colour(person)) : null, people.user[person],
    several ? el("span", { class: "net" }, networkName(people.network[person])) : null)));
    if (!found.length) list.replaceChildren(el("li", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, t("none.found")));
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    mark();
    say(t("found", { n: number(found.length) }));
  }

  function mark() {
    [...list.children].forEach((item, k) => item.setAttribute("aria-selected", k === at ? "true" : "false"));
    if (at >= 0) field.setAttribute("aria-activedescendant", `found-${at}`);
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function take(k) {
    if (found[k] === undefined) return;
    field.value = people.user[found[k]];
    close();
    choose(found[k]);
  }

  field.addEventListener("input", draw);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { field.value = ""; close(); }
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % Math.max(found.length, 1);
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(at);
    }
  });
  return el("div", { class: "search" }, field, list);
}
