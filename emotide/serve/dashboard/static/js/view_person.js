// A person: how they felt and will feel, how sure that is, who moved them, why, what they are offered.

import { get } from "./api.js";
import { chart, LINES } from "./chart.js";
import { dot, el } from "./dom.js";
import { exports, rowsOf } from "./export.js";
import { date, emotion, networkName, number, percent, signed, t } from "./words.js";

export async function person(view, { space, values, address, open }) {
  const data = await get("person", { user: values.user, network: values.network, space });
  const edge = data.horizon.filter((h) => h === 0).length, now = edge - 1;
  const name = (k) => emotion(data.reading[k]);
  const colour = (k) => data.colours[data.names.indexOf(data.reading[k])] ?? data.colours[0];
  const chance = (k) => (data.dimensional ? null : data.values[data.reading[k]]?.[k]);
  const mood = (k) => el("span", { class: "mood" }, data.dimensional ? null : dot(colour(k)), name(k), chance(k) === null ? null : ` ${percent(chance(k))}`);
  const sure = (k) => (data.set === null ? t("never.calibrated") : data.dimensional ? null : t("set", { names: data.set[k].split("|").map(emotion).join(t("comma")) }));

  view.replaceChildren(
    el("p", { class: "small" }, el("a", { href: address("people", {}) }, `← ${t("tab.people")}`)),
    el("h1", null, data.user),
    el("div", { class: "tools" }, data.networks.length > 1
      ? el("label", null, t("network"), el("select", { onchange: (event) => open(data.user, event.target.value) }, data.networks.map((one) =>
        el("option", { value: one, selected: one === data.network }, networkName(one)))))
      : el("span", { class: "small" }, `${t("network")}: ${networkName(data.network)}`), exports("person", rows)),
    el("section", { class: "card", "aria-label": t("over.time") }, el("h2", null, t("over.time")),
      now < 0 ? null : el("p", { class: "now" }, `${t("last.read", { time: date(data.time[now]) })} `, mood(now), sure(now) ? `. ${sure(now)}` : "."),
      data.dimensional ? lines() : stack(),
      el("p", { class: "small" }, t(data.dimensional ? "band.lead" : "stack.lead")),
      edge < data.time.length ? el("div", null, el("h3", null, t("next")), el("ul", { class: "next" }, data.time.slice(edge).map((time, k) =>
        el("li", null, el("time", { datetime: time }, date(time)), mood(edge + k))))) : null),
    el("div", { class: "two" },
      el("section", { class: "card", "aria-label": t("who.moved") }, el("h2", null, t("who.moved")), el("p", { class: "small" }, t("who.lead")),
        pairs("moved.by", data.moved_by, "source_id"), pairs("moves", data.moves, "target_id"), paths()),
      el("section", { class: "card", "aria-label": t("offers") }, el("h2", null, t("offers")), el("p", { class: "small" }, t("offers.lead")), offers())),
    why());

  function rows() {
    return data.time.map((time, k) => ({ user_id: data.user, network: data.network, time, horizon: data.horizon[k], space: data.space, reading: data.reading[k],
      ...Object.fromEntries(data.names.map((each) => [each, data.values[each][k]])), ...(data.set ? { set: data.set[k] } : {}) }));
  }

  function stack() {
    return chart({ label: t("over.time"), times: data.time, edge, stacked: true, range: [0, 1], tell: percent,
      series: data.names.map((each, k) => ({ name: emotion(each), colour: data.colours[k], values: data.values[each] })),
      read: (k) => [...data.names].sort((a, b) => data.values[b][k] - data.values[a][k]).slice(0, 3).map((each) => `${emotion(each)} ${percent(data.values[each][k])}`).concat(sure(k) ?? []) });
  }

  function lines() {
    return el("div", { class: data.names.length > 1 ? "many" : "" }, data.names.map((each, k) => el("div", null, el("h3", null, emotion(each)), chart({
      label: `${t("over.time")}: ${emotion(each)}`, times: data.time, edge, range: data.range[k], tell: (value) => number(value), height: 180,
      series: [{ name: emotion(each), colour: LINES[k % LINES.length], values: data.values[each], low: data.low?.[each], high: data.high?.[each] }],
      read: (at) => [number(data.values[each][at]), data.low ? t("between", { low: number(data.low[each][at]), high: number(data.high[each][at]) }) : t("never.calibrated")],
    }))));
  }

  function pairs(title, columns, other) {
    const some = rowsOf(columns).filter((row) => row.strength > 0), most = Math.max(1e-9, ...some.map((row) => row.strength));
    if (!some.length) return el("div", null, el("h3", null, t(title)), el("p", { class: "missing" }, t("none.moved")));
    return el("div", null, el("h3", null, t(title)), el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": t(title) }, el("table", null,
      el("thead", null, el("tr", null, ["person", "strength", "effect", "by.chance"].map((key, k) => el("th", { scope: "col", class: k > 1 ? "number" : null }, el("span", { class: "cell" }, t(key)))))),
      el("tbody", null, some.map((row) => el("tr", null,
        el("td", { class: "name" }, el("a", { href: address("person", { user: row[other], network: data.network }) }, row[other])),
        el("td", null, el("span", { class: row.effect < 0 ? "meter down" : "meter", "aria-hidden": "true" }, el("i", { "width%": (100 * row.strength) / most })), number(row.strength, 3)),
        el("td", { class: `number ${row.effect < 0 ? "down" : "up"}` }, signed(row.effect)),
        el("td", { class: "number" }, row.q_value === null ? "–" : row.q_value <= 0.1 ? t("clear.yes") : t("clear.no"))))))));
  }

  function paths() {
    const some = rowsOf(data.paths);
    return some.length ? el("div", null, el("h3", null, t("paths")), el("ul", { class: "ties" }, some.map((row) => el("li", null, el("span", null, row.path),
      el("span", { class: row.effect < 0 ? "down" : "up" }, signed(row.effect)))))) : null;
  }

  function offers() {
    const some = rowsOf(data.offers);
    if (!some.length) return el("p", { class: "missing" }, data.no_offers ? t("no.offers") : t("none.offers"));
    return el("ol", { class: "offers" }, some.map((row) => el("li", { class: "offer" }, el("span", { class: "rank", "aria-hidden": "true" }, row.rank),
      el("p", null, row.title ?? row.item_id), el("span", null, number(row.value)), el("p", { class: "why" }, row.reason))));
  }

  // the slowest question, asked when it is wanted
  function why() {
    const answer = el("div", { "aria-live": "polite" });
    const ask = el("button", { type: "button", id: "explain", onclick: async () => {
      ask.disabled = true;
      answer.replaceChildren(el("p", { class: "loading" }, t("loading")));
      try {
        answer.replaceChildren(...told(await get("why", { user: data.user, space: data.space })));
      } catch (fault) {
        answer.replaceChildren(el("p", { class: "missing fault" }, fault.message));
        ask.disabled = false;
      }
    } }, t("why.ask"));
    return el("section", { class: "card", "aria-label": t("why") }, el("h2", null, t("why")), el("p", { class: "small" }, t("why.lead")), el("p", null, ask), answer);
  }

  function told(columns) {
    const all = rowsOf(columns), whole = all.find((row) => row.kind === "reading"), without = all.find((row) => row.kind === "without");
    const posts = all.filter((row) => row.kind === "post").slice(0, 8), most = Math.max(1e-9, ...posts.map((row) => Math.abs(row.share)));
    const words = (id) => all.filter((row) => row.kind === "word" && row.post_id === id && row.word).sort((a, b) => Math.abs(b.share) - Math.abs(a.share)).slice(0, 5);
    if (!whole) return [el("p", { class: "missing" }, t("none.why"))];
    return [el("p", null, t("why.sum", { name: emotion(whole.reading), time: date(whole.time), whole: number(whole.share), without: number(without?.share ?? null) })),
      ...posts.map((row) => el("div", { class: "post" },
        el("div", { class: "about" }, el("span", { class: row.share < 0 ? "meter down" : "meter", "aria-hidden": "true" }, el("i", { "width%": (100 * Math.abs(row.share)) / most })),
          el("b", { class: row.share < 0 ? "down" : "up" }, signed(row.share)), el("span", null, row.author_id === data.user ? t("own.post") : row.author_id), el("span", null, date(row.posted))),
        el("p", null, row.said ?? row.post_id),
        el("p", null, words(row.post_id).map((word) => el("span", { class: "tag" }, `${word.word} `, el("span", { class: word.share < 0 ? "down" : "up" }, signed(word.share)))))))];
  }
}
