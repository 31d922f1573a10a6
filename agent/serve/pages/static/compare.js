// Two runs side by side: steps that did the same are paired, the first difference is in view.

import { modelOf, verifiedOf } from "./answer.js";
import { foreign, h, oneLine } from "./dom.js";
import { deed, number, outcome, seconds, subject } from "./format.js";
import { markdown } from "./markdown.js";

/** The steps of two runs in pairs; one of a pair may be missing. Those with one sign did the same. */
export function pairs(left, right) {
  let first = 0;
  while (first < left.length && first < right.length && left[first].sign === right[first].sign) first += 1;
  let last = 0;
  while (
    last < Math.min(left.length, right.length) - first &&
    left.at(-1 - last).sign === right.at(-1 - last).sign
  )
    last += 1;
  const a = left.slice(first, left.length - last);
  const b = right.slice(first, right.length - last);
  const same = (count, from, other) =>
    Array.from({ length: count }, (_, at) => ({
      left: left[from + at],
      right: right[other + at],
      same: true,
    }));
  return [...same(first, 0, 0), ...between(a, b), ...same(last, left.length - last, right.length - last)];
}

/** The longest common steps; what lies between two of them is paired as it comes. */
function between(a, b) {
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      longest[i * width + j] =
        a[i].sign === b[j].sign
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
  const made = [];
  let only = [[], []];
  const flush = () => {
    for (let at = 0; at < Math.max(only[0].length, only[1].length); at += 1)
      made.push({ left: only[0][at], right: only[1][at], same: false });
    only = [[], []];
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i].sign === b[j].sign) {
      flush();
      made.push({ left: a[i++], right: b[j++], same: true });
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1]))
      only[0].push(a[i++]);
    else only[1].push(b[j++]);
  }
  flush();
  return made;
}

const FIGURES = [
  ["time", (run) => run.figures.seconds, seconds],
  ["steps", (run) => run.figures.steps, number],
  ["searches", (run) => run.figures.searches, number],
  ["prompt tokens", (run) => run.figures.prompt_tokens, number],
  ["generated tokens", (run) => run.figures.completion_tokens, number],
  ["of them thought", (run) => run.figures.reasoning_tokens, number],
  ["citations", (run) => run.figures.citations, number],
  ["verified", (run) => verifiedOf(run), number],
];

export class ComparePage {
  constructor(left, right, links) {
    this.links = links;
    this.runs = [left, right];
    this.pairs = pairs(left.steps, right.steps);
    const parts = this.pairs.findIndex((pair) => !pair.same);
    const rows = this.pairs.map((pair, index) => this.row(pair, index === parts));
    const same = oneLine(left.answer) === oneLine(right.answer);
    this.element = h(
      "main",
      { class: "compare" },
      h(
        "header",
        { class: "top" },
        h("h1", {}, "Two runs"),
        h(
          "div",
          { class: "tools" },
          h("a", { href: links.list }, "All runs"),
          h(
            "button",
            { type: "button", class: "plain", "aria-label": "Keys", click: () => links.help() },
            "?",
          ),
        ),
      ),
      h("div", { class: "heads" }, this.head("A", left), this.head("B", right)),
      h(
        "table",
        { class: "figures" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["", "A", "B", "B − A"].map((name) =>
              h(name ? "th" : "td", name ? { scope: "col", class: "figure" } : {}, name),
            ),
          ),
        ),
        h("tbody", {}, this.figures()),
      ),
      h("h2", {}, parts < 0 ? "They did the same" : "Steps"),
      h(
        "table",
        { class: "pairs" },
        h(
          "thead",
          { class: "offscreen" },
          h(
            "tr",
            {},
            ["A", "B"].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h("tbody", {}, rows),
      ),
      h("h2", {}, same ? "The answers are the same" : "The answers differ"),
      h(
        "div",
        { class: "heads answers" },
        (same ? [left] : this.runs).map((run) =>
          run.answer ? markdown(run.answer, () => null) : h("p", { class: "quiet" }, "There is no answer."),
        ),
      ),
    );
  }

  get keys() {
    return [
      [["j"], "the next difference", () => this.move(1)],
      [["k"], "the difference before", () => this.move(-1)],
      [["b", "Escape"], "back to the list", () => location.assign(this.links.list)],
    ];
  }

  /** Bring the first difference into view. */
  arrived() {
    this.element.querySelector("tr.parts")?.scrollIntoView({ block: "nearest" });
  }

  head(mark, run) {
    const end = outcome(run.ended?.stop_reason);
    return h(
      "section",
      {},
      h(
        "h2",
        {},
        h("span", { class: "badge" }, mark),
        " ",
        h("a", { href: this.links.run(run.trace_id), dir: "auto" }, oneLine(run.started.question, 300)),
      ),
      h(
        "p",
        { class: "facts" },
        h("span", { class: `outcome ${end.kind}` }, end.text),
        " · ",
        modelOf(run.started),
        run.started.reasoning_effort ? ` · reasoning ${run.started.reasoning_effort}` : null,
      ),
    );
  }

  figures() {
    return FIGURES.map(([name, of, shown]) => {
      const [a, b] = this.runs.map(of);
      const sign = b > a ? "+" : b < a ? "−" : "";
      return h(
        "tr",
        { class: a === b ? "quiet" : null },
        h("th", { scope: "row" }, name),
        h("td", { class: "figure" }, shown(a)),
        h("td", { class: "figure" }, shown(b)),
        h("td", { class: "figure" }, sign ? `${sign}${shown(Math.abs(b - a))}` : "="),
      );
    });
  }

  row(pair, parts) {
    const cell = (run, step) =>
      h(
        "td",
        {},
        step
          ? h(
              "a",
              { href: this.links.run(run.trace_id, `step-${step.number}`), "data-step": step.number },
              h("span", { class: "ordinal" }, step.number),
              " ",
              h("b", {}, foreign(deed(step))),
              " ",
              foreign(oneLine(subject(step), 200)),
            )
          : null,
      );
    const kind = [pair.same ? "same" : "different", parts ? "parts" : null].filter(Boolean).join(" ");
    return h("tr", { class: kind }, cell(this.runs[0], pair.left), cell(this.runs[1], pair.right));
  }

  move(by) {
    const all = [...this.element.querySelectorAll("tr.different")];
    if (!all.length) return;
    const at = all.indexOf(document.activeElement?.closest("tr"));
    const next = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
    next.querySelector("a")?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "center" });
  }
}
