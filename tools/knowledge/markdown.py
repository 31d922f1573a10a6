"""Where a Markdown document can be cut, and which headings stand above each line.

Lines are counted from 0 here. The block structure is CommonMark's (with tables), as markdown-it-py reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import PurePath

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["FRONT_MATTER", "Cut", "Heading", "Outline", "is_markdown", "outline", "plain_outline"]

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")

_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mkd"})
_PARSE_LIMIT = 1_000_000
"""Characters. The parser needs about a second for this much, and up to a minute for one endless list."""

_HEADING_LENGTH = 200
_BLOCKS = MarkdownIt("commonmark").enable("table").disable("inline")
_INLINE = MarkdownIt("commonmark")


class Cut(IntEnum):
    """How well the text can be cut before a line; lower is better."""

    BLOCK = 0
    """A paragraph, list, table or fence begins here."""
    NESTED = 1
    """A block inside another one begins here, such as a list item."""
    LINE = 2
    """In the middle of a block."""
    FENCE = 3
    """In the middle of fenced code."""


@dataclass(frozen=True)
class Heading:
    """A heading and where it stands."""

    line: int
    level: int
    text: str


@dataclass(frozen=True)
class Outline:
    """The headings of a document, and a cut for each of its lines."""

    headings: list[Heading]
    cuts: list[Cut]


def is_markdown(name: str, text: str) -> bool:
    """Whether a file is read as Markdown: by its suffix, and if it is not too large to parse."""
    return PurePath(name).suffix.lower() in _SUFFIXES and len(text) <= _PARSE_LIMIT


@lru_cache(maxsize=1)
def outline(text: str) -> Outline:
    """Read the block structure of a Markdown document. The last result is kept: it is asked for twice."""
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


def plain_outline(text: str) -> Outline:
    """The structure of a text without markup: a block begins after every blank line."""
    lines = text.split("\n")
    return Outline(
        [],
        [
            Cut.BLOCK if n and not lines[n - 1].strip() and line.strip() else Cut.LINE
            for n, line in enumerate(lines)
        ],
    )


def _blank_front_matter(text: str) -> str:
    # To CommonMark, front matter is a rule and a heading.
    return FRONT_MATTER.sub(lambda match: "\n" * match[0].count("\n"), text)


def _plain(inline: Token) -> str:
    """A heading's words without their markup."""
    children = _INLINE.parseInline(inline.content)[0].children or []
    words = "".join(" " if child.type == "softbreak" else child.content for child in children)
    return " ".join(words.split())[:_HEADING_LENGTH]
