// A step, the answer or the run as Markdown, on the clipboard. What others wrote stands in code blocks.

import { seconds } from "./format.js";

function fenced(text) {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

export function stepAsMarkdown(step, thoughts) {
  const model = step.model
    ? ` (${step.model.prompt_tokens} -> ${step.model.completion_tokens} tokens, ${seconds(step.model.seconds)})`
    : "";
  const parts = [`### Step ${step.number}${model}`];
  for (const thought of step.thoughts)
    if (thoughts?.[thought.reasoning_id]) parts.push(`Thought:\n\n${fenced(thoughts[thought.reasoning_id])}`);
  for (const said of step.said) parts.push(`Said:\n\n${fenced(said.text)}`);
  for (const use of step.tools) {
    parts.push(`Call:\n\n${fenced(`${use.call.tool} ${use.call.arguments}`)}`);
    parts.push(
      use.returned
        ? `${use.returned.error ? "Failed" : "Result"}:\n\n${fenced(use.returned.output)}`
        : "It did not return.",
    );
  }
  for (const [label, text] of step.told) parts.push(`${label}: ${text}`);
  return parts.join("\n\n");
}

export function answerAsMarkdown(run) {
  const parts = [
    `## Question\n\n${fenced(run.started.question)}`,
    `## Answer\n\n${fenced(run.answer || "There is none.")}`,
  ];
  const places = run.citations.map(
    (each) =>
      `${each.number}. ${each.source}:${each.start_line}-${each.end_line} (${each.verified ? "verified" : "NOT verified"})`,
  );
  if (places.length) parts.push(`Sources:\n\n${fenced(places.join("\n"))}`);
  return parts.join("\n\n");
}

export function runAsMarkdown(run, thoughts) {
  return [answerAsMarkdown(run), ...run.steps.map((step) => stepAsMarkdown(step, thoughts))].join("\n\n");
}

/** Put a text on the clipboard; also where the page may not ask for it. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    const before = document.activeElement;
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    before?.focus();
    return copied;
  }
}
