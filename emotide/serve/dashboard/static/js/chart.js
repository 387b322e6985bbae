// Charts over time: shares stacked, or lines with bands; read by pointer and by arrow keys.

import { el, svg } from "./dom.js";
import { date, t } from "./words.js";

export const LINES = ["#0072b2", "#d55e00", "#009e73", "#b65f9a", "#b8860b", "#56b4e9", "#882255", "#7a7f87"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3"];
const LEFT = 46, RIGHT = 12, TOP = 12, BOTTOM = 26;

// stacked: boolean; times: ISO texts; series: [{name, colour, values, low?, high?}]; edge: first index of the forecast;
// range: [low, high] of y; tell: value => text; counts: bars in the background
export function chart({ label, times, series, stacked = false, edge = times.length, range, tell, height = 230, counts = null, read = null }) {
  const clock = times.map((time) => Date.parse(time));
  const holder = el("div", {
    tabindex: "0", role: "slider", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": times.length - 1,
  });
  const readout = el("p", { class: "readout" });
  let at = Math.max(0, Math.min(edge, times.length) - 1), width = 0;
  const ends = range ?? spread(series);
  const known = times.length > 1 && clock.at(-1) > clock[0];
  const x = (k) => LEFT + (width - LEFT - RIGHT) * (known ? (clock[k] - clock[0]) / (clock.at(-1) - clock[0]) : 0.5);
  const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - (value - ends[0]) / (ends[1] - ends[0] || 1));
  let cursor = null;

  function point(k) {
    at = Math.max(0, Math.min(times.length - 1, k));
    cursor?.setAttribute("x1", x(at));
    cursor?.setAttribute("x2", x(at));
    const parts = read ? read(at) : series.filter((s) => s.values[at] !== null)
      .sort((a, b) => (stacked ? b.values[at] - a.values[at] : 0)).slice(0, 4).map((s) => `${s.name} ${tell(s.values[at])}`);
    const when = date(times[at]) + (at >= edge ? ` (${t("forecast")})` : "");
    readout.replaceChildren(el("b", null, when), "  ", parts.join(" · ") || t("too.few"));
    holder.setAttribute("aria-valuenow", at);
    holder.setAttribute("aria-valuetext", `${when}: ${parts.join(", ")}`);
  }

  function draw() {
    width = Math.max(240, holder.clientWidth);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    if (counts) {
      const most = Math.max(1, ...counts), w = Math.max(1, (width - LEFT - RIGHT) / times.length - 2);
      counts.forEach((n, k) => picture.append(svg("rect", { class: "count-bar", x: x(k) - w / 2, width: w,
        y: height - BOTTOM - 46 * n / most, height: 46 * n / most })));
    }
    const ticks = [0, 0.5, 1].map((share) => ends[0] + share * (ends[1] - ends[0]));
    if (stacked) stack(picture); // the lines of the grid stand over the areas
    for (const tick of ticks) {
      picture.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
        svg("text", { x: LEFT - 7, y: y(tick) + 4, "text-anchor": "end" }, tell(tick)));
    }
    if (!stacked) lines(picture);
    const between = Math.max(2, Math.floor((width - LEFT) / 110));
    const marks = known ? [...new Set(Array.from({ length: between }, (_, k) => nearest(clock[0] + (clock.at(-1) - clock[0]) * k / (between - 1))))] : [0];
    marks.forEach((k, place) => picture.append(svg("text", { x: x(k), y: height - 7,
      "text-anchor": known && place === 0 ? "start" : known && place === marks.length - 1 ? "end" : "middle" }, date(times[k], true))));
    if (edge > 0 && edge < times.length) {
      const begin = (x(edge - 1) + x(edge)) / 2;
      if (stacked) picture.append(svg("rect", { class: "veil", x: begin, width: width - RIGHT - begin, y: TOP, height: height - TOP - BOTTOM }));
      picture.append(svg("line", { class: "edge", x1: begin, x2: begin, y1: TOP, y2: height - BOTTOM }));
    }
    cursor = svg("line", { class: "cursor", y1: TOP, y2: height - BOTTOM });
    picture.append(cursor);
    holder.replaceChildren(picture);
    point(at);
  }

  function stack(picture) {
    const base = times.map(() => 0);
    for (const s of series) {
      for (const [a, b] of runs(s.values)) {
        const low = [], high = [];
        for (let k = a; k <= b; k++) {
          low.push([x(k), y(base[k])]);
          base[k] += s.values[k];
          high.push([x(k), y(base[k])]);
        }
        if (a === b) for (const side of [low, high]) side.splice(0, 1, [side[0][0] - 9, side[0][1]], [side[0][0] + 9, side[0][1]]);
        picture.append(svg("path", { d: path([...low, ...high.reverse()]) + "Z", fill: s.colour }));
      }
    }
  }

  function lines(picture) {
    series.forEach((s, place) => {
      for (const [a, b] of runs(s.values)) {
        const points = [];
        for (let k = a; k <= b; k++) points.push([x(k), y(s.values[k])]);
        if (s.low) {
          const up = [], down = [];
          for (let k = a; k <= b; k++) { up.push([x(k), y(Math.min(s.high[k], ends[1]))]); down.unshift([x(k), y(Math.max(s.low[k], ends[0]))]); }
          picture.append(svg("path", { class: "band", d: path([...up, ...down]) + "Z", fill: s.colour }));
        }
        const cut = Math.max(0, Math.min(points.length, edge - a));
        const dash = DASHES[place % DASHES.length];
        const add = (some, dashes) => some.length > 1 && picture.append(svg("path", { class: "line-path", d: path(some), stroke: s.colour, "stroke-dasharray": dashes }));
        add(points.slice(0, cut), dash);
        add(points.slice(Math.max(0, cut - 1)), cut < points.length ? "3 4" : dash);
        if (a === b) picture.append(svg("circle", { cx: points[0][0], cy: points[0][1], r: 3.5, fill: s.colour }));
      }
    });
  }

  const nearest = (time) => clock.reduce((best, c, k) => (Math.abs(c - time) < Math.abs(clock[best] - time) ? k : best), 0);
  const follow = (event) => {
    const share = (event.clientX - holder.getBoundingClientRect().left - LEFT) / (width - LEFT - RIGHT);
    point(known ? nearest(clock[0] + share * (clock.at(-1) - clock[0])) : 0);
  };
  holder.addEventListener("pointermove", follow);
  holder.addEventListener("pointerdown", follow);
  holder.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
    if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    point(at + moves[event.key]);
  });
  new ResizeObserver(() => { if (holder.clientWidth && Math.max(240, holder.clientWidth) !== width) draw(); }).observe(holder);
  point(at);
  const swatch = (s, k) => (stacked ? el("span", { class: "dot", tint: s.colour }) : dashed(s.colour, DASHES[k % DASHES.length]));
  const legend = el("ul", { class: "legend" }, series.map((s, k) => el("li", { class: "key" }, swatch(s, k), s.name)));
  return el("div", { class: "chart" }, holder, readout, series.length > 1 || stacked ? legend : null);
}

function dashed(colour, dashes) {
  return svg("svg", { width: 26, height: 8, "aria-hidden": "true" }, svg("line", { x1: 0, x2: 26, y1: 4, y2: 4, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dashes }));
}

const path = (points) => points.map(([a, b], k) => `${k ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");

// the first and last index of each stretch without a gap
function runs(values) {
  const found = [];
  values.forEach((value, k) => {
    if (value === null || value === undefined) return;
    if (found.length && found.at(-1)[1] === k - 1) found.at(-1)[1] = k;
    else found.push([k, k]);
  });
  return found;
}

function spread(series) {
  const all = series.flatMap((s) => [...s.values, ...(s.low ?? []), ...(s.high ?? [])]).filter((value) => value !== null);
  const low = Math.min(...all), high = Math.max(...all), margin = (high - low || Math.abs(high) || 1) * 0.08;
  return all.length ? [low - margin, high + margin] : [0, 1];
}
