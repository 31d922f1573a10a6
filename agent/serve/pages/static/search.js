// Searching inside a run: which steps hold all the words, and where on the screen they stand.

const texts = new WeakMap(); // a step's text, lower case

/** Everything a step says. Thoughts are searched where they are shown. */
export function textOf(step, thoughts) {
  let known = texts.get(step);
  if (known?.thoughts !== thoughts) {
    const parts = step.tools.flatMap((use) => [
      use.call.tool,
      use.call.arguments,
      use.returned?.output ?? "",
      use.returned?.summary ?? "",
    ]);
    parts.push(...step.said.map((said) => said.text), ...step.told.flat());
    for (const thought of step.thoughts) parts.push(thoughts?.[thought.reasoning_id] ?? "");
    known = { thoughts, text: parts.join("\n").toLowerCase() };
    texts.set(step, known);
  }
  return known.text;
}

/** The words that are looked for; quoted ones as they stand. */
export function wanted(query) {
  return [...query.matchAll(/"([^"]+)"?|(\S+)/g)].map((found) => (found[1] ?? found[2]).toLowerCase());
}

export function holds(text, words) {
  return words.every((word) => text.includes(word));
}

/** Mark the words in what is shown, without touching it; `read` is brought to the first of them. */
export function highlight(root, words, read) {
  if (!window.CSS?.highlights) return;
  const ranges = [];
  const accept = (node) =>
    node.hidden ? NodeFilter.FILTER_REJECT : node.data ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
  if (words.length) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, accept);
    for (let node; (node = walker.nextNode()) && ranges.length < 2000;) {
      const text = node.data.toLowerCase();
      if (text.length !== node.data.length) continue; // offsets would be off
      for (const word of words)
        for (
          let at = text.indexOf(word);
          at >= 0 && ranges.length < 2000;
          at = text.indexOf(word, at + word.length)
        ) {
          const range = new Range();
          range.setStart(node, at);
          range.setEnd(node, at + word.length);
          ranges.push(range);
        }
    }
  }
  CSS.highlights.set("wanted", new Highlight(...ranges));
  const first = ranges.find((range) => read.contains(range.startContainer))?.startContainer.parentElement;
  if (first && first.getBoundingClientRect().top > innerHeight) first.scrollIntoView({ block: "center" });
}
