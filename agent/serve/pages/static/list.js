// The list of runs: one row a run.

import { fill, foreign, h } from "./dom.js";
import { moment, number, outcome, seconds } from "./format.js";
import { announce } from "./keys.js";

export class ListPage {
  /** `archive.list(words, before)` gives `{runs, more, error}`; `links` makes addresses. */
  constructor(archive, links) {
    this.archive = archive;
    this.links = links;
    this.chosen = new Set();
    this.field = h("input", {
      type: "search",
      id: "search",
      name: "q",
      "aria-label": "Search runs",
      "aria-describedby": "filters",
      placeholder: archive.filters
        ? "Words in questions, answers and queries, and filters"
        : "Search these runs",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.body = h("tbody");
    this.told = h("p", { class: "count", role: "status" });
    this.more = h("button", { type: "button", click: () => this.load(true) }, "Older runs");
    this.compare = h(
      "button",
      { type: "button", class: "plain", disabled: true, click: () => this.comparison() },
      "Compare two",
    );
    const head = h(
      "tr",
      {},
      h("th", { scope: "col" }, h("span", { class: "offscreen" }, "choose")),
      ["when", "question", "ended", "time", "searches", "cited"].map((name) =>
        h(
          "th",
          { scope: "col", class: ["time", "searches", "cited"].includes(name) ? "figure" : null },
          name,
        ),
      ),
    );
    this.element = h(
      "main",
      { class: "list" },
      h(
        "header",
        { class: "top" },
        h("h1", {}, "Runs"),
        h(
          "div",
          { class: "tools" },
          this.compare,
          links.ask ? h("a", { href: links.ask }, "Ask") : null,
          h(
            "button",
            { type: "button", class: "plain", "aria-label": "Keys", click: () => links.help() },
            "?",
          ),
        ),
      ),
      h(
        "form",
        { role: "search", submit: (event) => this.submitted(event) },
        this.field,
        archive.filters
          ? h("p", { id: "filters", class: "quiet" }, archive.filters)
          : h("p", { id: "filters", hidden: true }, ""),
      ),
      this.told,
      h(
        "table",
        { class: "runs" },
        h("caption", { class: "offscreen" }, "Runs, newest first"),
        h("thead", {}, head),
        this.body,
      ),
      h("p", { class: "foot" }, this.more),
    );
    this.field.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.load(), 120);
    });
  }

  get keys() {
    return [
      [["j"], "the next run", () => this.move(1)],
      [["k"], "the run before", () => this.move(-1)],
      [
        ["o", "Enter"],
        "open it",
        (event) => (event.key === "Enter" ? false : document.activeElement?.click()),
      ],
      [["x"], "choose it for a comparison", () => this.choose()],
      [["d"], "compare the two that are chosen", () => this.comparison()],
      [["/"], "search runs", () => this.field.focus()],
      [["Escape"], "leave the search", () => document.activeElement?.blur()],
    ];
  }

  submitted(event) {
    event.preventDefault();
    this.load().then(() => this.body.querySelector("td a")?.focus());
  }

  async load(further = false) {
    const words = this.field.value;
    const { runs, more, error } = await this.archive.list(words, further ? this.last : null);
    if (words !== this.field.value) return;
    if (!further) this.body.replaceChildren();
    for (const run of runs) this.body.append(this.row(run));
    this.last = runs.at(-1)?.trace_id ?? this.last;
    this.more.hidden = !more;
    this.links.typed?.(words);
    const empty = words.trim() ? "No run fits." : "No runs yet: ask something.";
    this.told.textContent = error ?? (this.body.children.length ? "" : empty);
    this.told.classList.toggle("warning", Boolean(error));
  }

  row(run) {
    const end = outcome(run.stop_reason);
    const verified = run.citations - run.unverified;
    const box = h("input", {
      type: "checkbox",
      "aria-label": `compare ${run.trace_id}`,
      change: () => this.changed(run.trace_id, box),
    });
    return h(
      "tr",
      {},
      h("td", {}, box),
      h("td", { class: "when" }, h("time", { datetime: run.started }, moment(run.started))),
      h(
        "td",
        { class: "question" },
        h("a", { href: this.links.run(run.trace_id), dir: "auto" }, run.question.trim() || "(no question)"),
      ),
      h("td", { class: `outcome ${end.kind}` }, end.text),
      h("td", { class: "figure" }, seconds(run.seconds)),
      h(
        "td",
        { class: "figure", "data-label": run.searches === 1 ? "search" : "searches" },
        number(run.searches),
      ),
      h(
        "td",
        { class: run.unverified ? "figure warn" : "figure", "data-label": "cited" },
        run.citations ? `${verified}/${run.citations}` : "",
      ),
    );
  }

  changed(id, box) {
    if (box.checked) this.chosen.add(id);
    else this.chosen.delete(id);
    this.compare.disabled = this.chosen.size !== 2;
  }

  choose() {
    const box = document.activeElement?.closest("tr")?.querySelector("input");
    if (!box) return announce("Move to a run with j and k first.");
    box.click();
    announce(box.checked ? "Chosen" : "Not chosen");
  }

  comparison() {
    if (this.chosen.size !== 2) return announce("Choose two runs with x first.");
    location.assign(this.links.compare(...[...this.chosen].sort()));
  }

  move(by) {
    const all = [...this.body.querySelectorAll("td a")];
    const at = all.indexOf(document.activeElement?.closest("tr")?.querySelector("td a"));
    all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))]?.focus();
  }
}
