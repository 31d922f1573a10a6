// One step, whole: what was called, what came back, and the same as raw harmony.

import { foreign, h, heading, put } from "./dom.js";
import { counted, deed, number, seconds } from "./format.js";
import { rawPanel } from "./raw.js";

const HEAD = /^\[\d+\] .* \((.*)\)$/;
const LINE = /^L(\d+): /;

/** The panel of a step. `cited` marks the lines of a citation in what came back. */
export function stepPanel(step, { thoughts, cited, links, raw, tab, copy }) {
  const tabs = h("div", { class: "tabs" });
  for (const [name, title, href] of [
    ["step", "Call and result", links.step(step.number)],
    ["raw", "Raw harmony", links.raw(step.number)],
  ])
    tabs.append(
      h("a", { href, "aria-current": name === tab ? "true" : null, "data-key": `tab-${name}` }, title),
    );
  const head = [
    h(
      "div",
      { class: "title" },
      heading(2, h("span", { class: "ordinal" }, `Step ${step.number}`), " ", foreign(deed(step))),
      h("button", { type: "button", class: "plain", click: copy }, "Copy as Markdown"),
    ),
    h("p", { class: "facts" }, facts(step)),
    tabs,
  ];
  if (tab === "raw")
    return [
      head,
      raw === null ? h("p", { class: "quiet" }, "Reading the tokens …") : rawPanel(raw, step.number, links),
    ];
  return [
    head,
    step.thoughts.map((thought) => thoughtOf(thought, thoughts)),
    step.said.map((said) => titled("said", h("p", { class: "text", dir: "auto" }, said.text))),
    step.tools.map((use) => toolUse(use, cited)),
    step.told.map(([label, text]) => h("p", { class: "note" }, h("b", {}, label), " ", foreign(text))),
    refused(step),
  ];
}

function facts(step) {
  const model = step.model;
  if (!model) return "The run ended while the model was asked.";
  const told = [`${number(model.prompt_tokens)} → ${number(model.completion_tokens)} tokens`];
  if (model.reasoning_tokens) told.push(`${number(model.reasoning_tokens)} of them thought`);
  if (model.cached_tokens)
    told.push(
      `${Math.round((100 * model.cached_tokens) / Math.max(1, model.prompt_tokens))} % of the prompt reused`,
    );
  if (model.replayed) told.push("from the record");
  else if (model.first_token_seconds === null) told.push(seconds(model.seconds));
  else
    told.push(
      `${seconds(model.first_token_seconds)} to the first token, then ${seconds(model.seconds - model.first_token_seconds)}`,
    );
  if (model.attempts > 1) told.push(`${model.attempts} attempts`);
  const sampled = model.sampled;
  if (sampled) told.push(`temperature ${sampled.temperature}`);
  return told.join(" · ");
}

function thoughtOf(thought, thoughts) {
  const text = thoughts?.[thought.reasoning_id];
  if (text === undefined)
    return thoughts ? h("p", { class: "quiet" }, "The thought is no longer in the reasoning log.") : null;
  return h(
    "section",
    { class: "thought" },
    h("h3", {}, "thought"),
    h("p", { class: "text", dir: "auto" }, text),
  );
}

function titled(title, ...content) {
  return h("section", {}, h("h3", {}, title), content);
}

function toolUse(use, cited) {
  const returned = use.returned;
  const call = titled(
    "call",
    h("pre", { tabindex: "0" }, h("b", {}, use.call.tool), " ", pretty(use.call.arguments)),
  );
  if (!returned) return [call, h("p", { class: "warning" }, "It did not return before the run ended.")];
  return [
    call,
    returned.retrieved ? found(returned.retrieved) : null,
    titled(
      returned.error ? "failed" : "what came back",
      h("p", { class: "facts" }, foreign(returned.summary), ` · ${seconds(returned.seconds)}`),
      h("pre", { class: "output", tabindex: "0", dir: "auto" }, output(returned.output, cited)),
    ),
  ];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function found(retrieved) {
  if (!retrieved.passages.length) return null;
  const rows = retrieved.passages.map((passage) =>
    h(
      "tr",
      {},
      h("td", { class: "figure" }, passage.score.toFixed(3)),
      h("td", {}, foreign(passage.source)),
      h("td", { class: "figure" }, `${passage.start_line}–${passage.end_line}`),
      h("td", { class: "quiet" }, passage.new ? "new" : "shown before"),
    ),
  );
  const head = h(
    "tr",
    {},
    ["score", "source", "lines", "shown"].map((name) =>
      h("th", { scope: "col", class: name === "score" || name === "lines" ? "figure" : null }, name),
    ),
  );
  return titled(
    counted(retrieved.passages.length, "passage"),
    h(
      "div",
      { class: "wide", tabindex: "0" },
      h("table", { class: "found" }, h("thead", {}, head), h("tbody", {}, rows)),
    ),
  );
}

/** What a tool gave, the lines of a citation marked. */
function output(text, cited) {
  if (!cited) return text;
  const nodes = [];
  let plain = [];
  let source = null;
  for (const row of text.split("\n")) {
    source = HEAD.exec(row)?.[1] ?? source;
    const line = Number(LINE.exec(row)?.[1]);
    if (source === cited.source && line >= cited.start_line && line <= cited.end_line) {
      nodes.push(plain.map((each) => `${each}\n`).join(""), put(h("mark"), [row]), "\n");
      plain = [];
    } else plain.push(row);
  }
  return [...nodes, plain.join("\n")];
}

function refused(step) {
  return step.notes
    .filter((note) => note.type.endsWith("_rejected"))
    .map((note) => [
      titled("what was wrong", h("pre", { tabindex: "0" }, note.errors ?? note.problems)),
      titled(
        "the message that was refused",
        h("pre", { class: "output", tabindex: "0", dir: "auto" }, note.text),
      ),
    ]);
}
