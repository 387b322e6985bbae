// A table that is sorted by its heads, searched, cut to what is near the top, and saved as a file.

import { el, say } from "./dom.js";
import { exports } from "./export.js";
import { number, t } from "./words.js";

const FIRST = 25;

// columns: {key, label, kind: "number" | "name" | "long", show: row => node or text}
export function table({ name, columns, rows, search = false, filters = [] }) {
  let sorted = null, down = false, most = FIRST;
  const field = el("input", { type: "search", "aria-label": t("search.table"), placeholder: t("search.table"), oninput: () => { most = FIRST; draw(); } });
  const body = el("tbody"), heads = el("tr"), under = el("p", { class: "small" });
  const wanted = () => {
    const text = field.value.trim().toLowerCase();
    let kept = rows.filter((row) => filters.every((filter) => filter(row)));
    if (text) kept = kept.filter((row) => columns.some((c) => String(row[c.key] ?? "").toLowerCase().includes(text)));
    if (sorted === null) return kept;
    const order = (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1);
    return kept.sort((a, b) => order(a[sorted], b[sorted]) * (down ? -1 : 1));
  };
  const more = el("button", { type: "button", class: "plain", onclick: () => { most *= 4; draw(); } });
  const shownOf = (column, row) => (column.show ? column.show(row) : column.kind === "number" ? number(row[column.key]) : row[column.key] ?? "–");

  function draw() {
    const kept = wanted();
    heads.replaceChildren(...columns.map((column) => el("th", {
      scope: "col", class: column.kind, "aria-sort": sorted === column.key ? (down ? "descending" : "ascending") : null,
    }, el("button", { type: "button", onclick: () => {
      down = sorted === column.key ? !down : column.kind === "number";
      sorted = column.key;
      draw();
      heads.querySelector("th[aria-sort] button")?.focus();
    } }, column.label))));
    body.replaceChildren(...kept.slice(0, most).map((row) => el("tr", null, columns.map((column) => el("td", { class: column.kind }, shownOf(column, row))))));
    const left = kept.length - most;
    more.hidden = left <= 0;
    more.textContent = t("more", { n: number(Math.max(left, 0)) });
    under.textContent = kept.length ? "" : t("none.found");
    if (field.value) say(t("found", { n: number(kept.length) }));
  }
  draw();
  const node = el("div", { class: "table" },
    el("div", { class: "tools" }, search ? field : null, exports(name, wanted)),
    el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": t(`file.${name}`) }, el("table", null, el("thead", null, heads), body)),
    under, more);
  return { node, draw };
}
