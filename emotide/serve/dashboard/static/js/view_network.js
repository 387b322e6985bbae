// The network coloured by emotion, through time.

import { get } from "./api.js";
import { calm, dot, el, say, svg } from "./dom.js";
import { exports } from "./export.js";
import { find } from "./find.js";
import { Picture } from "./picture.js";
import { date, emotion, networkName, number, signed, t } from "./words.js";

const BEAT = 420; // milliseconds a step when it plays

export async function network(view, { space, open }) {
  const data = await get("network", { space });
  if (!data.people.user.length) return view.replaceChildren(el("h1", null, t("tab.network")), el("p", { class: "missing" }, t("none.people")));
  const n = data.people.user.length, last = data.times.length - 1, networks = [...new Set(data.people.network)];
  const hidden = new Set(); // moods, by letter
  let only = "", clear = data.arrows.clear.some(Boolean), arrows = true, timer = null;

  const canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": t("picture", { n: number(n) }), "aria-describedby": "picture-help" });
  const mix = el("div", { class: "mix", "aria-hidden": "true" });
  const slider = el("input", { type: "range", min: 0, max: last, value: last, id: "time", "aria-label": t("time") });
  const when = el("output", { for: "time" });
  const legend = el("ul", { class: "legend" });
  const card = el("div", { class: "card", id: "card" });
  const play = el("button", { type: "button", class: "play", id: "play", "aria-label": t("play"), onclick: () => (timer ? stop() : start()) });

  const told = {
    point: (person) => about(person ?? picture.chosen),
    choose: (person) => choose(person),
    open: (person) => open(data.people.user[person], data.people.network[person]),
  };
  view.replaceChildren(
    el("h1", null, t("tab.network")), el("p", { class: "lead" }, t("network.lead", { n: number(n) })),
    el("div", { class: "tools" },
      find(data.people, (person) => picture.colour(person), (person) => { choose(person); picture.centre(person); canvas.focus(); }),
      networks.length > 1 ? el("label", null, t("network"), el("select", { id: "only", onchange: (event) => { only = event.target.value; filter(); } },
        el("option", { value: "" }, t("all")), networks.map((name) => el("option", { value: `=${name}` }, networkName(name))))) : null,
      el("label", null, el("input", { type: "checkbox", checked: true, onchange: (event) => { arrows = event.target.checked; filter(); } }), t("arrows")),
      el("label", null, el("input", { type: "checkbox", checked: clear, onchange: (event) => { clear = event.target.checked; filter(); } }), t("clear")),
      exports("network", rows)),
    el("div", { class: "stage" },
      el("section", { class: "card picture", "aria-label": t("tab.network") }, canvas,
        el("p", { id: "picture-help", class: "visually-hidden" }, t("picture.help")),
        el("div", { class: "zoom" },
          el("button", { type: "button", "aria-label": t("zoom.in"), onclick: () => picture.zoom(1.5) }, "+"),
          el("button", { type: "button", "aria-label": t("zoom.out"), onclick: () => picture.zoom(1 / 1.5) }, "−")),
        mix, el("div", { class: "time" }, play, slider, when)),
      el("div", { class: "side" },
        el("section", { class: "card" }, el("h2", null, t("legend")), legend, el("p", { class: "small" }, t("legend.lead")),
          el("ul", { class: "legend" }, ["up", "down"].map((way) => el("li", { class: "key" }, el("span", { class: `line ${way}`, "aria-hidden": "true" }), t(`moved.${way}`))))),
        card)));
  const picture = new Picture(canvas, data, told);

  function rows() {
    return data.people.user.map((user, k) => ({ user_id: user, network: data.people.network[k], time: data.times[picture.at], space: data.space,
      reading: data.names[picture.mood(k) - 1] ?? null })).filter((_, k) => picture.shown[k]);
  }

  function filter() {
    picture.shown = data.people.user.map((_, k) => (!only || `=${data.people.network[k]}` === only) && !hidden.has(picture.mood(k)));
    const { source, target, clear: stands } = data.arrows;
    picture.arrows = source.map((_, k) => k).filter((k) => arrows && (!clear || stands[k]) && picture.shown[source[k]] && picture.shown[target[k]]);
    picture.kept = new Set(picture.arrows);
    picture.all();
    const counts = new Map();
    data.people.network.forEach((name, k) => { if (!only || `=${name}` === only) { const mood = picture.mood(k); counts.set(mood, (counts.get(mood) ?? 0) + 1); } });
    const total = Math.max(1, [...counts.values()].reduce((a, b) => a + b, 0));
    const focused = document.activeElement?.dataset?.mood;
    legend.replaceChildren(...[...data.names.keys(), -1].filter((k) => k >= 0 || counts.get(0)).map((k) => el("li", null, el("button", {
      type: "button", "data-mood": k + 1, "aria-pressed": hidden.has(k + 1) ? "false" : "true",
      onclick: () => { if (!hidden.delete(k + 1)) hidden.add(k + 1); filter(); },
    }, dot(k < 0 ? picture.unknown : data.colours[k]), k < 0 ? t("unread") : emotion(data.names[k]), el("span", { class: "count" }, number(counts.get(k + 1) ?? 0))))));
    if (focused !== undefined) legend.querySelector(`[data-mood="${focused}"]`)?.focus();
    mix.replaceChildren(...data.names.map((_, k) => el("i", { tint: data.colours[k], "width%": (100 * (counts.get(k + 1) ?? 0)) / total })));
  }

  function move(at) {
    picture.at = at;
    slider.value = at;
    when.textContent = date(data.times[at]);
    slider.setAttribute("aria-valuetext", when.textContent);
    filter();
    about(picture.hover ?? picture.chosen);
  }

  function start() {
    if (picture.at === last) move(0);
    timer = setInterval(() => (picture.at < last && view.contains(canvas) ? move(picture.at + 1) : stop()), calm.matches ? BEAT * 2.5 : BEAT);
    icon();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    icon();
  }

  function icon() {
    play.replaceChildren(svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: timer ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2l10 6-10 6z" })));
    play.setAttribute("aria-label", t(timer ? "pause" : "play"));
  }

  function choose(person) {
    picture.chosen = person;
    picture.draw();
    about(person);
    if (person !== null) say(`${data.people.user[person]}: ${moodOf(person)}`);
  }

  const moodOf = (person) => (picture.mood(person) ? emotion(data.names[picture.mood(person) - 1]) : t("unread"));

  function about(person) {
    if (person === null) {
      card.replaceChildren(el("h2", null, t("person.none")), el("p", { class: "small" }, t("person.hint")));
      return;
    }
    const own = picture.neighbours.get(person) ?? [], { source, target, effect, strength } = data.arrows;
    const list = (title, ends, other) => {
      const some = own.filter((k) => ends[k] === person && picture.kept.has(k)).sort((a, b) => strength[b] - strength[a]).slice(0, 5);
      return some.length ? [el("h3", null, title), el("ul", { class: "ties" }, some.map((k) => el("li", null, el("span", { class: "mood" }, dot(picture.colour(other[k])), data.people.user[other[k]]),
        el("span", { class: effect[k] < 0 ? "down" : "up" }, signed(effect[k])))))] : [];
    };
    card.replaceChildren(el("p", { class: "who" }, data.people.user[person]),
      el("p", { class: "small" }, networkName(data.people.network[person])),
      el("p", null, el("span", { class: "mood" }, dot(picture.colour(person)), moodOf(person))),
      ...list(t("moved.by"), target, source), ...list(t("moves"), source, target),
      el("button", { type: "button", class: "main", id: "open", onclick: () => told.open(person) }, t("open")));
  }

  slider.addEventListener("input", () => { stop(); move(Number(slider.value)); });
  canvas.addEventListener("keydown", (event) => {
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in ways) {
      event.preventDefault();
      const from = picture.chosen ?? picture.nearest(picture.width / 2, picture.height / 2, Infinity);
      if (from !== null) choose(picture.chosen === null ? from : picture.beside(from, ...ways[event.key]));
    } else if (event.key === "Enter" && picture.chosen !== null) told.open(picture.chosen);
    else if (event.key === "Escape") choose(null);
    else if (event.key === "+" || event.key === "=") picture.zoom(1.4);
    else if (event.key === "-") picture.zoom(1 / 1.4);
  });
  icon();
  move(last);
  requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.drawn = performance.now().toFixed(0); })); // on the screen
  return { keys: { p: () => (timer ? stop() : start()), "[": () => { stop(); move(Math.max(0, picture.at - 1)); }, "]": () => { stop(); move(Math.min(last, picture.at + 1)); } }, leave: stop };
}
