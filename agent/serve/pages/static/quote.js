// The passage that a citation stands on: the document's lines, with the words of the quote marked.

import { foreign, h, heading, put } from "./dom.js";
import { lines } from "./format.js";
import { link } from "./markdown.js";

/** Where a citation is, as people say it. */
export function placeOf(citation) {
  const more = [
    citation.page && `page ${citation.page}`,
    citation.sheet && `sheet ${citation.sheet}`,
    citation.slide && `slide ${citation.slide}`,
  ];
  return [lines(citation.start_line, citation.end_line), ...more].filter(Boolean).join(", ");
}

/** The document's lines around a citation. */
export function passage(citation) {
  if (!citation.lines.length) return h("p", { class: "quiet" }, "None of these lines was shown in this run.");
  const body = h("tbody");
  let before = null;
  for (const { number, parts } of citation.lines) {
    if (before !== null && number > before + 1)
      body.append(h("tr", { class: "gap" }, h("td"), h("td", {}, "…")));
    before = number;
    const inside = number >= citation.start_line && number <= citation.end_line;
    const [head, quoted, tail] = parts;
    const text = h("td", { dir: "auto" }, head, quoted && put(h("mark"), [quoted]), tail);
    body.append(h("tr", { class: inside ? "cited" : null }, h("th", { scope: "row" }, number), text));
  }
  return h("table", { class: "passage", "aria-label": "The lines of the document" }, body);
}

/** The panel: what is cited, its lines, and the way back to the search that found it. */
export function sourcePanel(run, citation, { thoughts, all, back }) {
  const title = citation.title || citation.source;
  const head = [
    heading(2, h("span", { class: "badge" }, citation.number), " ", foreign(title)),
    h(
      "p",
      { class: "facts" },
      foreign(citation.source),
      " · ",
      placeOf(citation),
      citation.heading ? [" · ", foreign(citation.heading)] : null,
    ),
  ];
  if (!citation.verified)
    head.push(
      h("p", { class: "warning" }, "Not verified: the quote was not found in the lines that were read."),
    );
  const marked = citation.verified && citation.lines.some(({ parts }) => parts[1]);
  const found = citation.found_by[0];
  const way = h("dl", { class: "way" });
  if (found) {
    const step = run.steps.find((each) => each.number === found.step);
    const queries = found.queries.length
      ? [" ", found.queries.map((query) => [h("q", {}, query), " "])]
      : null;
    way.append(
      h("dt", {}, "found by"),
      h(
        "dd",
        {},
        h("a", { href: all.step(found.step) }, foreign(found.tool), ` in step ${found.step}`),
        queries,
      ),
    );
    if (found.passage) way.append(h("dt", {}, "score"), h("dd", {}, found.passage.score.toFixed(3)));
    way.append(h("dt", {}, "asked for by"), h("dd", {}, askedBy(step, thoughts, all)));
  } else {
    way.append(
      h("dt", {}, "found by"),
      h("dd", {}, "no call of this run: it was shown earlier in the conversation, or never"),
    );
  }
  for (const other of citation.found_by.slice(1, 4))
    way.append(
      h("dt", {}, "also in"),
      h("dd", {}, h("a", { href: all.step(other.step) }, foreign(other.tool), ` in step ${other.step}`)),
    );
  return [
    h("a", { href: all.answer, class: "back", click: back }, `← Back to [${citation.number}]`),
    head,
    marked ? null : h("blockquote", { class: "quote", dir: "auto" }, citation.quote),
    passage(citation),
    way,
    citation.location ? h("p", { class: "foot" }, link(citation.location, "Open the document")) : null,
  ];
}

function askedBy(step, thoughts, all) {
  if (!step?.thoughts.length) return "the model, without a thought";
  const texts = step.thoughts.map((thought) => thoughts?.[thought.reasoning_id]).filter(Boolean);
  const name = `the thought of step ${step.number}`;
  if (!texts.length)
    return all.hasThoughts
      ? [h("a", { href: all.step(step.number) }, name), " (r shows it)"]
      : `${name}, which is not included`;
  return h(
    "details",
    { class: "thought" },
    h("summary", {}, name),
    texts.map((text) => h("p", { dir: "auto" }, text)),
  );
}
