// The answer, with its citations as links to their sources.

import { foreign, h, heading, oneLine } from "./dom.js";
import { counted, outcome } from "./format.js";
import { markdown } from "./markdown.js";
import { placeOf } from "./quote.js";

/** Of a question, in the head of a page. */
export const LONGEST_TITLE = 300;

/** The panel of the answer. */
export function answerPanel(run, { links, current, copy }) {
  const ended = outcome(run.ended?.stop_reason);
  const panel = [
    h(
      "div",
      { class: "title" },
      heading(2, "Answer"),
      copy && h("button", { type: "button", class: "plain", click: copy }, "Copy as Markdown"),
    ),
  ];
  const question = run.started.question;
  if (oneLine(question, LONGEST_TITLE) !== question.trim())
    panel.push(
      h(
        "details",
        {},
        h("summary", {}, "The question as it was asked"),
        h("p", { class: "text", dir: "auto" }, question),
      ),
    );
  if (run.ended?.error) panel.push(h("p", { class: "warning" }, run.ended.error));
  if (run.ended && ended.kind === "bad" && run.answer)
    panel.push(h("p", { class: "warning" }, `Unfinished: ${ended.text}.`));
  if (run.answer && run.structured) panel.push(h("pre", { tabindex: "0" }, run.answer));
  else if (run.answer) panel.push(markdown(run.answer, citing(run, links, current)));
  else panel.push(h("p", { class: "quiet" }, run.ended ? "There is no answer." : "There is no answer yet."));
  if (run.missing.length)
    panel.push(
      h(
        "p",
        { class: "note" },
        h("b", {}, "The sources do not say"),
        " ",
        run.missing.map((each, index) => [index ? "; " : null, foreign(each)]),
      ),
    );
  if (run.citations.length) panel.push(h("h3", {}, "Sources"), sources(run, links, current));
  if (run.left_out.length)
    panel.push(
      h(
        "aside",
        { class: "leftout", "aria-label": "Not included" },
        h("h3", {}, "Not included"),
        h(
          "ul",
          {},
          run.left_out.map((line) => h("li", {}, line)),
        ),
      ),
    );
  return panel;
}

/** Makes the link that stands for `[n]`. */
export function citing(run, links, current) {
  const seen = new Set();
  return (number) => {
    const citation = run.citations[number - 1];
    if (!citation) return null;
    const id = seen.has(number) ? null : `cited-${number}`;
    seen.add(number);
    const verified = citation.verified ? "" : ", not verified";
    return h(
      "a",
      {
        href: links.citation(number),
        class: citation.verified ? "cite" : "cite unverified",
        id,
        "data-key": `cited-${number}`,
        "aria-current": number === current ? "true" : null,
        "aria-label": `source ${number}${verified}`,
      },
      number,
    );
  };
}

function sources(run, links, current) {
  return h(
    "ol",
    { class: "sources" },
    run.citations.map((citation) =>
      h(
        "li",
        { class: citation.verified ? null : "unverified" },
        h(
          "a",
          {
            href: links.citation(citation.number),
            "aria-current": citation.number === current ? "true" : null,
            "data-key": `source-${citation.number}`,
          },
          h("span", { class: "badge" }, citation.number),
          h(
            "span",
            { class: "what" },
            h(
              "span",
              {},
              foreign(citation.source),
              h("span", { class: "quiet" }, ` ${placeOf(citation)}`),
              citation.verified ? null : h("span", { class: "warn" }, " not verified"),
            ),
            citation.quote ? h("q", { dir: "auto" }, citation.quote) : null,
          ),
        ),
      ),
    ),
  );
}

export function verifiedOf(run) {
  return run.citations.filter((citation) => citation.verified).length;
}

/** What the run took, in a line. */
export function effort(run) {
  const usage = run.ended?.usage;
  const told = [counted(run.steps.length, "step")];
  if (usage) told.push(counted(usage.prompt_tokens + usage.completion_tokens, "token"));
  return told.join(" · ");
}

/** The model, and what ran it. */
export function modelOf(started) {
  if (started.engine === "extractive") return foreign(started.model); // which says that it is none
  return [foreign(started.model), " on ", foreign(started.engine)];
}
