// The recommender: what it earned, what its guard forbids, the records of what it decided.

import { get } from "./api.js";
import { chart, LINES } from "./chart.js";
import { el } from "./dom.js";
import { exports, rowsOf } from "./export.js";
import { table } from "./table.js";
import { date, number, t } from "./words.js";

const LISTED = 5;

export async function recommender(view, { address }) {
  const data = await get("recommender"), earned = rowsOf(data.rewards);
  const total = earned.reduce((sum, row) => sum + row.n, 0), known = earned.filter((row) => row.reward !== null);
  const mean = known.length ? known.reduce((sum, row) => sum + row.reward * row.n, 0) / known.reduce((sum, row) => sum + row.n, 0) : null;
  const held = data.records.filter((row) => row.barred > 0).length;
  view.replaceChildren(
    el("h1", null, t("tab.recommender")), el("p", { class: "lead" }, t("recommender.lead")),
    el("dl", { class: "tiles" }, tile("feedback", number(total)), tile("mean.reward", number(mean)), tile("decisions", number(data.records.length)), tile("held", number(held))),
    el("section", { class: "card", "aria-label": t("reward") }, el("div", { class: "tools" }, el("h2", null, t("reward")), earned.length ? exports("rewards", () => earned) : null),
      earned.length ? chart({ label: t("reward"), times: data.rewards.time, tell: (value) => number(value), counts: data.rewards.n,
        series: [{ name: t("reward"), colour: LINES[0], values: data.rewards.reward }],
        read: (k) => [data.rewards.reward[k] === null ? t("too.few") : number(data.rewards.reward[k]), t("n.feedback", { n: number(data.rewards.n[k]) })] })
        : el("p", { class: "missing" }, t("none.feedback")),
      el("p", { class: "small" }, t("reward.lead", { least: number(data.least) }))),
    el("section", { class: "card", "aria-label": t("rules") }, el("h2", null, t("rules")), el("p", { class: "small" }, t("rules.lead")),
      data.rules.length ? el("ul", { class: "rules" }, data.rules.map(rule)) : el("p", { class: "missing" }, t("none.rules"))),
    el("section", { class: "card", "aria-label": t("audit") }, el("h2", null, t("audit")), el("p", { class: "small" }, t("audit.lead")),
      data.records.length ? audit() : el("p", { class: "missing" }, data.no_offers ? t("no.offers") : t("none.audit"))));

  function tile(key, value) {
    return el("div", { class: "tile" }, el("dt", null, t(key)), el("dd", null, value));
  }

  function rule(one) {
    const when = [];
    if (one.pleasure_below !== null) when.push(t("rule.state", { below: number(one.pleasure_below), n: number(one.readings) }));
    if (one.at_most !== null) when.push(t("rule.cap", { n: number(one.at_most), last: number(one.of_last) }));
    return el("li", null, el("b", null, one.name), el("span", { class: "small" }, when.join("; ")), el("div", null, one.classes.map((name) => el("span", { class: "tag" }, name === "*" ? t("everything") : name))),
      el("p", { class: "small" }, t("rule.hits", { n: number(data.barred_by[one.name] ?? 0) })));
  }

  function audit() {
    const items = (some, barred) => (some ?? []).slice(0, LISTED).map((item) => el("span", { class: barred ? "tag barred" : "tag", title: item.rule ?? null }, item.item_id));
    const rows = data.records.map((row) => ({ ...row, items: (row.shown ?? []).map((item) => item.item_id).join(" "),
      kept: (row.candidates ?? []).filter((item) => item.rule).map((item) => item.item_id).join(" "), latest: row.pleasure?.at?.(-1) ?? null }));
    return table({ name: "audit", rows, search: true, columns: [
      { key: "user_id", label: t("person"), kind: "name", show: (row) => (row.user_id ? el("a", { href: address("person", { user: row.user_id, network: row.network }) }, row.user_id) : "–") },
      { key: "time", label: t("time"), show: (row) => date(row.time) },
      { key: "latest", label: t("pleasure"), kind: "number", show: (row) => number(row.latest) },
      { key: "items", label: t("shown"), kind: "long", show: (row) => el("span", null, items(row.shown)) },
      { key: "kept", label: t("kept.back"), kind: "long", show: (row) => { const some = items(row.candidates?.filter((item) => item.rule), true); return some.length ? el("span", null, some) : "–"; } },
      { key: "barred", label: t("barred"), kind: "number", show: (row) => number(row.barred ?? null) },
    ] }).node;
  }
}
