// The column of steps: one row a step, the browser draws those in view only.

import { fill, foreign, h, oneLine } from "./dom.js";
import { counted, deed, number, seconds, subject } from "./format.js";
import { highlight, holds, textOf, wanted } from "./search.js";

const AT_ONCE = 200; // rows

export class Steps {
  /** `onSearch` is given the step to open, `onWords` the words to mark, `thoughtsOf` gives the texts of thoughts by their ids. */
  constructor(links, { onSearch, onWords, thoughtsOf }) {
    this.links = links;
    this.onSearch = onSearch;
    this.onWords = onWords;
    this.thoughtsOf = thoughtsOf;
    this.words = [];
    this.narrowed = false; // to those that hold the words
    this.field = h("input", {
      type: "search",
      id: "search",
      placeholder: "Search this run",
      "aria-label": "Search this run",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.count = h("p", { class: "count", role: "status" });
    this.list = h("ol", { class: "rows" });
    this.element = h(
      "nav",
      { class: "steps", "aria-label": "Steps" },
      h("div", { role: "search" }, this.field),
      this.count,
      this.list,
    );
    this.field.addEventListener("input", () => this.search());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.onSearch(this.matches[0] ?? null);
      if (event.key === "Escape") {
        this.field.value = "";
        this.search();
        this.field.blur();
      }
    });
  }

  show(run, thoughts) {
    this.run = run;
    this.thoughts = thoughts;
    this.rows = new Map();
    const answer = h(
      "li",
      {},
      h(
        "a",
        { href: this.links.answer, class: "answer", "data-key": "row-answer" },
        h("span", { class: "ordinal" }),
        h("span", { class: "what" }, "Answer"),
      ),
    );
    this.rows.set(0, answer);
    this.list.replaceChildren(answer);
    this.build(AT_ONCE);
    this.later();
    this.search(false);
  }

  /** Make the rows of the first steps, as far as they are not there. */
  build(count) {
    const made = document.createDocumentFragment();
    for (const step of this.run.steps.slice(this.rows.size - 1, count)) {
      const row = this.row(step);
      this.rows.set(step.number, row);
      made.append(row);
    }
    this.list.append(made);
  }

  /** Make the other rows bit by bit: the page can be read meanwhile. */
  later() {
    clearTimeout(this.timer);
    if (this.rows.size > this.run.steps.length) return;
    this.timer = setTimeout(() => {
      this.build(this.rows.size + AT_ONCE);
      this.later();
    });
  }

  /** A step is new, or has come further. */
  put(step) {
    const old = this.rows.get(step.number);
    if (!old) return this.later();
    const row = this.row(step);
    this.rows.set(step.number, row);
    const focused = old.contains(document.activeElement);
    const current = old.querySelector("[aria-current]");
    old.replaceWith(row);
    if (current) row.querySelector("a").setAttribute("aria-current", "true");
    if (focused) row.querySelector("a").focus({ preventScroll: true });
  }

  row(step) {
    const took = step.seconds + step.tools.reduce((sum, use) => sum + (use.returned?.seconds ?? 0), 0);
    const failed =
      step.tools.some((use) => use.returned?.error) ||
      step.notes.some((note) => note.type.endsWith("_rejected"));
    const summary = step.tools.map((use) => use.returned?.summary ?? "did not return").join(" · ");
    return h(
      "li",
      { class: failed ? "failed" : null },
      step.thoughts.length && this.links.hasThoughts ? this.thought(step) : null,
      h(
        "a",
        { href: this.links.step(step.number), "data-key": `row-${step.number}` },
        h("span", { class: "ordinal" }, number(step.number)),
        h(
          "span",
          { class: "what" },
          h(
            "span",
            { class: "about" },
            h("b", {}, foreign(deed(step))),
            " ",
            foreign(subject(step).slice(0, 160)),
          ),
          summary ? h("small", {}, foreign(summary.slice(0, 200))) : null,
        ),
        h("span", { class: "time" }, seconds(took)),
      ),
    );
  }

  /** What was thought before the call; it is asked for when it is unfolded. */
  thought(step) {
    const place = h("div");
    const tell = (thoughts) =>
      fill(
        place,
        step.thoughts.map((each) =>
          h(
            "p",
            { dir: "auto" },
            oneLine(thoughts[each.reasoning_id] ?? "It is no longer in the reasoning log.", 1200),
          ),
        ),
      );
    const unfold = async (event) =>
      event.target.open && !place.hasChildNodes() && tell(await this.thoughtsOf());
    if (this.thoughts) tell(this.thoughts);
    return h(
      "details",
      { class: "thought", open: this.thoughts !== null, toggle: unfold },
      h("summary", {}, "thought"),
      place,
    );
  }

  /** The steps that hold the words; all of them where there are none. */
  get matches() {
    return this.run.steps.filter((step) => !this.rows.get(step.number)?.hidden);
  }

  search(told = true) {
    this.words = wanted(this.field.value);
    if (!this.words.length && !this.narrowed) return;
    this.build(this.run.steps.length);
    this.narrowed = this.words.length > 0;
    let found = 0;
    for (const step of this.run.steps) {
      const fits = holds(textOf(step, this.thoughts), this.words);
      this.rows.get(step.number).hidden = !fits;
      found += fits;
    }
    this.rows.get(0).hidden = !holds(
      `${this.run.started.question}\n${this.run.answer}`.toLowerCase(),
      this.words,
    );
    this.count.textContent = this.words.length
      ? `${number(found)} of ${counted(this.run.steps.length, "step")}`
      : "";
    if (told) this.onWords(this.words);
  }

  /** Mark the open one, and bring it into view. */
  at(current) {
    this.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.build(this.run.steps.findIndex((step) => step.number === current) + 1);
    const row = this.rows.get(current)?.querySelector("a");
    row?.setAttribute("aria-current", "true");
    const column = getComputedStyle(this.element).overflowY === "auto"; // else the whole page would move
    if (column) row?.scrollIntoView({ block: "nearest" });
  }
}
