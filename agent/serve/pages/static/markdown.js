// The Markdown of an answer, the little of it that answers have. Whatever else stands there is text; there are
// no pictures, and a link goes to http(s) only and tells the other side nothing.

import { h, put } from "./dom.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s(.*)$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^[\s:|-]+$/;
// Every piece has a longest length: a line of somebody else's making costs no more than its length.
const INLINE =
  /(`{1,9})([^`]|[^`][^\n]{0,800}?[^`])\1(?!`)|\*\*(?=\S)([^\n]{0,800}?\S)\*\*|(?<![\w*])\*(?=[^\s*])([^*\n]{0,400}[^\s*])\*(?![\w*])|\[(\d{1,4})\](?!\(https?:)|\[([^\][\n]{1,300})\]\((https?:\/\/[^\s()<>]{1,2000})\)/;

/** A text as elements. `cite(number)` makes what stands for `[number]`, or null where it is only text. */
export function markdown(text, cite) {
  const article = h("div", { class: "prose", dir: "auto" });
  const rows = text.replaceAll("\r\n", "\n").split("\n");
  for (let at = 0; at < rows.length;) at = block(article, rows, at, cite);
  return article;
}

function block(parent, rows, at, cite) {
  const row = rows[at];
  if (!row.trim()) return at + 1;
  const fence = FENCE.exec(row);
  if (fence) {
    let end = at + 1;
    while (
      end < rows.length &&
      !(rows[end].trim().startsWith(fence[1]) && !rows[end].trim().replaceAll(fence[1][0], ""))
    )
      end += 1;
    parent.append(h("pre", { tabindex: "0" }, h("code", {}, rows.slice(at + 1, end).join("\n"))));
    return end + 1;
  }
  const title = HEADING.exec(row);
  if (title) {
    parent.append(put(h(`h${Math.min(6, title[1].length + 2)}`), inline(title[2].trim(), cite)));
    return at + 1;
  }
  if (ITEM.test(row)) return list(parent, rows, at, cite);
  if (ROW.test(row) && RULE.test(rows[at + 1] ?? "")) return table(parent, rows, at, cite);
  if (row.startsWith(">")) {
    let end = at;
    while (end < rows.length && rows[end].startsWith(">")) end += 1;
    const quoted = rows
      .slice(at, end)
      .map((each) => each.replace(/^> ?/, ""))
      .join("\n");
    parent.append(put(h("blockquote"), inline(quoted, cite)));
    return end;
  }
  let end = at + 1;
  while (
    end < rows.length &&
    rows[end].trim() &&
    ![FENCE, HEADING, ITEM].some((start) => start.test(rows[end]))
  )
    end += 1;
  parent.append(put(h("p"), inline(rows.slice(at, end).join("\n"), cite)));
  return end;
}

function list(parent, rows, at, cite) {
  const open = []; // lists around the item, outermost first
  while (at < rows.length) {
    const item = ITEM.exec(rows[at]);
    if (!item) {
      if (!rows[at].trim() || !/^\s/.test(rows[at]) || !open.length) break;
      put(open.at(-1).list.lastChild, ["\n", inline(rows[at].trim(), cite)]);
      at += 1;
      continue;
    }
    const indent = item[1].length;
    while (open.length > 1 && open.at(-1).indent > indent) open.pop();
    if (!open.length || (indent > open.at(-1).indent + 1 && open.length < 6)) {
      const ordered = /\d/.test(item[2]);
      const made = h(ordered ? "ol" : "ul", ordered ? { start: parseInt(item[2], 10) } : {});
      (open.at(-1)?.list.lastChild ?? parent).append(made);
      open.push({ indent, list: made });
    }
    open.at(-1).list.append(put(h("li"), inline(item[3], cite)));
    at += 1;
  }
  return at;
}

function table(parent, rows, at, cite) {
  const cells = (row) =>
    row
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|");
  const line = (row, tag) =>
    h(
      "tr",
      {},
      cells(row).map((cell) => put(h(tag), inline(cell.trim(), cite))),
    );
  const body = h("tbody");
  const head = h("thead", {}, line(rows[at], "th"));
  for (at += 2; at < rows.length && ROW.test(rows[at]); at += 1) body.append(line(rows[at], "td"));
  parent.append(h("div", { class: "wide", tabindex: "0" }, h("table", {}, head, body)));
  return at;
}

/** Emphasis, code, links and citations in a text without blocks. */
function inline(text, cite) {
  const nodes = [];
  for (let found; (found = INLINE.exec(text)); text = text.slice(found.index + found[0].length)) {
    const [whole, ticks, code, strong, emphasis, cited, label, address] = found;
    if (found.index) nodes.push(text.slice(0, found.index));
    if (ticks) nodes.push(h("code", {}, code.trim() || code));
    else if (strong) nodes.push(put(h("strong"), inline(strong, cite)));
    else if (emphasis) nodes.push(put(h("em"), inline(emphasis, cite)));
    else if (cited) nodes.push(cite?.(Number(cited)) ?? whole);
    else nodes.push(link(address, label));
  }
  if (text) nodes.push(text);
  return nodes;
}

/** A link to somewhere else; plain text where the address is none that may be opened. */
export function link(address, label) {
  let url = null;
  try {
    url = new URL(address);
  } catch {
    return label;
  }
  if (!["http:", "https:", "file:"].includes(url.protocol)) return label;
  return h("a", { href: url.href, rel: "noopener noreferrer", title: url.href }, label);
}
