// Numbers and names as people read them.

const NUMBERS = new Intl.NumberFormat("en");

export function number(value) {
  return Math.abs(value) < 1000 ? String(value) : NUMBERS.format(value);
}

export function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 0.0005) return "0 ms";
  if (value < 1) return `${Math.max(1, Math.round(value * 1000))} ms`;
  if (value < 100) return `${value.toFixed(1)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

export function counted(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A moment as the reader's clock has it. */
export function moment(iso) {
  const at = new Date(iso);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function lines(first, last) {
  return last > first ? `lines ${first}–${last}` : `line ${first}`;
}

/** `max_steps` as words. */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** How a run ended, and whether that is good news. */
export function outcome(stopReason) {
  if (!stopReason) return { text: "not ended", kind: "open" };
  if (stopReason === "answered") return { text: "answered", kind: "good" };
  if (stopReason === "not_found") return { text: "the sources do not say", kind: "open" };
  return { text: words(stopReason), kind: "bad" };
}

/** `2 of 3 verified`; empty where nothing is cited. */
export function verdict(verified, all) {
  return all ? `${verified} of ${all} verified` : "";
}

/** What a step did, in a word or two. */
export function deed(step) {
  const tools = step.tools.map((use) => use.call.tool);
  if (step.answer) tools.push("answer");
  if (!tools.length && step.told.length) return step.told[0][0];
  return tools.join(", ") || (step.model ? "model" : "working");
}

/** What it was about: the queries, the document, what came back. */
export function subject(step) {
  return step.tools
    .map(
      (use) =>
        queriesOf(use)
          .map((query) => `“${query}”`)
          .join(" ") || place(use),
    )
    .join(" · ");
}

export function queriesOf(use) {
  return (
    use.returned?.retrieved?.queries ?? given(use).queries?.filter((query) => typeof query === "string") ?? []
  );
}

/** The arguments of a call; empty where they are no object. */
export function given(use) {
  try {
    const value = JSON.parse(use.call.arguments);
    return value && typeof value === "object" && !Array.isArray(value)
      ? { ...value, queries: Array.isArray(value.queries) ? value.queries : undefined }
      : {};
  } catch {
    return {};
  }
}

function place(use) {
  return (
    Object.values(given(use))
      .filter((value) => typeof value === "string")
      .join(" ") || use.call.arguments
  );
}
