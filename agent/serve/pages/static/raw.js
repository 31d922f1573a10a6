// A model call as raw harmony: special tokens as chips, everything else as text.

import { h } from "./dom.js";
import { counted, number } from "./format.js";

const ENDS = new Set(["<|end|>", "<|call|>", "<|return|>"]);
const TITLES = { prompt: "new in this prompt", completion: "completion" };

/** The calls of one step. */
export function rawPanel(calls, step, links) {
  if (!calls?.length)
    return h(
      "p",
      { class: "quiet" },
      "There are no tokens of this call: a chat server made it, which takes text, or an older version recorded it.",
    );
  return calls.map((call) => [
    call.attempt ? h("h3", {}, `asked again (${call.attempt})`) : null,
    growth(call, step, links),
    ["prompt", "completion"].map((part) => {
      const own = call.segments.filter((segment) => segment[3] === part);
      return own.length
        ? h(
            "section",
            { class: `raw ${part}` },
            h("h3", {}, TITLES[part]),
            h("pre", { tabindex: "0" }, own.map(segment)),
          )
        : null;
    }),
  ]);
}

/** What the prompt begins with, which the call before had too, and what is new in it. */
function growth(call, step, links) {
  const shared = Math.min(call.shared_tokens, call.prompt_tokens);
  const bar = (kind, tokens) => h("span", { class: kind, style: { "flex-grow": String(tokens) } });
  const before =
    shared && step > 1
      ? h("a", { href: links.raw(step - 1) }, `${counted(shared, "token")} as in step ${step - 1}`)
      : shared
        ? counted(shared, "token") + " as before"
        : null;
  return h(
    "div",
    { class: "growth" },
    h(
      "div",
      { class: "bars", "aria-hidden": "true" },
      bar("shared", shared),
      bar("new", call.prompt_tokens - shared),
      bar("made", call.completion_tokens),
    ),
    h(
      "p",
      {},
      before,
      before ? " · " : null,
      h("b", {}, `${number(call.prompt_tokens - shared)} new`),
      ` · ${number(call.completion_tokens)} generated`,
    ),
  );
}

function segment([kind, text, tokens]) {
  if (kind === "special") return [h("span", { class: "chip" }, text), ENDS.has(text) ? "\n" : null];
  if (kind === "gap")
    return h("span", { class: "hole" }, `${counted(tokens, "token")} of reasoning, not included`);
  if (kind === "unknown") return h("span", { class: "hole" }, `${counted(tokens, "token")} of no vocabulary`);
  return text;
}
