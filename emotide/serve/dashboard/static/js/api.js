// Questions to the service, with the token that the page asked for; it is kept until the tab is closed.

import { el } from "./dom.js";
import { t } from "./words.js";

const KEPT = "emotide.token";
let asking = null;

export class Fault extends Error {}

export async function get(name, values = {}) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));
  for (;;) {
    const token = sessionStorage.getItem(KEPT);
    let answer;
    try {
      answer = await fetch(`/v1/dashboard/${name}?${query}`, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
    } catch {
      throw new Fault(t("fault.away"));
    }
    if (answer.ok) return answer.json();
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 401) {
      asking ??= ask(token !== null).finally(() => { asking = null; });
      if (await asking) continue;
      throw new Fault(t("fault.token"));
    }
    if (answer.status === 403) throw new Fault(t("fault.scope"));
    if (answer.status === 429) throw new Fault(t("fault.busy"));
    throw new Fault(told.detail ?? t("fault.other", { status: answer.status }));
  }
}

// resolves with whether a token was given
function ask(again) {
  const dialog = document.getElementById("token");
  const field = el("input", { type: "password", id: "token-field", autocomplete: "off", required: true, "aria-describedby": "token-lead" });
  return new Promise((done) => {
    const form = el("form", { method: "dialog", onsubmit: (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEPT, field.value.trim());
      dialog.onclose = null;
      dialog.close();
      done(true);
    } },
    el("h2", { id: "token-title" }, t("token.title")),
    el("p", { id: "token-lead", class: "lead" }, t(again ? "token.again" : "token.lead")),
    el("label", { for: "token-field" }, t("token.label")), field,
    el("button", { class: "main", type: "submit" }, t("token.enter")));
    dialog.replaceChildren(form);
    dialog.onclose = () => done(false);
    dialog.showModal();
    field.focus();
  });
}
