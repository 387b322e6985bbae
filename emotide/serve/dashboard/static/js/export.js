// What is shown becomes a file: CSV or JSON.

import { el } from "./dom.js";
import { t } from "./words.js";

// a cell that a spreadsheet would take for a formula is told apart from one by an apostrophe
function cell(value) {
  if (value === null || value === undefined) return "";
  let text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function save(name, kind, text) {
  const address = URL.createObjectURL(new Blob([text], { type: kind }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

// `rows` is called when a button is pressed, so that the file holds what is shown then
export function exports(name, rows) {
  const made = [
    ["CSV", () => save(`${name}.csv`, "text/csv", "\ufeff" + csv(rows()))],
    ["JSON", () => save(`${name}.json`, "application/json", JSON.stringify(rows(), null, 1))],
  ];
  return el("span", { class: "push" }, made.map(([kind, act]) =>
    el("button", { type: "button", class: "plain", "data-export": kind, "aria-label": t("export", { kind, name: t(`file.${name}`) }), onclick: act }, `↓ ${kind}`)));
}

// columns, as the service sends them, become rows
export function rowsOf(columns) {
  const names = Object.keys(columns);
  return (columns[names[0]] ?? []).map((_, k) => Object.fromEntries(names.map((name) => [name, columns[name][k]])));
}
