"use strict";
// Draws what belongs to one person. Names and texts come from a log: they are only ever set as text, never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const DAY = 86400000;
  let current = data.start;
  let cursor = null;

  const node = (name, attributes = {}, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const figure = (value, digits = 2) => value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−");
  const percent = (share) => `${Math.round(share / 10)} %`;

  // Times: dates where a step is a day or longer, else with the hour; always UTC.
  const gap = (times) => {
    const gaps = times.slice(1).map((t, k) => t - times[k]).filter((d) => d > 0).sort((a, b) => a - b);
    return gaps.length ? gaps[Math.floor(gaps.length / 2)] : DAY;
  };
  const dated = (time, step) => new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", timeZone: "UTC", ...(step < DAY ? { hour: "2-digit", minute: "2-digit" } : {}),
  }).format(new Date(time));

  const strongest = (shares) => shares ? shares.indexOf(Math.max(...shares)) : -1;
  const ranked = (shares) => shares.map((share, k) => [share, data.categories[k]]).sort((a, b) => b[0] - a[0]);

  function drawChart(person) {
    const box = at("chart");
    if (!box) return;
    box.replaceChildren();
    const { times, horizons, pleasure, shares, truth } = person;
    if (!times.length) return box.append(element("p", { class: "missing" }, "Nothing was read of this person."));
    const stacked = shares.some((row) => row), lined = pleasure.some((p) => p !== null);
    const step = gap(times), width = Math.max(box.clientWidth, 260), left = width < 560 ? 30 : 78, right = 12;
    const first = times[0] - step / 2, end = times[times.length - 1] + step / 2;
    const x = (time) => left + (time - first) / (end - first) * (width - left - right);
    const topA = 12, heightA = lined ? 190 : 0, topB = topA + heightA + (lined ? 22 : 0), heightB = stacked ? 150 : 0;
    const strip = truth && stacked ? 20 : 0, height = topB + heightB + strip + 26;
    const y = (p) => topA + (1 - Math.max(-1, Math.min(1, p))) / 2 * heightA;
    const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    const text = (words, px, py, anchor = "end") => node("text", { x: px, y: py, "text-anchor": anchor }, words);
    const within = (list) => list.map((t, k) => [t, k]).filter(([t]) => t >= first && t <= end);
    const path = (points) => points.map(([px, py], k) => `${k ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    const lastSeen = horizons.lastIndexOf(0);

    if (lined) {
      for (const [p, words] of [[1, "pleasant"], [0, "0"], [-1, "unpleasant"]]) {
        svg.append(node("line", { class: "grid", x1: left, x2: width - right, y1: y(p), y2: y(p) }));
        svg.append(text(left < 50 ? { 1: "+1", 0: "0", [-1]: "−1" }[p] : words, left - 8, y(p) + 4));
      }
      if (truth) svg.append(node("path", { class: "truth", d: path(within(truth.times).map(([t, k]) => [x(t), y(truth.pleasure[k])])) }));
      const points = times.map((t, k) => [t, pleasure[k], horizons[k]]).filter((point) => point[1] !== null);
      const seen = points.filter((point) => point[2] === 0), next = points.filter((point) => point[2] > 0);
      const place = ([t, p]) => [x(t), y(p)];
      svg.append(node("path", { class: "read", d: path(seen.map(place)) }));
      if (next.length) svg.append(node("path", { class: "read next", d: path([...seen.slice(-1), ...next].map(place)) }));
      const radius = points.length > 120 ? 1.4 : 2.8;
      for (const point of points) {
        svg.append(node("circle", { class: point[2] ? "dot open" : "dot", cx: x(point[0]), cy: y(point[1]), r: point[2] ? radius + .7 : radius }));
      }
    }
    if (stacked) {
      const wide = Math.max(1.5, Math.min(26, x(first + step) - left - (width < 560 ? .6 : 1.5)));
      shares.forEach((row, k) => {
        let top = topB;
        (row || []).forEach((share, c) => {
          const tall = share / 1000 * heightB;
          svg.append(node("rect", { x: x(times[k]) - wide / 2, y: top, width: wide, height: tall, fill: data.colours[c], opacity: horizons[k] ? .5 : 1 }));
          top += tall;
        });
      });
      svg.append(text(left < 50 ? "1" : "100 %", left - 8, topB + 10), text("0", left - 8, topB + heightB));
      if (truth) {
        within(truth.times).forEach(([t, k]) => {
          const c = truth.category[k];
          if (c >= 0) svg.append(node("rect", { x: x(t) - wide / 2, y: topB + heightB + 7, width: wide, height: 11, fill: data.colours[c] }));
        });
        svg.append(text(left < 50 ? "true" : "true state", left - 4, topB + heightB + 17));
      }
    }
    if (lastSeen >= 0 && lastSeen < times.length - 1) {
      const px = x((times[lastSeen] + times[lastSeen + 1]) / 2);
      svg.append(node("line", { class: "last", x1: px, x2: px, y1: topA, y2: topB + heightB + strip }));
    }
    const ticks = Math.max(2, Math.min(times.length, Math.floor((width - left) / 110)));
    for (let k = 0; k < ticks; k += 1) {
      const t = times[Math.round(k * (times.length - 1) / Math.max(ticks - 1, 1))];
      svg.append(text(dated(t, step), x(t), height - 6, k === 0 && times.length > 1 ? "start" : k === ticks - 1 ? "end" : "middle"));
    }
    const line = node("line", { class: "cursor", y1: topA, y2: topB + heightB + strip, visibility: "hidden" });
    svg.append(line);
    box.append(svg);
    cursor = (k) => {
      const px = x(times[k]);
      line.setAttribute("x1", px);
      line.setAttribute("x2", px);
      line.setAttribute("visibility", "visible");
    };
    svg.addEventListener("pointermove", (event) => {
      const time = first + (event.clientX - svg.getBoundingClientRect().left - left) / (width - left - right) * (end - first);
      let near = 0;
      times.forEach((t, k) => { if (Math.abs(t - time) < Math.abs(times[near] - time)) near = k; });
      point(person, near);
    });
  }

  let pointed = 0;
  function point(person, k) {
    pointed = k;
    const { times, horizons, pleasure, shares, truth } = person;
    const words = [dated(times[k], gap(times)) + (horizons[k] ? " (forecast)" : "")];
    if (shares[k]) words.push(ranked(shares[k]).slice(0, 3).map(([share, name]) => `${name} ${percent(share)}`).join(", "));
    if (pleasure[k] !== null) words.push(`pleasure ${figure(pleasure[k])}`);
    const true_ = truth ? truth.times.indexOf(times[k]) : -1;
    if (true_ >= 0) words.push(`in truth: ${data.categories[truth.category[true_]] || "?"}, pleasure ${figure(truth.pleasure[true_])}`);
    at("readout").textContent = words.join(" · ");
    const chart = at("chart");
    chart.setAttribute("aria-valuemin", 0);
    chart.setAttribute("aria-valuemax", times.length - 1);
    chart.setAttribute("aria-valuenow", k);
    chart.setAttribute("aria-valuetext", words.join(", "));
    if (cursor) cursor(k);
  }

  function drawNow(person) {
    const now = at("now");
    if (!now) return;
    const last = person.horizons.lastIndexOf(0), next = person.horizons.indexOf(1);
    const said = (k) => {
      if (k < 0 || !person.shares[k]) return null;
      const best = strongest(person.shares[k]);
      return `${data.categories[best]} (${percent(person.shares[k][best])})`;
    };
    const words = [said(last) && `${person.name} feels ${said(last)} at the last step seen`, said(next) && `next: ${said(next)}`];
    now.textContent = words.filter(Boolean).join("; ") + (words.some(Boolean) ? "." : "");
  }

  function drawLegend(person) {
    const legend = at("legend");
    if (!legend) return;
    const line = (kind, words) => element("span", {}, element("i", { class: `line ${kind}` }), words);
    legend.replaceChildren(...data.categories.map((name, k) => {
      const chip = element("i");
      chip.style.background = data.colours[k];
      return element("span", {}, chip, name);
    }));
    if (person.pleasure.some((p) => p !== null)) legend.append(line("read", "pleasure, as read"));
    if (person.horizons.some((h) => h > 0)) legend.append(line("next", "forecast"));
    if (person.truth) legend.append(line("truth", "pleasure, in truth"));
  }

  function drawTies(person) {
    const network = at("network");
    if (!network) return;
    const side = (ties) => ties.flatMap(([name, effect], k) => {
      const sign = effect >= 0 ? "up" : "down";
      return [k ? ", " : "", name, " ", element("span", { class: sign }, `${effect >= 0 ? "▲" : "▼"} ${figure(Math.abs(effect), 3)}`)];
    });
    const says = (words, ties) => ties.length ? [element("strong", {}, person.name), ` ${words} `, ...side(ties), ". "] : [];
    const all = [...says("is moved most by", person.moved), ...says("moves most", person.moves)];
    at("ties").replaceChildren(...(all.length ? all : [`Nobody is known to move ${person.name}, or to be moved.`]));
    highlight(network.querySelector(`.node[data-person="${current}"]`), false);
  }

  // Marks a person and whom arrows join to them; with `alone`, everything else fades.
  function highlight(me, alone) {
    const network = at("network");
    network.querySelectorAll(".on, .me").forEach((part) => part.classList.remove("on", "me"));
    network.classList.toggle("focused", Boolean(me && alone));
    if (!me) return;
    me.classList.add("on", "me");
    for (const arrow of network.querySelectorAll(".arrow")) {
      const { s, t } = arrow.dataset;
      if (s !== me.dataset.k && t !== me.dataset.k) continue;
      arrow.classList.add("on");
      network.querySelector(`.node[data-k="${s === me.dataset.k ? t : s}"]`).classList.add("on");
    }
  }

  function drawItems(person) {
    const box = at("items");
    if (!box) return;
    if (!person.items.length) return box.replaceChildren(element("p", { class: "missing" }, `Nothing is recommended to ${person.name}.`));
    const known = person.items.some((item) => item.chance !== null);
    const head = ["", "Item", "value", ...(known ? ["true chance of a click"] : []), "why"];
    const rows = person.items.map((item, k) => element("tr", {},
      element("td", {}, String(k + 1)), element("th", { scope: "row" }, item.title), element("td", {}, figure(item.value)),
      ...(known ? [element("td", {}, item.chance === null ? "–" : percent(item.chance * 1000))] : []),
      element("td", { class: "wrap" }, item.reason || "")));
    box.replaceChildren(element("table", {},
      element("caption", {}, `For ${person.name}, now`),
      element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...rows)));
  }

  function select(k) {
    if (!data.people.length) return;
    current = (k + data.people.length) % data.people.length;
    const person = data.people[current];
    document.querySelectorAll("select.person").forEach((choice) => { choice.value = String(current); });
    drawNow(person);
    drawLegend(person);
    drawChart(person);
    if (at("readout") && person.times.length) point(person, Math.max(person.horizons.lastIndexOf(0), 0));
    else if (at("readout")) at("readout").textContent = "";
    drawTies(person);
    drawItems(person);
  }

  document.querySelectorAll("select.person").forEach((choice) => choice.addEventListener("change", () => select(Number(choice.value))));
  document.querySelectorAll("button.step").forEach((button) => {
    button.addEventListener("click", () => select(current + Number(button.dataset.step)));
  });
  const chart = at("chart");
  if (chart) {
    chart.addEventListener("keydown", (event) => {
      const person = data.people[current], last = person.times.length - 1;
      const to = { ArrowLeft: pointed - 1, ArrowRight: pointed + 1, Home: 0, End: last }[event.key];
      if (to === undefined || last < 0) return;
      event.preventDefault();
      point(person, Math.max(0, Math.min(last, to)));
    });
    let width = chart.clientWidth;
    new ResizeObserver(() => {
      if (chart.clientWidth === width || !data.people.length) return;
      width = chart.clientWidth;
      drawChart(data.people[current]);
      if (data.people[current].times.length) point(data.people[current], pointed);
    }).observe(chart);
  }
  const network = at("network");
  if (network) {
    network.addEventListener("pointerover", (event) => { const over = event.target.closest(".node"); if (over) highlight(over, true); });
    network.addEventListener("pointerleave", () => highlight(network.querySelector(`.node[data-person="${current}"]`), false));
    network.addEventListener("click", (event) => {
      const over = event.target.closest(".node");
      if (over && over.dataset.person !== undefined) select(Number(over.dataset.person));
    });
  }
  const copy = at("copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(at("commands").textContent);
      copy.textContent = "Copied";
    });
  }
  select(current);
})();
