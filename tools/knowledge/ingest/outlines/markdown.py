"""Where a Markdown document can be cut, and which headings stand above each line.

The block structure is CommonMark's (with tables), as markdown-it-py reads it.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .shape import Cut, Heading, Outline

__all__ = ["FRONT_MATTER", "markdown_outline"]

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<yaml>(?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")

_HEADING_LENGTH = 200
_BLOCKS = MarkdownIt("commonmark").enable("table").disable("inline")
_INLINE = MarkdownIt("commonmark")


def markdown_outline(text: str) -> Outline:
    """Read the block structure of a Markdown document."""
    lines = text.split("\n")
    cuts = [Cut.LINE] * len(lines)
    headings: list[Heading] = []
    tokens = _BLOCKS.parse(_blank_front_matter(text))
    for index, token in enumerate(tokens):
        if token.map is None or token.nesting < 0 or token.type == "inline":
            continue
        start, end = token.map[0], min(token.map[1], len(lines))
        if start >= len(lines):
            continue
        cuts[start] = min(cuts[start], Cut.BLOCK if token.level == 0 else Cut.NESTED)
        if token.type == "fence":
            cuts[start + 1 : end] = [Cut.FENCE] * max(0, end - start - 1)
        elif token.type == "heading_open" and token.level == 0:
            headings.append(Heading(start, int(token.tag[1]), _plain(tokens[index + 1])))
    return Outline(headings, cuts)


def _blank_front_matter(text: str) -> str:
    # To CommonMark, front matter is a rule and a heading.
    return FRONT_MATTER.sub(lambda match: "\n" * match[0].count("\n"), text)


def _plain(inline: Token) -> str:
    """A heading's words without their markup."""
    children = _INLINE.parseInline(inline.content)[0].children or []
    words = "".join(" " if child.type == "softbreak" else child.content for child in children)
    return " ".join(words.split())[:_HEADING_LENGTH]
