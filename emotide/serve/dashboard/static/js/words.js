// English and Chinese: a table of words each, numbers and dates as the language writes them.

export const LANGUAGES = ["en", "zh"];
let words = {};
let language = "en";

export function chosen() {
  const kept = localStorage.getItem("emotide.language");
  if (LANGUAGES.includes(kept)) return kept;
  const wanted = (navigator.languages ?? [navigator.language]).map((name) => name.slice(0, 2).toLowerCase());
  return wanted.find((name) => LANGUAGES.includes(name)) ?? "en";
}

export async function speak(name) {
  const answer = await fetch(`/dashboard/words/${name}.json`);
  words = await answer.json();
  language = name;
  document.documentElement.lang = name === "zh" ? "zh-CN" : "en";
}

export const spoken = () => language;
export const has = (key) => key in words;

export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// the word for an emotion, a space, a network without a name: as it stands where no table knows it
export function emotion(name) {
  if (has(`emotion.${name}`)) return t(`emotion.${name}`);
  const [, side, rest] = /^(high|low) (.*)$/.exec(name) ?? [];
  if (side) return t(`side.${side}`, { name: emotion(rest) });
  const [, axis, level] = /^(.*) (\d)$/.exec(name) ?? [];
  return axis ? `${emotion(axis)} ${level}/9` : name;
}

export const networkName = (name) => (name === "" ? t("unnamed") : name);

export function number(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const whole = Number.isInteger(value);
  return new Intl.NumberFormat(language, whole ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

export function signed(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return (value > 0 ? "+" : value < 0 ? "−" : "") + number(Math.abs(value), digits);
}

export function percent(value) {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(value);
}

export function date(value, short = false) {
  if (!value) return "–";
  const at = typeof value === "string" || typeof value === "number" ? new Date(value) : value;
  if (Number.isNaN(at.getTime())) return String(value);
  const midnight = at.getTime() % 86400000 === 0;
  const day = short ? { month: "short", day: "numeric" } : { year: "numeric", month: "short", day: "numeric" };
  const clock = midnight ? {} : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { ...day, ...clock, timeZone: "UTC" }).format(at);
}
