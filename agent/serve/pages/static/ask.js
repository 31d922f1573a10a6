// A box to ask a question: the answer as it is written, its sources beside it.

import { answerPanel } from "./answer.js";
import { fill, foreign, h, visible } from "./dom.js";
import { lines } from "./format.js";
import { markdown } from "./markdown.js";
import { sourcePanel } from "./quote.js";
import { linksInside } from "./run.js";

export class AskPage {
  constructor(archive, links) {
    this.archive = archive;
    this.links = { ...links, ...linksInside(), hasThoughts: false };
    this.field = h("textarea", {
      id: "question",
      rows: "2",
      required: true,
      "aria-label": "Question",
      placeholder: "Ask your documents",
    });
    this.button = h("button", {}, "Ask");
    this.doings = h("ul", { class: "doings", "aria-label": "What it does" });
    this.middle = h("section", {
      class: "reading",
      "aria-label": "Answer",
      "aria-live": "polite",
      "aria-busy": "false",
    });
    this.side = h("aside", { class: "source", "aria-label": "Source", hidden: true });
    this.running = null;
    this.run = null;
    this.element = h(
      "main",
      { class: "ask" },
      h(
        "header",
        { class: "top" },
        h("h1", {}, "Ask"),
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
      h("form", { submit: (event) => this.submitted(event) }, this.field, this.button),
      this.doings,
      h("div", { class: "result" }, this.middle, this.side),
    );
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.field.form.requestSubmit();
    });
    this.element.addEventListener("click", (event) => this.followed(event));
  }

  get keys() {
    return [
      [["/"], "write a question", () => this.field.focus()],
      [["c"], "the next citation and its source", () => this.nextCitation(1)],
      [["C"], "the citation before", () => this.nextCitation(-1)],
      [["b"], "back to the answer", () => this.back()],
      [["o"], "open the whole run", () => this.run && location.assign(this.links.run(this.run.trace_id))],
      [
        ["Escape"],
        "stop; leave the box",
        () => (this.running ? this.running.abort() : document.activeElement?.blur()),
      ],
    ];
  }

  arrived() {
    this.field.focus();
  }

  async submitted(event) {
    event.preventDefault();
    if (this.running) return this.running.abort();
    const question = this.field.value.trim();
    if (!question) return;
    this.running = new AbortController();
    this.button.textContent = "Stop";
    this.run = null;
    this.cited = 0;
    this.side.hidden = true;
    this.text = "";
    this.citations = [];
    this.message = 0;
    this.doings.replaceChildren();
    this.middle.replaceChildren();
    this.middle.setAttribute("aria-busy", "true");
    try {
      await this.ask(question);
    } catch (error) {
      const stopped = error.name === "AbortError";
      this.middle.append(
        h("p", { class: "warning" }, stopped ? "Stopped; what came is unfinished." : error.message),
      );
    }
    this.middle.setAttribute("aria-busy", "false");
    this.running = null;
    this.button.textContent = "Ask";
  }

  async ask(question) {
    const response = await fetch("/ask", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ question }),
      signal: this.running.signal,
    });
    if (!response.ok)
      throw new Error(
        (await response.json()).error?.message ?? `The server answers with ${response.status}.`,
      );
    let rest = "";
    for await (const chunk of texts(response.body)) {
      const rows = (rest + chunk).split("\n");
      rest = rows.pop();
      for (const row of rows) await this.came(JSON.parse(row));
    }
  }

  async came(item) {
    if (item.type === "told")
      this.doings.append(h("li", {}, h("b", {}, item.label), " ", foreign(item.text)));
    else if (item.type === "text") {
      if (item.message !== this.message) [this.text, this.citations, this.message] = ["", [], item.message];
      this.text += item.text;
      this.citations.push(...item.citations);
      this.drawn ??= requestAnimationFrame(() => this.draw());
    } else if (item.type === "error") throw new Error(item.message);
    else if (item.type === "result") {
      cancelAnimationFrame(this.drawn);
      this.drawn = null;
      await this.finished(item);
    }
  }

  /** The answer as far as it has come; its citations are not checked yet. */
  draw() {
    this.drawn = null;
    if (this.run || !this.running) return;
    const badge = (number) => (this.citations[number - 1] ? h("span", { class: "cite" }, number) : null);
    const coming = this.citations.map((each, index) =>
      h(
        "li",
        {},
        h("span", { class: "badge" }, index + 1),
        " ",
        foreign(each.source),
        h("span", { class: "quiet" }, ` ${lines(each.start_line, each.end_line)}`),
      ),
    );
    fill(this.middle, markdown(this.text, badge));
    this.side.hidden = !coming.length;
    fill(this.side, h("h2", {}, "Sources"), h("ol", { class: "sources" }, coming));
  }

  async finished(item) {
    this.run = await this.archive.run(item.trace_id).catch(() => null);
    if (!this.run)
      return fill(
        this.middle,
        markdown(item.text, () => null),
      );
    this.show(0);
    this.middle.append(
      h(
        "p",
        { class: "foot" },
        h("a", { href: this.links.run(item.trace_id) }, "The whole run"),
        visible(" (o)"),
      ),
    );
  }

  /** The answer, and the source of one of its citations. */
  show(number) {
    this.cited = number;
    const foot = this.middle.querySelector(":scope > .foot");
    fill(this.middle, answerPanel(this.run, { links: this.links, current: number, copy: null }), foot);
    const citation = this.run.citations[number - 1];
    this.side.hidden = !citation;
    const links = { ...this.links, step: (step) => this.links.run(this.run.trace_id, `step-${step}`) };
    if (citation)
      fill(
        this.side,
        sourcePanel(this.run, citation, { thoughts: null, all: links, back: (event) => this.back(event) }),
      );
    if (citation) this.side.querySelector("h2").focus();
  }

  followed(event) {
    const place = this.links.read(event.target.closest?.("a[href^='#']")?.getAttribute("href") ?? "-");
    if (!this.run || !place?.citation) return;
    event.preventDefault();
    this.show(place.citation);
  }

  nextCitation(by) {
    const all = this.run?.citations.length ?? 0;
    if (all) this.show((((this.cited || (by > 0 ? 0 : 1)) - 1 + by + all) % all) + 1);
  }

  back(event) {
    event?.preventDefault();
    if (!this.cited) return;
    const number = this.cited;
    this.show(0);
    this.cited = number;
    (document.getElementById(`cited-${number}`) ?? this.middle.querySelector("h2"))?.focus();
  }
}

async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part; !(part = await reader.read()).done;) yield part.value;
}
