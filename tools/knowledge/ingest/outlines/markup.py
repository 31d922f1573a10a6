"""Headings of texts whose markup needs no parser: marked by their own line, or by the line below."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .shape import Cut, Heading, Outline

__all__ = ["asciidoc_outline", "plain_outline", "rst_outline", "sections_outline", "table_outline"]

_HEADING_LENGTH = 200
_HASHES = re.compile(r"(?P<marks>#{1,6})[ \t]+(?P<text>\S.*)")
_EQUALS = re.compile(r"(?P<marks>={1,6})[ \t]+(?P<text>\S.*)")
_FENCE = re.compile(r"`{3,}|~{3,}")
_DELIMITER = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|\+{4,}|/{4,}|_{4,})$")
_CELLS = re.compile(r"[^\s,;|].*[,\t;|].*[^\s,;|]")
_RULE = re.compile(r"([!-/:-@\[-`{-~])\1+$")


def plain_outline(text: str) -> Outline:
    """The structure of a text without markup: a block begins after every blank line."""
    return Outline([], _paragraphs(text.split("\n")))


def sections_outline(text: str) -> Outline:
    """Headings are lines such as ``## Heading``, outside fences."""
    return _marked(text, _HASHES, _FENCE, longer_closes=True)


def asciidoc_outline(text: str) -> Outline:
    """Headings are lines such as ``== Heading``, outside delimited blocks (AsciiDoc, "Sections")."""
    return _marked(text, _EQUALS, _DELIMITER, longer_closes=False)


def rst_outline(text: str) -> Outline:
    """Headings are underlined, or between two lines (docutils, "reStructuredText Markup", Sections).

    Which mark is above which is decided by their first use.
    """
    lines = text.split("\n")
    cuts = _paragraphs(lines)
    headings: list[Heading] = []
    levels: dict[tuple[str, bool], int] = {}
    for n in range(1, len(lines)):
        title, rule = lines[n - 1].strip(), lines[n].rstrip()
        if not title or not _RULE.match(rule) or _RULE.match(title) or len(rule) < min(len(title), 4):
            continue
        over = n >= 2 and lines[n - 2].rstrip() == rule
        if not over and (lines[n - 1][0].isspace() or (n >= 2 and lines[n - 2].strip())):
            continue
        first = n - 2 if over else n - 1
        level = levels.setdefault((rule[0], over), len(levels) + 1)
        headings.append(Heading(first, level, title[:_HEADING_LENGTH]))
        cuts[first] = Cut.BLOCK
    return Outline(headings, cuts)


def table_outline(text: str) -> Outline:
    """One section for all rows; its heading is the first row of several cells, which may name the columns."""
    lines = text.split("\n")
    first = next((line for line in lines if _CELLS.search(line)), "")
    heading = " ".join(first.replace("\t", " | ").split())[:_HEADING_LENGTH]
    return Outline([Heading(0, 1, f"First row: {heading}")] if heading else [], _paragraphs(lines))


def _marked(text: str, heading: re.Pattern[str], fence: re.Pattern[str], *, longer_closes: bool) -> Outline:
    lines = text.split("\n")
    cuts = _paragraphs(lines)
    headings: list[Heading] = []
    closing = ""
    for n, line in enumerate(lines):
        if closing:
            cuts[n] = Cut.FENCE
            mark = line.rstrip()
            if mark == closing or (longer_closes and mark.startswith(closing) and not mark.strip(closing[0])):
                closing = ""
        elif found := fence.match(line):
            closing = found[0]
        elif found := heading.match(line):
            headings.append(Heading(n, len(found["marks"]), found["text"].strip()[:_HEADING_LENGTH]))
            cuts[n] = Cut.BLOCK
    return Outline(headings, cuts)


def _paragraphs(lines: Sequence[str]) -> list[Cut]:
    return [
        Cut.BLOCK if n and not lines[n - 1].strip() and line.strip() else Cut.LINE
        for n, line in enumerate(lines)
    ]
