// What runs: the model, the store, the live engine, and what was read last.

import { get } from "./api.js";
import { el } from "./dom.js";
import { rowsOf } from "./export.js";
import { table } from "./table.js";
import { date, emotion, has, networkName, number, t } from "./words.js";

export async function health(view, { address }) {
  const data = await get("health"), store = data.store;
  const word = (key) => (has(`fact.${key}`) ? t(`fact.${key}`) : key.replaceAll("_", " "));
  const value = (held) => (typeof held === "boolean" ? t(held ? "yes" : "no") : typeof held === "number" ? number(held)
    : /^\d{4}-\d\d-\d\dT/.test(held) ? date(held) : held && typeof held === "object" ? JSON.stringify(held) : held ?? "–");
  const facts = (some) => el("dl", { class: "facts" }, Object.entries(some).flatMap(([key, held]) => [el("dt", null, word(key)), el("dd", null, value(held))]));
  const tile = (key, held) => el("div", { class: "tile" }, el("dt", null, word(key)), el("dd", null, value(held)));
  view.replaceChildren(
    el("h1", null, t("tab.health")), el("p", { class: "lead" }, t("health.lead")),
    el("dl", { class: "tiles" }, tile("people", store.people), tile("networks", store.networks), tile("posts", store.posts), tile("interactions", store.interactions), tile("feedback", store.feedback)),
    el("div", { class: "two three" },
      el("section", { class: "card", "aria-label": t("engine") }, el("h2", null, t("engine")), data.engine ? facts(data.engine) : el("p", { class: "missing" }, t("none.engine"))),
      el("section", { class: "card", "aria-label": t("model") }, el("h2", null, t("model")), facts(data.model)),
      el("section", { class: "card", "aria-label": t("store") }, el("h2", null, t("store")), facts({ digest: data.digest, ...store }))),
    el("section", { class: "card", "aria-label": t("newest") }, el("h2", null, t("newest")), table({ name: "newest", rows: rowsOf(data.newest), columns: [
      { key: "user_id", label: t("person"), kind: "name", show: (row) => el("a", { href: address("person", { user: row.user_id, network: row.network }) }, row.user_id) },
      { key: "network", label: t("network"), kind: "name", show: (row) => networkName(row.network ?? "") },
      { key: "time", label: t("time"), show: (row) => date(row.time) },
      { key: "reading", label: t("feels"), show: (row) => emotion(row.reading) },
    ] }).node));
  const timer = setInterval(() => { if (data.engine && !document.hidden && !view.contains(document.activeElement)) again(); }, 5000);
  const again = () => { clearInterval(timer); if (view.isConnected && location.hash.startsWith("#/health")) health(view, { address }).catch(() => {}); };
  return { leave: () => clearInterval(timer) };
}
