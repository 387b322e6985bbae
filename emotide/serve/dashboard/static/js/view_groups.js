// How networks feel and what groups want, over time; never of fewer people than the least.

import { get } from "./api.js";
import { chart, LINES } from "./chart.js";
import { el } from "./dom.js";
import { exports, rowsOf } from "./export.js";
import { table } from "./table.js";
import { date, emotion, networkName, number, percent, signed, t } from "./words.js";

const TOPICS = 8, PANELS = 12;

export async function groups(view, { space, values, go }) {
  const by = values.by ?? "network", data = await get("groups", { by, space });
  const wanted = rowsOf(data.demand), named = (name) => (by === "mood" ? emotion(name) : by === "group" ? t("group.n", { n: name.replace(/\D/g, "") }) : networkName(name));
  view.replaceChildren(
    el("h1", null, t("tab.groups")), el("p", { class: "lead" }, t("groups.lead", { least: number(data.least) })),
    el("section", { class: "card", "aria-label": t("moods") }, el("div", { class: "tools" }, el("h2", null, t("moods")), data.networks.length ? exports("moods", moods) : null),
      data.networks.length ? el("div", { class: data.networks.length > 1 ? "many" : "" }, data.networks.slice(0, PANELS).map((one) => el("div", null,
        el("h3", null, t("n.people", { name: networkName(one.name), n: number(one.n) })),
        chart({ label: `${t("moods")}: ${networkName(one.name)}`, times: data.times, stacked: true, range: [0, 1], tell: percent,
          series: data.names.map((name, k) => ({ name: emotion(name), colour: data.colours[k], values: one.shares[k] })) }))))
        : el("p", { class: "missing" }, t("none.groups", { least: number(data.least) })),
      data.networks.length > PANELS ? el("p", { class: "small" }, t("more.in.file", { n: number(data.networks.length - PANELS) })) : null),
    el("section", { class: "card", "aria-label": t("demand") },
      el("div", { class: "tools" }, el("h2", null, t("demand")), el("label", null, t("by"), el("select", { id: "by", onchange: (event) => go("groups", { by: event.target.value }) },
        ["network", "mood", "group"].map((name) => el("option", { value: name, selected: name === by }, t(`by.${name}`)))))),
      el("p", { class: "small" }, t("demand.lead")), demand()));

  function moods() {
    return data.networks.flatMap((one) => data.times.flatMap((time, k) => data.names.map((name, place) => (
      { network: one.name, people: one.n, time, space: data.space, name, share: one.shares[place][k] }))));
  }

  function demand() {
    if (!wanted.length) return el("p", { class: "missing" }, data.no_demand ? t("no.demand") : t("none.groups", { least: number(data.least) }));
    const shown = [...new Set(wanted.map((row) => row.group))].slice(0, PANELS);
    const list = table({ name: "demand", rows: wanted, search: true, columns: [
      { key: "group", label: t("group"), kind: "name", show: (row) => named(row.group) },
      { key: "time", label: t("time"), show: (row) => date(row.time) },
      { key: "topic", label: t("topic"), kind: "name" },
      { key: "value", label: t("value"), kind: "number", show: (row) => number(row.value, 3) },
      { key: "share", label: t("share"), kind: "number", show: (row) => percent(row.share) },
      { key: "n", label: t("people"), kind: "number", show: (row) => number(row.n) },
      { key: "change", label: t("change"), kind: "number", show: (row) => signed(row.change) },
    ] });
    return el("div", null, el("div", { class: shown.length > 1 ? "many" : "" }, shown.map(panel)), list.node);
  }

  function panel(group) {
    const rows = wanted.filter((row) => row.group === group), times = [...new Set(rows.map((row) => row.time))].sort(), latest = times.at(-1);
    const topics = rows.filter((row) => row.time === latest).sort((a, b) => b.value - a.value).slice(0, TOPICS).map((row) => row.topic);
    const value = new Map(rows.map((row) => [`${row.time} ${row.topic}`, row.value]));
    return el("div", null, el("h3", null, t("n.people", { name: named(group), n: number(rows.find((row) => row.time === latest).n) })),
      chart({ label: `${t("demand")}: ${named(group)}`, times, tell: (v) => number(v), height: 210,
        series: topics.map((topic, k) => ({ name: topic, colour: LINES[k % LINES.length], values: times.map((time) => value.get(`${time} ${topic}`) ?? null) })) }));
  }
}
