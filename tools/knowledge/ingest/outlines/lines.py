"""What can be told of the lines of a text whatever its markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .outline import Cut, Heading

__all__ = ["LIST_ITEM", "TITLE_LENGTH", "indent_of", "mark_sentences", "paragraphs", "underlined"]

TITLE_LENGTH = 200
LIST_ITEM = re.compile(r"\s*(?:[-*+•‣–]|\(?(?:\d{1,3}|[a-zA-Z#])[.)])\s+\S")
_RULE = re.compile(r"([!-/:-@\[-`{-~])\1+$")
_SENTENCE_END = re.compile(r"[.!?:;。！？：；][\"'”’»)\]*_`]*$")
_GOES_ON = re.compile(r"[a-z,.;:)\]}]")


def indent_of(line: str) -> int:
    """How far a line is indented (a tab goes to the next multiple of eight); -1 for a blank one."""
    expanded = line.expandtabs()
    words = expanded.lstrip()
    return len(expanded) - len(words) if words else -1


def paragraphs(lines: Sequence[str]) -> list[Cut]:
    """A block begins after every blank line, and a smaller one with every item of a list."""
    cuts: list[Cut] = []
    for n, line in enumerate(lines):
        if n and line.strip() and not lines[n - 1].strip():
            cuts.append(Cut.BLOCK)
        else:
            cuts.append(Cut.NESTED if LIST_ITEM.match(line) else Cut.LINE)
    return cuts


def mark_sentences(lines: Sequence[str], cuts: list[Cut]) -> None:
    """Find the lines that begin a sentence in the middle of a block."""
    for n in range(1, len(lines)):
        if cuts[n] is Cut.LINE:
            above, line = lines[n - 1].rstrip(), lines[n].lstrip()
            if not above and line:
                cuts[n] = Cut.NESTED
            elif line and _SENTENCE_END.search(above) and not _GOES_ON.match(line):
                cuts[n] = Cut.SENTENCE


def underlined(lines: Sequence[str]) -> Iterator[Heading]:
    """Titles that are underlined, or between two lines (docutils, "reStructuredText Markup", Sections).

    Which mark is above which is decided by their first use.
    """
    levels: dict[tuple[str, bool], int] = {}
    for n in range(1, len(lines)):
        title, rule = lines[n - 1].strip(), lines[n].rstrip()
        if not title or not _RULE.match(rule) or _RULE.match(title) or len(rule) < min(len(title), 4):
            continue
        over = n >= 2 and lines[n - 2].rstrip() == rule
        if not over and (lines[n - 1][0].isspace() or (n >= 2 and lines[n - 2].strip())):
            continue
        level = levels.setdefault((rule[0], over), len(levels) + 1)
        yield Heading(n - 2 if over else n - 1, level, title[:TITLE_LENGTH])
