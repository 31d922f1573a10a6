"""Where a Markdown document can be cut, and which headings stand above each line.

The block structure is CommonMark's (with tables), as markdown-it-py reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .lines import TITLE_LENGTH
from .outline import Cut, Heading, Item, Outline

__all__ = ["FRONT_MATTER", "markdown_outline"]

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<yaml>(?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")

_TERM_LENGTH = 120
_BLOCKS = MarkdownIt("commonmark").enable("table").disable("inline")
_INLINE = MarkdownIt("commonmark")


def markdown_outline(text: str) -> Outline:
    """Read the block structure of a Markdown document."""
    lines = text.split("\n")
    cuts = [Cut.LINE] * len(lines)
    headings: list[Heading] = []
    items: list[Item] = []
    tokens = _BLOCKS.parse(_blank_front_matter(text))
    for index, token in enumerate(tokens):
        if token.map is None or token.nesting < 0 or token.type == "inline":
            continue
        start, end = token.map[0], min(token.map[1], len(lines))
        if start >= len(lines):
            continue
        cuts[start] = min(cuts[start], Cut.BLOCK if token.level == 0 else Cut.NESTED)
        if token.type in ("fence", "code_block"):
            cuts[start + 1 : end] = [Cut.WHOLE] * max(0, end - start - 1)
        elif token.type == "heading_open" and token.level == 0:
            headings.append(Heading(start, int(token.tag[1]), _plain(tokens[index + 1])))
        elif token.type == "list_item_open":
            items.extend(_item(tokens, index, start, end))
    for item in items:
        below = next(
            (n for n in range(item.line + 1, item.end) if lines[n - 1].strip() == "" != lines[n].strip()),
            None,
        )
        if below is not None:
            cuts[below] = Cut.WHOLE
    return Outline(headings, cuts, items)


def _item(tokens: Sequence[Token], index: int, start: int, end: int) -> list[Item]:
    """A list item whose first paragraph is short and has something below it: a term, or a lead."""
    if index + 3 >= len(tokens) or tokens[index + 1].type != "paragraph_open":
        return []
    if tokens[index + 4].type == "list_item_close":
        return []
    term = _plain(tokens[index + 2])
    return [Item(start, end, term)] if term and len(term) <= _TERM_LENGTH else []


def _blank_front_matter(text: str) -> str:
    # To CommonMark, front matter is a rule and a heading.
    return FRONT_MATTER.sub(lambda match: "\n" * match[0].count("\n"), text)


def _plain(inline: Token) -> str:
    """A heading's words without their markup."""
    children = _INLINE.parseInline(inline.content)[0].children or []
    words = "".join(" " if child.type == "softbreak" else child.content for child in children)
    return " ".join(words.split())[:TITLE_LENGTH]
