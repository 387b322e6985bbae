// The page: which view stands in it, in which language and space, and the keys.

import { Fault, get } from "./js/api.js";
import { el, say } from "./js/dom.js";
import { groups } from "./js/view_groups.js";
import { health } from "./js/view_health.js";
import { network } from "./js/view_network.js";
import { people } from "./js/view_people.js";
import { person } from "./js/view_person.js";
import { recommender } from "./js/view_recommender.js";
import { chosen, emotion, speak, spoken, t } from "./js/words.js";

const VIEWS = { network, people, person, groups, recommender, health };
const TABS = ["network", "people", "groups", "recommender", "health"];
const KEYS = [["1 – 5", "key.tabs"], ["/", "key.search"], ["P", "key.play"], ["[  ]", "key.step"], ["← → ↑ ↓", "key.move"], ["+  −", "key.zoom"],
  ["Enter", "key.open"], ["Esc", "key.close"], ["L", "key.language"], ["?", "key.help"]];
const main = document.getElementById("view");
let space = null, now = {}, turn = 0;

const address = (name, values) => {
  const query = new URLSearchParams(Object.entries(values)).toString();
  return `#/${name}${query ? `?${query}` : ""}`;
};
const go = (name, values = {}) => { location.hash = address(name, values); };

async function show() {
  const [name, query] = location.hash.replace(/^#\/?/, "").split("?");
  const wanted = name in VIEWS ? name : "network", mine = ++turn;
  const values = Object.fromEntries(new URLSearchParams(query ?? ""));
  now.leave?.();
  now = {};
  document.querySelectorAll("#tabs a").forEach((link) => {
    if (link.dataset.view === (wanted === "person" ? "people" : wanted)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  document.title = `${wanted === "person" ? values.user : t(`tab.${wanted}`)} · Emotide`;
  // each view draws into a room of its own, so that one that answers late draws into nothing
  const room = el("div");
  main.setAttribute("aria-busy", "true");
  main.replaceChildren(el("p", { class: "loading" }, t("loading")));
  say(t("loading"));
  try {
    const place = { space, values, address, go, open: (user, of) => go("person", { user, network: of }) };
    room.dataset.view = wanted;
    const waiting = main.firstChild;
    const held = { replaceChildren: (...nodes) => { room.replaceChildren(...nodes); if (mine === turn) waiting.replaceWith(room); }, contains: (node) => room.contains(node), get isConnected() { return room.isConnected; } };
    const made = (await VIEWS[wanted](held, place)) ?? {};
    if (mine === turn) now = made;
    else made.leave?.();
    say("");
  } catch (fault) {
    if (mine !== turn) return;
    if (!(fault instanceof Fault)) console.error(fault);
    main.replaceChildren(el("h1", null, t("fault")), el("p", { class: "missing fault", role: "alert" }, fault instanceof Fault ? fault.message : t("fault.page")),
      el("button", { type: "button", onclick: () => (document.querySelector("#space option") ? show() : begin()) }, t("again")));
  } finally {
    if (mine === turn) main.removeAttribute("aria-busy");
  }
}

function frame() {
  document.querySelectorAll("[data-word]").forEach((node) => { node.textContent = t(node.dataset.word); });
  document.querySelectorAll("[data-label]").forEach((node) => node.setAttribute("aria-label", t(node.dataset.label)));
  document.getElementById("tabs").replaceChildren(...TABS.map((name) => el("a", { href: address(name, {}), "data-view": name }, t(`tab.${name}`))));
  const button = document.getElementById("language");
  button.textContent = spoken() === "en" ? "中文" : "English";
  button.lang = spoken() === "en" ? "zh" : "en";
  const select = document.getElementById("space");
  for (const option of select.options) option.textContent = emotion(option.value);
}

async function turnLanguage() {
  const other = spoken() === "en" ? "zh" : "en";
  localStorage.setItem("emotide.language", other);
  await speak(other);
  frame();
  await show();
}

function keyboard() {
  const dialog = document.getElementById("shortcuts");
  dialog.replaceChildren(el("h2", { id: "shortcuts-title" }, t("keyboard")),
    el("dl", null, KEYS.flatMap(([key, word]) => [el("dt", null, el("kbd", null, key)), el("dd", null, t(word))])),
    el("button", { type: "button", class: "main", onclick: () => dialog.close() }, t("close")));
  dialog.showModal();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea")) return;
  const key = event.key.toLowerCase();
  if (TABS[Number(key) - 1]) go(TABS[Number(key) - 1]);
  else if (key === "/") { event.preventDefault(); main.querySelector("input[type=search]")?.focus(); }
  else if (key === "?") keyboard();
  else if (key === "l") turnLanguage();
  else now.keys?.[key]?.();
});
addEventListener("hashchange", () => { show().then(() => { main.focus({ preventScroll: true }); scrollTo(0, 0); }); });
document.getElementById("language").addEventListener("click", turnLanguage);
document.getElementById("help").addEventListener("click", keyboard);
document.getElementById("space").addEventListener("change", (event) => { space = event.target.value; show(); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

async function begin() {
  try {
    const told = await get("start");
    space = told.space;
    document.getElementById("space").replaceChildren(...told.spaces.map((one) => el("option", { value: one.name, selected: one.name === space }, emotion(one.name))));
  } catch { /* the view says what is wrong: it asks the same service */ }
  await show();
}

await speak(chosen());
frame();
await begin();
