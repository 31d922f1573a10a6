"""AsciiDoc: sections, delimited blocks, lists and definitions (docs.asciidoctor.org, "AsciiDoc Language").

The older form of titles is read too: underlined, with a line as long as the title, give or take two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .lines import LIST_ITEM, TITLE_LENGTH
from .outline import Cut, Heading, Item, Outline

__all__ = ["asciidoc_outline"]

_TITLE = re.compile(r"(?P<marks>={1,6}|#{1,6})[ \t]+(?P<text>\S.*?)(?:[ \t]+(?P=marks))?[ \t]*$")
_UNDERLINES = "=-~^+"
_UNDERLINE = re.compile(r"([=\-~^+])\1+$")
_DELIMITER = re.compile(
    r"(?P<verbatim>-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,}\w*|~{4,})$|(?P<open>={4,}|\*{4,}|_{4,}|--|[|,:!]={3,})$"
)
_ABOUT_NEXT = re.compile(r"\[.*\]$|\.[^\s.].*$|(?:ifdef|ifndef|ifeval)::\S*\[.*\]$|//(?!/)")
"""What belongs to the block below: attributes, an anchor, a title, a condition, a comment."""
_TERM = re.compile(r"(?P<term>\S.*?)(?P<mark>:{2,4}|;;)(?:[ \t]+\S.*)?$")
_TERM_LENGTH = 120
_INDENT = re.compile(r"[ \t]*")
_MACRO = re.compile(r"[\w-]+::\S*\[")
_ITEM = re.compile(r"[ \t]*(?:\*{1,5}|\.{1,5}|-|\d+\.|<\d+>)[ \t]+\S")


@dataclass
class _Reading:
    lines: Sequence[str]
    cuts: list[Cut] = field(init=False)
    headings: list[Heading] = field(default_factory=list[Heading])
    items: list[Item] = field(default_factory=list[Item])
    open_terms: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])
    """Of definitions that go on: mark, first line, term."""
    below_title: int = 0
    """The line behind the last title."""

    def __post_init__(self) -> None:
        self.cuts = [Cut.LINE] * len(self.lines)

    def close(self, end: int, mark: str | None = None) -> None:
        """End the definitions that the next one with ``mark`` ends, or all of them."""
        marks = [each for each, _, _ in self.open_terms]
        keep = len(marks) if mark is None else marks.index(mark) if mark in marks else None
        if mark is None:
            keep = 0
        if keep is not None:
            for _, line, term in self.open_terms[keep:]:
                self.items.append(Item(line, end, term))
            del self.open_terms[keep:]


def asciidoc_outline(text: str) -> Outline:
    """Read the structure of an AsciiDoc document."""
    read = _Reading(text.split("\n"))
    blocks: list[str] = []
    verbatim = ""
    n = 0
    while n < len(read.lines):
        line = read.lines[n].rstrip()
        if verbatim:
            read.cuts[n] = Cut.WHOLE
            if line == verbatim:
                verbatim = ""
        elif found := _delimiter(read.lines, n):
            _start(read, n, nested=bool(blocks))
            if found["verbatim"]:
                verbatim = re.sub(r"\w+$", "", line)
            elif line in blocks:
                read.cuts[n] = Cut.WHOLE
                del blocks[blocks.index(line) :]
            else:
                blocks.append(line)
        elif not blocks and (heading := _heading(read.lines, n)):
            read.close(n)
            read.headings.append(replace(heading, line=_start(read, n, nested=False)))
            if not _TITLE.match(line):
                n += 1
                read.cuts[n] = Cut.WHOLE
            read.below_title = n + 1
        else:
            _line(
                read,
                n,
                nested=bool(blocks),
                table="=" in (blocks or [""])[-1][1:4] and blocks[-1][0] in "|,:!",
            )
        n += 1
    read.close(len(read.lines))
    read.items.sort(key=lambda item: (item.line, -item.end))
    return Outline(read.headings, read.cuts, read.items)


def _delimiter(lines: Sequence[str], n: int) -> re.Match[str] | None:
    """The match of a line that begins or ends a delimited block, and underlines no title."""
    found = _DELIMITER.match(lines[n].rstrip())
    return None if found is None or (n and _is_underline(lines, n)) else found


def _is_underline(lines: Sequence[str], n: int) -> bool:
    title, rule = lines[n - 1].rstrip(), lines[n].rstrip()
    return (
        _UNDERLINE.match(rule) is not None
        and not title[:1].isspace()
        and any(character.isalnum() for character in title)
        and abs(len(title) - len(rule)) <= 2
        and not _ABOUT_NEXT.match(title)
        and (n < 2 or not lines[n - 2].strip() or _ABOUT_NEXT.match(lines[n - 2]) is not None)
    )


def _heading(lines: Sequence[str], n: int) -> Heading | None:
    if found := _TITLE.match(lines[n]):
        return Heading(n, len(found["marks"]), found["text"][:TITLE_LENGTH])
    if n + 1 < len(lines) and _is_underline(lines, n + 1):
        return Heading(n, 1 + _UNDERLINES.index(lines[n + 1][0]), lines[n].strip()[:TITLE_LENGTH])
    return None


def _start(read: _Reading, n: int, *, nested: bool) -> int:
    """A block begins on line ``n``, or with what is said of it right above; the line where it does."""
    first = n
    while first and _ABOUT_NEXT.match(read.lines[first - 1]) and read.cuts[first - 1] is not Cut.WHOLE:
        first -= 1
    continued = first > 0 and read.lines[first - 1].strip() == "+"
    read.cuts[first] = Cut.WHOLE if continued else Cut.NESTED if nested or read.open_terms else Cut.BLOCK
    for line in range(first + 1, n + 1):
        read.cuts[line] = Cut.WHOLE
    return first


def _line(read: _Reading, n: int, *, nested: bool, table: bool) -> None:
    line = read.lines[n]
    above = read.lines[n - 1].strip() if n else ""
    if not line.strip():
        return
    if table:
        read.cuts[n] = Cut.NESTED if line.lstrip().startswith("|") else Cut.WHOLE
        return
    if line.strip() == "+":  # joins the block below to the item above
        read.cuts[n] = Cut.NESTED
        return
    term = None if _MACRO.match(line) else _TERM.match(line.strip())
    # A term begins after a blank line or another definition, not in the middle of a paragraph.
    if term and len(term["term"]) <= _TERM_LENGTH and (not above or _ends_item(read, n)):
        _term(read, n, term["term"], term["mark"], _is_term(read, n - 1))
    elif n and _is_term(read, n - 1):
        read.cuts[n] = Cut.WHOLE
    elif _ITEM.match(line) or LIST_ITEM.match(line):
        read.cuts[n] = Cut.WHOLE if above == "+" else Cut.NESTED
    elif not above:
        if read.open_terms and not nested and not line[0].isspace() and not _ABOUT_NEXT.match(line):
            read.close(n)
        if n >= 2 and _is_term(read, n - 2) and read.open_terms:
            read.cuts[n] = Cut.WHOLE
        else:
            _start(read, n, nested=nested)
    elif above == "+" or _ABOUT_NEXT.match(read.lines[n - 1]):
        _start(read, n, nested=nested)


def _term(read: _Reading, n: int, term: str, mark: str, follows: bool) -> None:
    shown = " ".join(term.split())
    if follows and read.open_terms and read.open_terms[-1][0] == mark:
        # Several terms of one definition.
        _, line, first = read.open_terms[-1]
        read.open_terms[-1] = (mark, line, f"{first}, {shown}"[:_TERM_LENGTH])
        read.cuts[n] = Cut.WHOLE
        return
    read.close(n, mark) if mark in [each for each, _, _ in read.open_terms] else None
    _start(read, n, nested=True)
    read.open_terms.append((mark, n, shown))


def _is_term(read: _Reading, n: int) -> bool:
    """Whether line ``n`` is a term without anything of its definition."""
    return bool(read.open_terms) and n >= 0 and bool(re.search(r"\S(?::{2,4}|;;)\s*$", read.lines[n]))


def _ends_item(read: _Reading, n: int) -> bool:
    """Whether what stands right above line ``n`` is part of a list of definitions, or about this one."""
    return bool(read.open_terms) or n == read.below_title or _ABOUT_NEXT.match(read.lines[n - 1]) is not None
