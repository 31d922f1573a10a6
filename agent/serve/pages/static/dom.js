// Elements are made here and nowhere else. A text is always a text node, never markup, and characters that
// would hide, reorder or act on what stands around them are spelled out.

// The joiners are part of ordinary words, and of emoji.
const HIDDEN = /(?:(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}])+/gu;
const MOST_MARKS = 2000; // of one text; after that they are spelled out without a mark

/** An element. Attributes are set, functions listen, `null` and `false` leave out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "style")
      for (const [key, given] of Object.entries(value)) element.style.setProperty(key, given);
    else if (value !== null && value !== false && value !== undefined)
      element.setAttribute(name, value === true ? "" : value);
  }
  put(element, children);
  return element;
}

/** Append nodes, texts, and lists of them. */
export function put(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) put(parent, child);
    else if (child instanceof Node) parent.append(child);
    else if (child !== null && child !== undefined && child !== false) parent.append(visible(String(child)));
  }
  return parent;
}

/** Put new children in the place of the old ones. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  return put(parent, children);
}

/** A text as it is; what nobody could see in it as `\x1b`, marked. */
export function visible(text) {
  text = text.replaceAll("\r\n", "\n");
  const fragment = document.createDocumentFragment();
  let done = 0;
  let marks = 0;
  let plain = "";
  for (const found of text.matchAll(HIDDEN)) {
    plain += text.slice(done, found.index);
    done = found.index + found[0].length;
    const spelled = [...found[0]].map(spell).join("");
    if ((marks += 1) <= MOST_MARKS) {
      const mark = document.createElement("span");
      mark.className = "unseen";
      mark.textContent = spelled;
      fragment.append(plain, mark);
      plain = "";
    } else plain += spelled;
  }
  if (!done) return document.createTextNode(text);
  fragment.append(plain + text.slice(done));
  return fragment;
}

function spell(character) {
  const code = character.codePointAt(0);
  const [sign, width] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${sign}${code.toString(16).padStart(width, "0")}`;
}

/** A text in one line. */
export function oneLine(text, limit = 0) {
  const line = text.replace(/\s+/gu, " ").trim();
  return limit && line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

/** A name or a word of somebody else's: it cannot change the order of the words around it. */
export function foreign(text, attributes = {}) {
  return h("bdi", attributes, text);
}

/** The place that scripts scroll to and focus, without a frame around it. */
export function heading(level, ...children) {
  return h(`h${level}`, { tabindex: "-1" }, ...children);
}
