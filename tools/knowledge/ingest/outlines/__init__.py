"""Where a text can be cut, and which headings stand above each line."""

from __future__ import annotations

from functools import lru_cache

from .code import code_outline
from .markdown import FRONT_MATTER, markdown_outline
from .markup import asciidoc_outline, plain_outline, rst_outline, sections_outline, table_outline
from .shape import Cut, Heading, Kind, Outline

__all__ = ["FRONT_MATTER", "Cut", "Heading", "Kind", "Outline", "outline"]

_PARSE_LIMIT = 1_000_000
"""Characters. The Markdown parser needs about a second for this much, and up to a minute for one endless
list."""

_OUTLINES = {
    "markdown": markdown_outline,
    "rst": rst_outline,
    "asciidoc": asciidoc_outline,
    "code": code_outline,
    "sections": sections_outline,
    "table": table_outline,
    "plain": plain_outline,
}


@lru_cache(maxsize=1)
def outline(text: str, kind: Kind) -> Outline:
    """Read the structure of a text. The last result is kept: it is asked for twice."""
    if kind == "markdown" and len(text) > _PARSE_LIMIT:
        return sections_outline(text)
    return _OUTLINES[kind](text)
