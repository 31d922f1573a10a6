"""Structures that need no parser: headings marked by their own line, paragraphs, tables."""

from __future__ import annotations

import re

from .lines import TITLE_LENGTH, paragraphs, underlined
from .outline import Cut, Heading, Outline

__all__ = ["plain_outline", "sections_outline", "table_outline"]

_HEADING = re.compile(r"(?P<marks>#{1,6})[ \t]+(?P<text>\S.*)")
_FENCE = re.compile(r"`{3,}|~{3,}")
_CELLS = re.compile(r"[^\s,;|].*[,\t;|].*[^\s,;|]")


def plain_outline(text: str) -> Outline:
    """The structure of a text without markup: paragraphs, lists, and titles that are underlined."""
    lines = text.split("\n")
    cuts = paragraphs(lines)
    headings = list(underlined(lines))
    for heading in headings:
        cuts[heading.line] = Cut.BLOCK
        cuts[heading.line + 1] = Cut.WHOLE
    return Outline(headings, cuts)


def sections_outline(text: str) -> Outline:
    """Headings are lines such as ``## Heading``, outside fences."""
    lines = text.split("\n")
    cuts = paragraphs(lines)
    headings: list[Heading] = []
    closing = ""
    for n, line in enumerate(lines):
        if closing:
            cuts[n] = Cut.WHOLE
            mark = line.rstrip()
            if mark.startswith(closing) and not mark.strip(closing[0]):
                closing = ""
        elif found := _FENCE.match(line):
            closing = found[0]
        elif found := _HEADING.match(line):
            headings.append(Heading(n, len(found["marks"]), found["text"].strip()[:TITLE_LENGTH]))
            cuts[n] = Cut.BLOCK
    return Outline(headings, cuts)


def table_outline(text: str) -> Outline:
    """One section for all rows; its heading is the first row of several cells, which may name the columns."""
    lines = text.split("\n")
    first = next((line for line in lines if _CELLS.search(line)), "")
    heading = " ".join(first.replace("\t", " | ").split())[:TITLE_LENGTH]
    # A row is a line, so any line will do.
    cuts = [Cut.NESTED if cut is Cut.LINE else cut for cut in paragraphs(lines)]
    return Outline([Heading(0, 1, f"First row: {heading}")] if heading else [], cuts)
