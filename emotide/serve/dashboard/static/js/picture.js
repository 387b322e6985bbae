// The network on a canvas: arrows once in a while, people every frame, one path a colour.

import { colourOf } from "./dom.js";

const NAMED = 9000; // square pixels a person in sight, from which on names are written
const PLAIN = 4000; // arrows beyond which heads are left out
const TURN = Math.PI * 2;

export class Picture {
  // data: of /v1/dashboard/network; told: {point(person or null), open(person)}
  constructor(canvas, data, told) {
    Object.assign(this, { canvas, data, told, scale: 1, dx: 0, dy: 0, at: data.times.length - 1, hover: null, chosen: null });
    this.shown = data.people.user.map(() => true);
    this.arrows = data.arrows.source.map((_, k) => k);
    this.back = document.createElement("canvas");
    this.neighbours = new Map();
    data.arrows.source.forEach((source, k) => {
      for (const end of [source, data.arrows.target[k]]) {
        if (!this.neighbours.has(end)) this.neighbours.set(end, []);
        this.neighbours.get(end).push(k);
      }
    });
    this.strongest = data.arrows.strength.reduce((most, value) => Math.max(most, value), 1e-9);
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.all());
    this.listen();
    this.resize();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), dense = Math.min(devicePixelRatio || 1, 2);
    if (!box.width) return;
    Object.assign(this, { width: box.width, height: box.height, dense });
    for (const canvas of [this.canvas, this.back]) Object.assign(canvas, { width: Math.round(box.width * dense), height: Math.round(box.height * dense) });
    this.all();
  }

  mood(person, at = this.at) {
    return this.data.moods[person].codePointAt(at) - 48; // 0: not yet read
  }

  colour(person) {
    const mood = this.mood(person);
    return mood > 0 ? this.data.colours[mood - 1] : this.unknown;
  }

  x(person) { return this.dx + this.scale * (this.margin + this.data.people.x[person] * (this.width - 2 * this.margin)); }
  y(person) { return this.dy + this.scale * (this.margin + this.data.people.y[person] * (this.height - 2 * this.margin)); }
  get margin() { return Math.min(46, this.width * 0.08); }
  get radius() {
    const crowd = Math.sqrt((this.width * this.height) / Math.max(this.shown.length, 1)) * 0.2;
    return Math.max(2, Math.min(11, crowd)) * Math.sqrt(this.scale);
  }

  // everything anew: after a change of place, of size, of what is filtered
  all() {
    this.unknown = colourOf("--unknown");
    const ink = this.back.getContext("2d");
    ink.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    ink.clearRect(0, 0, this.width, this.height);
    this.draw_arrows(ink, this.arrows, this.arrows.length > PLAIN ? 0.07 : this.arrows.length > 600 ? 0.22 : 0.42, this.arrows.length <= PLAIN);
    this.draw();
  }

  draw_arrows(ink, arrows, alpha, heads) {
    const { source, target, effect, strength } = this.data.arrows;
    for (const [up, colour, dash] of [[true, colourOf("--up"), []], [false, colourOf("--down"), [5, 4]]]) {
      ink.strokeStyle = ink.fillStyle = colour;
      ink.setLineDash(arrows.length > PLAIN ? [] : dash);
      const widths = [[], [], [], []];
      for (const k of arrows) if ((effect[k] >= 0) === up) widths[Math.min(3, Math.floor((4 * strength[k]) / this.strongest))].push(k);
      widths.forEach((some, level) => {
        if (!some.length) return;
        ink.globalAlpha = Math.min(1, alpha * (1 + 0.4 * level));
        ink.lineWidth = (heads ? 0.7 : 0.5) + level * (heads ? 0.8 : 0.3);
        const tips = new Path2D(), lines = new Path2D();
        for (const k of some) this.arrow(lines, heads ? tips : null, source[k], target[k], 4 + level);
        ink.stroke(lines);
        if (heads) ink.fill(tips);
      });
    }
    ink.globalAlpha = 1;
    ink.setLineDash([]);
  }

  // a curve to the left of its way, so that there and back are two
  arrow(lines, tips, from, to, size) {
    const ax = this.x(from), ay = this.y(from), bx = this.x(to), by = this.y(to);
    const length = Math.hypot(bx - ax, by - ay);
    if (length < 1) return;
    const mx = (ax + bx) / 2 + (by - ay) * 0.13, my = (ay + by) / 2 - (bx - ax) * 0.13;
    const way = Math.hypot(bx - mx, by - my), ux = (bx - mx) / way, uy = (by - my) / way, gap = this.radius + 1.5;
    const ex = bx - ux * gap, ey = by - uy * gap;
    lines.moveTo(ax, ay);
    lines.quadraticCurveTo(mx, my, ex, ey);
    if (!tips) return;
    tips.moveTo(ex, ey);
    tips.lineTo(ex - ux * size * 1.6 - uy * size * 0.7, ey - uy * size * 1.6 + ux * size * 0.7);
    tips.lineTo(ex - ux * size * 1.6 + uy * size * 0.7, ey - uy * size * 1.6 - ux * size * 0.7);
    tips.closePath();
  }

  // the people, over the arrows that were drawn before
  draw() {
    const ink = this.canvas.getContext("2d"), focus = this.hover ?? this.chosen;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ink.globalAlpha = focus === null ? 1 : 0.22;
    ink.drawImage(this.back, 0, 0);
    ink.globalAlpha = 1;
    ink.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    const own = focus === null ? [] : (this.neighbours.get(focus) ?? []).filter((k) => this.kept === undefined || this.kept.has(k));
    const near = new Set(own.flatMap((k) => [this.data.arrows.source[k], this.data.arrows.target[k]]));
    if (focus !== null) near.add(focus);
    const paths = new Map(), inside = [], r = this.radius;
    for (let k = 0; k < this.shown.length; k++) {
      if (!this.shown[k]) continue;
      const x = this.x(k), y = this.y(k);
      if (x < -r || y < -r || x > this.width + r || y > this.height + r) continue;
      if (!near.has(k)) inside.push(k);
      const key = this.colour(k) + (focus === null || near.has(k) ? "" : " far");
      if (!paths.has(key)) paths.set(key, new Path2D());
      paths.get(key).moveTo(x + r, y);
      paths.get(key).arc(x, y, r, 0, TURN);
    }
    ink.strokeStyle = colourOf("--ring");
    ink.lineWidth = r > 4 ? 1.5 : 0.5;
    for (const [key, some] of [...paths].sort(([a], [b]) => b.endsWith("far") - a.endsWith("far"))) {
      ink.globalAlpha = key.endsWith("far") ? 0.35 : 1;
      ink.fillStyle = key.split(" ")[0];
      ink.fill(some);
      ink.stroke(some);
    }
    ink.globalAlpha = 1;
    if (own.length) this.draw_arrows(ink, own, 0.8, true);
    if (focus !== null) {
      ink.beginPath();
      ink.arc(this.x(focus), this.y(focus), r + 3.5, 0, TURN);
      ink.lineWidth = 2.5;
      ink.strokeStyle = colourOf("--ink");
      ink.stroke();
    }
    if (focus === null && inside.length * NAMED <= this.width * this.height) this.write(ink, inside);
    else this.write(ink, near.size > 60 ? [focus] : [...near].filter((k) => this.shown[k]));
  }

  write(ink, people) {
    ink.font = `12px ${colourOf("--sans")}`;
    ink.textAlign = "center";
    ink.lineJoin = "round";
    ink.lineWidth = 3.5;
    ink.strokeStyle = colourOf("--card");
    ink.fillStyle = colourOf("--ink");
    for (const k of people) {
      const name = this.data.people.user[k], text = name.length > 15 ? `${name.slice(0, 14)}…` : name;
      ink.strokeText(text, this.x(k), this.y(k) + this.radius + 13);
      ink.fillText(text, this.x(k), this.y(k) + this.radius + 13);
    }
  }

  nearest(x, y, within) {
    let best = null, far = within ** 2;
    for (let k = 0; k < this.shown.length; k++) {
      if (!this.shown[k]) continue;
      const d = (this.x(k) - x) ** 2 + (this.y(k) - y) ** 2;
      if (d < far) [best, far] = [k, d];
    }
    return best;
  }

  // the nearest person in a direction, for the arrow keys
  beside(person, ux, uy) {
    let best = person, least = Infinity;
    for (let k = 0; k < this.shown.length; k++) {
      if (!this.shown[k] || k === person) continue;
      const vx = this.x(k) - this.x(person), vy = this.y(k) - this.y(person), along = vx * ux + vy * uy;
      const cost = along > 0 ? Math.hypot(vx, vy) + 2 * Math.abs(vx * uy - vy * ux) : Infinity;
      if (cost < least) [best, least] = [k, cost];
    }
    return best;
  }

  zoom(by, x = this.width / 2, y = this.height / 2) {
    const scale = Math.max(1, Math.min(24, this.scale * by)), grown = scale / this.scale;
    this.dx = x - (x - this.dx) * grown;
    this.dy = y - (y - this.dy) * grown;
    this.scale = scale;
    this.settle();
  }

  settle() { // the picture may not leave its frame
    this.dx = Math.min(0, Math.max(this.width * (1 - this.scale), this.dx));
    this.dy = Math.min(0, Math.max(this.height * (1 - this.scale), this.dy));
    this.soon ??= requestAnimationFrame(() => { this.soon = null; this.all(); });
  }

  centre(person) {
    if (this.scale === 1) return;
    this.dx += this.width / 2 - this.x(person);
    this.dy += this.height / 2 - this.y(person);
    this.settle();
  }

  listen() {
    const { canvas } = this;
    let from = null, moved = false;
    const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; moved = false; });
    canvas.addEventListener("pointermove", (event) => {
      if (from && event.buttons && this.scale > 1) {
        if (Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 3) moved = true;
        this.dx += event.clientX - from[0];
        this.dy += event.clientY - from[1];
        from = [event.clientX, event.clientY];
        canvas.classList.add("dragging");
        this.settle();
        return;
      }
      const found = this.nearest(...place(event), this.radius + 7);
      canvas.classList.toggle("over", found !== null);
      if (found !== this.hover) { this.hover = found; this.told.point(found); this.draw(); }
    });
    canvas.addEventListener("pointerleave", () => { if (this.hover !== null) { this.hover = null; this.told.point(null); this.draw(); } });
    addEventListener("pointerup", () => { from = null; canvas.classList.remove("dragging"); });
    canvas.addEventListener("click", (event) => { const found = this.nearest(...place(event), this.radius + 9); if (!moved) this.told.choose(found); });
    canvas.addEventListener("dblclick", (event) => { const found = this.nearest(...place(event), this.radius + 9); if (found !== null) this.told.open(found); });
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return; // the page scrolls, until the picture was chosen
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0016), ...place(event));
    }, { passive: false });
  }
}
