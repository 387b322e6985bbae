// Everybody, as a table: the way to a person's page without the picture.

import { get } from "./api.js";
import { dot, el } from "./dom.js";
import { table } from "./table.js";
import { emotion, networkName, number, t } from "./words.js";

export async function people(view, { space, address }) {
  const data = await get("network", { space });
  const moved = data.people.user.map(() => 0), moves = data.people.user.map(() => 0);
  data.arrows.source.forEach((source, k) => { if (data.arrows.clear[k]) { moves[source] += 1; moved[data.arrows.target[k]] += 1; } });
  const rows = data.people.user.map((user, k) => ({
    user_id: user, network: data.people.network[k], reading: data.names[data.moods[k].codePointAt(data.times.length - 1) - 49] ?? null,
    moved_by: moved[k], moves: moves[k],
  }));
  let mood = "";
  const select = el("select", { "aria-label": t("feels"), id: "mood", onchange: (event) => { mood = event.target.value; list.draw(); } },
    el("option", { value: "" }, t("every.mood")), data.names.map((name) => el("option", { value: name }, emotion(name))));
  const list = table({
    name: "people", rows, search: true, filters: [(row) => !mood || row.reading === mood],
    columns: [
      { key: "user_id", label: t("person"), kind: "name", show: (row) => el("a", { href: address("person", { user: row.user_id, network: row.network }) }, row.user_id) },
      { key: "network", label: t("network"), kind: "name", show: (row) => networkName(row.network) },
      { key: "reading", label: t("feels"), show: (row) => (row.reading ? el("span", { class: "mood" }, dot(data.colours[data.names.indexOf(row.reading)]), emotion(row.reading)) : t("unread")) },
      { key: "moved_by", label: t("moved.by.n"), kind: "number" },
      { key: "moves", label: t("moves.n"), kind: "number" },
    ],
  });
  view.replaceChildren(el("h1", null, t("tab.people")), el("p", { class: "lead" }, t("people.lead", { n: number(rows.length) })),
    rows.length ? el("section", { class: "card", "aria-label": t("tab.people") }, el("div", { class: "tools" }, el("label", null, t("feels"), select)), list.node)
      : el("p", { class: "missing" }, t("none.people")));
}
