"""Where a text can be cut, and which headings stand above each line."""

from __future__ import annotations

from .asciidoc import asciidoc_outline
from .code import code_outline
from .lines import mark_sentences
from .markdown import FRONT_MATTER, markdown_outline
from .markup import plain_outline, sections_outline, table_outline
from .outline import Cut, Heading, Item, Kind, Outline
from .rst import rst_outline
from .xml import xml_outline

__all__ = ["FRONT_MATTER", "Cut", "Heading", "Item", "Kind", "Outline", "outline_of"]

_PARSE_LIMIT = 1_000_000
"""Characters. The Markdown parser needs about a second for this much, and up to a minute for one endless
list."""

_OUTLINES = {
    "markdown": markdown_outline,
    "rst": rst_outline,
    "asciidoc": asciidoc_outline,
    "xml": xml_outline,
    "code": code_outline,
    "sections": sections_outline,
    "table": table_outline,
    "plain": plain_outline,
}


def outline_of(text: str, kind: Kind) -> Outline:
    """Read the structure of a text."""
    if kind == "markdown" and len(text) > _PARSE_LIMIT:
        kind = "sections"
    found = _OUTLINES[kind](text)
    if kind != "code":
        mark_sentences(text.split("\n"), found.cuts)
    return found
