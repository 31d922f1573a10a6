// Where in the run the time went: one lane for the model, one for the tools, and a map of a long run.

import { h } from "./dom.js";
import { deed, seconds } from "./format.js";

const IN_VIEW = 48; // steps drawn one by one; of a longer run those around the one that is open
const KINDS = [
  ["wait", "until the first token"],
  ["thought", "thinking"],
  ["writing", "writing"],
  ["tool", "tools"],
];

/** The pieces of a step, as `[kind, from, length]` in seconds. */
export function pieces(step) {
  const found = [];
  const model = step.model;
  if (model && !model.replayed) {
    const wait = Math.min(model.first_token_seconds ?? 0, model.seconds);
    const rest = model.seconds - wait;
    const counts = Object.values(model.channels);
    const all = counts.reduce((sum, each) => sum + each, 0);
    const thinking = all ? (rest * (model.channels.analysis ?? 0)) / all : 0;
    found.push(["wait", step.began, wait], ["thought", step.began + wait, thinking]);
    found.push(["writing", step.began + wait + thinking, rest - thinking]);
  }
  for (const use of step.tools) if (use.returned) found.push(["tool", use.began, use.returned.seconds]);
  return found.filter(([, , length]) => length > 0);
}

export class Timeline {
  constructor(open) {
    this.open = open;
    this.lanes = h("div", { class: "lanes" });
    this.map = h("canvas", { class: "map", height: "28", hidden: true });
    this.totals = h("p", { class: "totals" });
    const picture = h(
      "div",
      { role: "img", "aria-label": "Where the time went; the steps below tell the same" },
      this.lanes,
      this.map,
    );
    this.element = h("section", { class: "timeline", "aria-label": "Timeline" }, picture, this.totals);
    this.lanes.addEventListener("click", (event) => {
      const bar = event.target.closest("[data-step]");
      if (bar) this.open(Number(bar.dataset.step));
    });
    this.map.addEventListener("click", (event) => {
      const share = event.offsetX / this.map.clientWidth;
      const step = this.steps.findLast((each) => each.began <= share * this.length) ?? this.steps[0];
      this.open(step.number);
    });
  }

  show(steps, current) {
    this.steps = steps;
    this.pieces = steps.map(pieces);
    const ends = this.pieces.flat().map(([, from, length]) => from + length);
    this.length = ends.reduce((latest, end) => Math.max(latest, end), 0) || 1;
    this.element.hidden = !steps.length;
    this.map.hidden = steps.length <= IN_VIEW;
    this.shown = null;
    this.sums();
    this.at(current);
  }

  /** Draw the steps around the one that is open. */
  at(current) {
    const index = Math.max(
      0,
      this.steps.findIndex((step) => step.number === current),
    );
    const first = Math.max(0, Math.min(index - IN_VIEW / 2, this.steps.length - IN_VIEW));
    const last = Math.min(this.steps.length, first + IN_VIEW);
    if (this.shown !== first) this.draw(first, last);
    this.shown = first;
    for (const bar of this.lanes.querySelectorAll("[data-step]"))
      bar.classList.toggle("current", Number(bar.dataset.step) === current);
    if (!this.map.hidden) requestAnimationFrame(() => this.drawMap(first, last)); // once all has its place
  }

  draw(first, last) {
    const all = this.pieces.slice(first, last).flat();
    const from = last - first < this.steps.length ? (this.steps[first]?.began ?? 0) : 0;
    const until = last < this.steps.length ? this.steps[last].began : this.length;
    const span =
      Math.max(
        until - from,
        all.reduce((sum, [, at, length]) => Math.max(sum, at + length - from), 0),
      ) || 1;
    this.lanes.replaceChildren();
    for (let at = first; at < last; at += 1) {
      const step = this.steps[at];
      for (const [kind, began, length] of this.pieces[at]) {
        const style = { left: `${((began - from) / span) * 100}%`, width: `${(length / span) * 100}%` };
        const told = `step ${step.number}, ${deed(step)}: ${KINDS.find(([name]) => name === kind)[1]} ${seconds(length)}`;
        this.lanes.append(h("div", { class: `bar ${kind}`, "data-step": step.number, title: told, style }));
      }
    }
  }

  drawMap(first, last) {
    const ratio = window.devicePixelRatio || 1;
    const width = this.map.clientWidth;
    const height = 28;
    this.map.width = width * ratio;
    this.map.height = height * ratio;
    const ink = this.map.getContext("2d");
    ink.scale(ratio, ratio);
    const colours = getComputedStyle(this.element);
    const end = last < this.steps.length ? this.steps[last].began : this.length;
    const begin = this.steps[first].began;
    ink.fillStyle = colours.getPropertyValue("--raised");
    ink.fillRect(
      (begin / this.length) * width,
      0,
      Math.max(6, ((end - begin) / this.length) * width),
      height,
    );
    for (const [kind] of KINDS) {
      ink.fillStyle = colours.getPropertyValue(`--${kind}`);
      for (const each of this.pieces)
        for (const [name, from, length] of each)
          if (name === kind)
            ink.fillRect(
              (from / this.length) * width,
              name === "tool" ? 17 : 5,
              Math.max(0.5, (length / this.length) * width),
              name === "tool" ? 6 : 10,
            );
    }
  }

  sums() {
    const all = this.pieces.flat();
    const told = KINDS.map(([kind, name]) => [
      kind,
      name,
      all.reduce((sum, [own, , length]) => sum + (own === kind ? length : 0), 0),
    ]);
    this.totals.replaceChildren(
      ...told
        .filter(([, , sum]) => sum > 0)
        .map(([kind, name, sum]) =>
          h("span", {}, h("i", { class: `swatch ${kind}` }), `${name} `, h("b", {}, seconds(sum))),
        ),
    );
  }
}
