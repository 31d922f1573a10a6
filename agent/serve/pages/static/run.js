// The page of a run: its steps, the answer or one step, and the source of a citation.

import { answerPanel, effort, LONGEST_TITLE, modelOf, verifiedOf } from "./answer.js";
import { answerAsMarkdown, copyText, runAsMarkdown, stepAsMarkdown } from "./copy.js";
import { fill, foreign, h, oneLine } from "./dom.js";
import { counted, moment, outcome, seconds, verdict } from "./format.js";
import { announce } from "./keys.js";
import { sourcePanel } from "./quote.js";
import { highlight } from "./search.js";
import { stepPanel } from "./step.js";
import { Steps } from "./steps.js";
import { Timeline } from "./timeline.js";

const NOWHERE = { panel: "answer", step: 0, tab: "step", citation: 0 };

export class RunPage {
  /** `archive` gives the runs; `links` makes addresses inside the page; `run` is the one to show. */
  constructor(archive, run, links) {
    this.archive = archive;
    this.run = run;
    this.links = { ...links, hasThoughts: archive.hasThoughts(run) };
    this.thoughts = null;
    this.raw = new Map();
    this.live = false;
    this.place = NOWHERE;
    this.cited = 0; // the citation whose source is shown
    this.last = 0; // the one that was followed last
    this.top = h("header", { class: "top" });
    this.timeline = new Timeline((number) => this.go(this.links.step(number)));
    this.steps = new Steps(this.links, {
      onSearch: (step) => step && this.go(this.links.step(step.number)),
      onWords: () => this.mark(),
      thoughtsOf: () => this.archive.thoughts(this.run),
    });
    this.middle = h("main", { class: "reading", id: "reading" });
    this.side = h("aside", { class: "source", "aria-label": "Source", "aria-live": "off" });
    this.element = h(
      "div",
      { class: "run" },
      this.top,
      this.timeline.element,
      h("div", { class: "columns" }, this.steps.element, this.middle, this.side),
    );
  }

  /** Rows for the table of keys. */
  get keys() {
    return [
      [["j"], "the next step", () => this.move(1)],
      [["k"], "the step before", () => this.move(-1)],
      [["o", "Enter"], "read the step that is marked", (event) => this.read(event)],
      [["a"], "the answer", () => this.go(this.links.answer)],
      [["c"], "the next citation and its source", () => this.nextCitation(1)],
      [["C"], "the citation before", () => this.nextCitation(-1)],
      [["b"], "back to where you came from", () => this.back()],
      [["r"], "show or hide thoughts", () => this.toggleThoughts()],
      [
        ["h"],
        "raw harmony of the step, and back",
        () =>
          this.place.panel === "step" &&
          this.go(
            this.place.tab === "raw" ? this.links.step(this.place.step) : this.links.raw(this.place.step),
          ),
      ],
      [["y"], "copy what is open as Markdown", () => this.copy(this.place.panel)],
      [["Y"], "copy the run as Markdown", () => this.copy("run")],
      [["/"], "search this run", () => this.steps.field.focus()],
      [["Escape"], "leave the search, back to the answer", (event) => this.leave(event)],
    ];
  }

  /** Show a run, or the same one further on. */
  show(run) {
    this.run = run;
    this.header();
    this.steps.show(run, this.thoughts);
    this.timeline.show(run.steps, this.place.step);
    this.panels();
  }

  /** Some steps are new, or have come further. */
  grow(steps) {
    for (const step of steps) {
      const at = this.run.steps.findIndex((each) => each.number === step.number);
      if (at < 0) this.run.steps.push(step);
      else this.run.steps[at] = step;
      this.steps.put(step);
    }
    this.header();
    this.timeline.show(this.run.steps, this.place.step);
    if (steps.some((step) => step.number === this.place.step)) this.panels();
  }

  header() {
    const { started, ended } = this.run;
    const end = outcome(ended?.stop_reason);
    const facts = [
      h("span", { class: `outcome ${end.kind}` }, this.live ? "going on" : end.text),
      ended ? seconds(ended.seconds) : null,
      verdict(verifiedOf(this.run), this.run.citations.length),
      effort(this.run),
      modelOf(started),
      started.reasoning_effort ? `reasoning ${started.reasoning_effort}` : null,
      h("time", { datetime: started.at }, moment(started.at)),
      h("code", {}, this.run.trace_id),
    ];
    const tools = h("div", { class: "tools" });
    const missing = this.run.steps.some((step) => step.thoughts.length) && !this.links.hasThoughts;
    if (this.links.list) tools.append(h("a", { href: this.links.list }, "All runs"));
    if (this.links.hasThoughts)
      tools.append(
        h(
          "button",
          {
            type: "button",
            class: "plain",
            "aria-pressed": String(this.thoughts !== null),
            click: () => this.toggleThoughts(),
          },
          "Thoughts",
        ),
      );
    else if (missing) tools.append(h("span", { class: "quiet" }, "reasoning was not included"));
    tools.append(
      h("button", { type: "button", class: "plain", click: () => this.copy("run") }, "Copy run"),
      h(
        "button",
        { type: "button", class: "plain", "aria-label": "Keys", click: () => this.links.help() },
        "?",
      ),
    );
    fill(
      this.top,
      h("h1", { dir: "auto" }, oneLine(started.question, LONGEST_TITLE)),
      h(
        "p",
        { class: "facts" },
        facts.filter(Boolean).map((fact, index) => [index ? " · " : null, fact]),
      ),
      tools,
    );
    document.title = `${oneLine(started.question, 80).replace(/[\p{Cc}\p{Cf}]/gu, "")} · Ossifrage`;
  }

  /** Go to an address inside the page; what had the focus is remembered for the way back. */
  go(href) {
    const focused = document.activeElement?.dataset?.key ?? null;
    history.replaceState({ ...history.state, focus: focused }, "");
    history.pushState({ depth: (history.state?.depth ?? 0) + 1, focus: null }, "", href);
    this.arrive(this.links.read(location.hash), true);
  }

  /** One step back on the way here. */
  back() {
    if ((history.state?.depth ?? 0) > 0) history.back();
    else if (this.place.panel !== "answer" || this.place.citation) this.go(this.links.answer);
  }

  /** Show a place. `moved`: the reader went there, and did not come back to it. */
  arrive(place, moved) {
    const left = this.place.citation;
    this.place = { ...NOWHERE, ...place };
    if (this.place.panel === "step" && !this.run.steps.some((step) => step.number === this.place.step))
      this.place = NOWHERE;
    if (this.place.citation > this.run.citations.length) this.place = NOWHERE;
    if (this.place.panel === "answer") this.cited = this.place.citation;
    this.last = this.cited || this.last;
    this.panels();
    if (moved) this.focus(this.place.citation ? this.side : this.middle);
    else if (left && !this.place.citation && this.place.panel === "answer")
      this.restore(`cited-${left}`, `source-${left}`);
    else this.restore(history.state?.focus);
  }

  panels() {
    const { panel, step: number, tab, citation } = this.place;
    const step = this.run.steps.find((each) => each.number === number);
    if (panel === "step" && step) {
      if (tab === "raw") this.fetchRaw(number);
      const options = {
        thoughts: this.thoughts,
        cited: this.run.citations[this.cited - 1],
        links: this.links,
        raw: this.raw.get(number) ?? null,
        tab,
        copy: () => this.copy("step"),
      };
      fill(this.middle, stepPanel(step, options));
    } else
      fill(
        this.middle,
        answerPanel(this.run, { links: this.links, current: citation, copy: () => this.copy("answer") }),
      );
    const shown = this.run.citations[this.cited - 1];
    this.side.hidden = !shown;
    this.element.classList.toggle("with-source", Boolean(shown));
    this.element.classList.toggle("at-source", Boolean(citation));
    if (shown)
      fill(
        this.side,
        sourcePanel(this.run, shown, {
          thoughts: this.thoughts,
          all: this.links,
          back: (event) => this.return(event),
        }),
      );
    this.steps.at(panel === "step" ? number : 0);
    this.timeline.at(number);
    this.middle.querySelector(".output mark")?.scrollIntoView({ block: "center" });
    this.mark();
  }

  /** Mark what is searched for. */
  mark() {
    highlight(this.element, this.steps.words, this.middle);
  }

  /** Follow links inside the page without leaving it. */
  followed(event) {
    const anchor = event.target.closest?.("a[href]");
    if (!anchor || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey)
      return;
    const href = anchor.getAttribute("href");
    if (!href.startsWith("#") || !this.links.read(href)) return;
    event.preventDefault();
    this.go(href);
  }

  return(event) {
    event.preventDefault();
    this.back();
  }

  focus(region) {
    const target = region.querySelector("h2");
    target?.focus({ preventScroll: true });
    if (region.querySelector(".output mark")) return; // in view already, and what was looked for
    const top = target?.getBoundingClientRect().top ?? 0;
    if (top < 0 || top > innerHeight * 0.7) target?.scrollIntoView({ block: "start" });
    if (region === this.side) region.querySelector("tr.cited, mark")?.scrollIntoView({ block: "nearest" });
  }

  /** Focus the first of some elements that is there. */
  restore(...keys) {
    const found = keys
      .filter(Boolean)
      .map((key) => this.element.querySelector(`[data-key="${CSS.escape(key)}"]`));
    const target = found.find(Boolean);
    if (target) {
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "nearest" });
    }
  }

  move(by) {
    const steps = this.steps.matches;
    const at = steps.findIndex((step) => step.number === this.place.step);
    const next = at < 0 ? (by > 0 ? steps[0] : undefined) : steps[at + by];
    if (!next) return at === 0 && by < 0 ? this.go(this.links.answer) : undefined;
    this.along(this.links.step(next.number), this.place.panel === "step", false);
    this.steps.rows.get(next.number)?.querySelector("a").focus({ preventScroll: true });
  }

  /** Going along steps or citations is one way there, not one for each of them. */
  along(href, already, moved) {
    if (!already) return this.go(href);
    history.replaceState(history.state, "", href);
    this.arrive(this.links.read(location.hash), moved);
  }

  read(event) {
    if (event.key === "Enter" && event.target.closest?.("a, button, summary, input")) return false;
    this.focus(this.middle);
  }

  nextCitation(by) {
    const all = this.run.citations.length;
    if (!all) return announce("This answer has no citations.");
    const from = this.place.citation || this.last;
    const next = from ? ((from - 1 + by + all) % all) + 1 : by > 0 ? 1 : all;
    this.along(this.links.citation(next), this.place.citation > 0, true);
  }

  async toggleThoughts() {
    if (!this.links.hasThoughts) return announce("Reasoning was not included.");
    this.thoughts = this.thoughts ? null : await this.archive.thoughts(this.run);
    this.show(this.run);
    announce(this.thoughts ? "Thoughts are shown" : "Thoughts are hidden");
  }

  async fetchRaw(number) {
    if (this.raw.has(number)) return;
    this.raw.set(number, (await this.archive.raw(this.run, number, this.thoughts !== null)) ?? []);
    if (this.place.step === number) this.panels();
  }

  async copy(what) {
    const step = this.run.steps.find((each) => each.number === this.place.step);
    const text =
      what === "run"
        ? runAsMarkdown(this.run, this.thoughts)
        : what === "step" && step
          ? stepAsMarkdown(step, this.thoughts)
          : answerAsMarkdown(this.run);
    announce(
      (await copyText(text))
        ? `Copied, ${counted(text.length, "character")}`
        : "The browser did not let it be copied",
    );
  }

  leave(event) {
    if (event.target.closest?.("input")) event.target.blur();
    else this.go(this.links.answer);
  }
}

/** Addresses inside a page: `#answer`, `#step-3`, `#step-3-raw`, `#source-2`; `before` names the run. */
export function linksInside(before = "") {
  return {
    answer: `#${before}answer`,
    step: (number) => `#${before}step-${number}`,
    raw: (number) => `#${before}step-${number}-raw`,
    citation: (number) => `#${before}source-${number}`,
    read(hash) {
      if (!hash.startsWith(`#${before}`)) return hash === "" || hash === "#" ? {} : null;
      const rest = hash.slice(before.length + 1);
      const step = /^step-(\d{1,9})(-raw)?$/.exec(rest);
      const source = /^source-(\d{1,9})$/.exec(rest);
      if (step) return { panel: "step", step: Number(step[1]), tab: step[2] ? "raw" : "step" };
      if (source) return { citation: Number(source[1]) };
      return rest === "answer" || rest === "" ? {} : null;
    },
  };
}
