"""Pages cut into headings, paragraphs, list items, terms, table rows and code.

Markdown, reStructuredText, AsciiDoc and the Markdown that HTML is turned into are read by one set of rules:
what a page shows may begin anywhere, so nothing depends on having seen a document's beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .block import Block, Kind, Title
from .tables import ANY_TAG, CELL_OPENS, ROW, RULE, Table

__all__ = ["blocks_of"]

_HEADING = re.compile(r"^ {0,3}(?:#{1,6}|={1,6})\s+(?P<text>\S.*?)\s*[#=]*\s*$")
_UNDERLINE = re.compile(r"^(?P<mark>[=\-~^*+#\"'`:.])(?P=mark){2,}\s*$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_LISTING = re.compile(r"^(?:-{4,}|\.{4,}|\+{4,})$")
_ITEM = re.compile(r"^(?P<mark>\s*(?:[-*+•]|\*{2,5}|\.{1,5}|#\.|\d{1,3}[.)])\s+)(?=\S)")
_DATA = re.compile(
    r"^\s*(?:[\[\]{}()]+[,;]?|[\"'][^\"']*[\"']\s*:.*|[\"'][^\"'\s]*[\"'],?|\".*\\n\",?|[\[{].*[\]}][,;]?"
    r"|(?:>>>|\.\.\.|\$) \S.*)\s*$"
)
"""A line of JSON, of a Python literal, of a notebook or of a session at a prompt."""
_DIRECTIVE = re.compile(r"^(?P<indent>\s*)\.\. (?P<name>[\w:+-]+)::(?: +(?P<argument>\S.*?))?\s*$")
_COMMENT = re.compile(
    r"^\s*\.\.(?:\s|$)|^\[[^\]\n]*\]$|^ifdef::|^ifndef::|^endif::|^include::|^//|^\s*:[\w-]+:\s*$"
)
_UNREAD = frozenset({
    "code", "code-block", "sourcecode", "highlight", "literalinclude", "toctree", "index", "doctest",
    "testcode", "testsetup", "testoutput", "parsed-literal", "productionlist", "raw",
    "math", "image", "figure", "contents",
})  # fmt: skip
"""Directives of reStructuredText whose body is no prose."""
_ADMONITIONS = frozenset(
    [
        "note",
        "warning",
        "tip",
        "seealso",
        "important",
        "caution",
        "danger",
        "hint",
        "attention",
        "admonition",
        "topic",
        "only",
        "rubric",
    ]
)
_LABELLED = re.compile(r"^\s*(?P<term>\S.{0,200}?)(?:::|;;)$")
_FIELD = re.compile(r"^\s*:(?P<name>\w[^:\n]{0,60}):\s+(?P<text>\S.*)$")
_LONGEST_TERM = 6
"""In words; a line of more that ends in ``::`` is a sentence before code."""
_BLANKS = 3
"""A page leaves out blank lines: numbers that lie no further apart have nothing but those between them."""


@dataclass
class _Open:
    """The block that is being read."""

    kind: Kind
    indent: int
    lines: list[tuple[int, str]]


def blocks_of(lines: Mapping[int, str], *, source: str = "") -> Iterator[Block | Title]:
    """The blocks of a page in order; a wide gap in the line numbers ends whatever stands before it.

    Args:
        lines: line number to text.
        source: name of the document; ``.rst`` tells code after ``::`` from a definition.
    """
    return _Reader(dict(_without_front_matter(lines)), source).read()


class _Reader:
    def __init__(self, lines: Mapping[int, str], source: str) -> None:
        self._lines = lines
        self._numbers = list(lines)
        self._rst = source.endswith((".rst", ".rst.txt"))
        self._last_of: dict[str, int] = {}  # of each delimiter of a listing
        for number, line in lines.items():
            if _LISTING.match(line):
                self._last_of[line] = number
        self._open: _Open | None = None
        self._closing: str | None = None
        self._literal: int | None = None  # what is indented deeper than this is no prose
        self._under: int | None = None  # indent of the item or term that is read
        self._attached = False  # by AsciiDoc's "+" to that item
        self._table = Table()

    def read(self) -> Iterator[Block | Title]:
        if _begins_in_code(self._lines):
            self._closing = "```"
            self._open = _Open("code", 0, [])
        before = None
        skip = 0
        for position, number in enumerate(self._numbers):
            line = self._lines[number]
            if before is not None and number != before + 1:
                if self._closing is None or number > before + _BLANKS:
                    yield from self._end()
                if number > before + _BLANKS:
                    self._closing = self._literal = None
                    self._table.leave()
            before = number
            if skip:
                skip -= 1
                continue
            if self._closing is not None:
                yield from self._in_listing(number, line)
                continue
            if line.strip() == "+":
                yield from self._end()
                self._attached = self._under is not None
                continue
            if self._is_underlined(position):
                yield from self._end()
                yield Title(ANY_TAG.sub("", line).strip())
                skip = 1
                continue
            yield from self._line(position, number, line)
        yield from self._end()

    def _in_listing(self, number: int, line: str) -> Iterator[Block]:
        closes = _FENCE.match(line) if self._closing == "```" else line == self._closing
        if closes:
            yield from self._end()
            self._closing = None
        else:
            self._hold("code", 0, number, line)

    def _line(self, position: int, number: int, line: str) -> Iterator[Block | Title]:
        indent = _indent(line)
        if not line.strip():
            if not (self._open and self._open.kind in ("code", "row")):
                yield from self._end()
            return
        if self._literal is not None:
            if indent > self._literal:
                yield from self._change("code", indent)
                self._hold("code", indent, number, line)
                return
            self._literal = None
            yield from self._end()
        if (self._open and self._open.kind == "row") or CELL_OPENS.search(line):
            yield from self._html_row(indent, number, line)
        elif _FENCE.match(line) or self._opens_listing(position, number, line):
            yield from self._end()
            self._closing = "```" if _FENCE.match(line) else line
        elif heading := _HEADING.match(line):
            yield from self._end()
            self._table.leave()
            yield Title(ANY_TAG.sub("", heading["text"]).strip())
        else:
            yield from self._drawn(position, number, line, indent)

    def _drawn(self, position: int, number: int, line: str, indent: int) -> Iterator[Block]:
        """Directives, tables drawn with characters, rules; else text."""
        if directive := _DIRECTIVE.match(line):
            yield from self._end()
            yield from self._directive(directive, number)
        elif _COMMENT.match(line):
            yield from self._end()
        elif self._table.takes(line):
            if not self._table.goes_on(line):
                yield from self._end()
            yield from self._table.row(number, line, self._at(position + 1))
        elif RULE.match(line):
            yield from self._end()
            self._table.rule(line)
        elif "<" in line and not any(map(str.isalnum, ANY_TAG.sub("", line))):
            yield from self._end()  # tags and nothing else
        else:
            self._table.leave()
            yield from self._text(position, number, line, indent)

    def _text(self, position: int, number: int, line: str, indent: int) -> Iterator[Block]:
        if item := _ITEM.match(line):
            yield from self._end()
            self._open = _Open("item", indent, [(number, line[item.end() :])])
            self._under = indent
        elif _DATA.match(line):
            yield from self._change("code", indent)
            self._hold("code", indent, number, line)
        elif (
            (label := _LABELLED.match(line)) and len(label["term"].split()) <= _LONGEST_TERM and not self._rst
        ):
            yield from self._end()
            self._under = indent
            yield Block(kind="term", lines=((number, label["term"]),), indent=indent)
        elif field := _FIELD.match(line):
            yield from self._end()
            self._open = _Open("item", indent, [(number, line[field.start("name") :])])
        elif not self._open and self._is_term(position, line):
            yield Block(kind="term", lines=((number, line.strip()),), indent=indent)
        else:
            if self._open and self._open.kind == "code":
                yield from self._end()
            if line.lstrip().startswith("<") and ANY_TAG.match(line.lstrip()):
                yield from self._end()
            self._hold("sentence", indent, number, line)
            if self._rst and line.rstrip().endswith("::"):
                self._literal = indent

    def _hold(self, kind: Kind, indent: int, number: int, line: str) -> None:
        self._begin(kind, indent).lines.append((number, line))

    def _begin(self, kind: Kind, indent: int) -> _Open:
        if self._open is None:
            if self._attached and self._under is not None:
                indent = self._under + 1
            self._attached = False
            self._open = _Open(kind, indent, [])
        return self._open

    def _change(self, kind: Kind, indent: int) -> Iterator[Block]:
        if self._open and self._open.kind != kind:
            yield from self._end()
        self._begin(kind, indent)

    def _end(self) -> Iterator[Block]:
        yield from self._table.end_row()
        if self._open and self._open.lines:
            block, self._open = self._open, None
            if block.kind == "row":
                yield from self._table.html_row(block.lines, block.indent)
            else:
                yield Block(kind=block.kind, lines=tuple(block.lines), indent=block.indent)
        self._open = None

    def _opens_listing(self, position: int, number: int, line: str) -> bool:
        """Whether a line opens a listing of AsciiDoc: it has a partner below, and text follows at once."""
        if not _LISTING.match(line) or self._last_of[line] <= number or self._open:
            return False
        behind = self._at(position + 1)
        return behind is not None and bool(behind.strip())

    def _is_underlined(self, position: int) -> bool:
        line, below = self._lines[self._numbers[position]], self._at(position + 1)
        if below is None or self._open or not _UNDERLINE.match(below) or RULE.match(line):
            return False
        if _ITEM.match(line) or ROW.match(line) or _COMMENT.match(line) or _indent(line):
            return False
        return len(below.strip()) >= min(len(line.strip()), 80) - 2

    def _is_term(self, position: int, line: str) -> bool:
        """Whether a line is short, ends like no sentence, and what follows at once is indented deeper."""
        below = self._at(position + 1)
        return (
            below is not None
            and bool(below.strip())
            and _indent(below) > _indent(line)
            and len(line.split()) <= _LONGEST_TERM
            and not line.rstrip().endswith((".", ",", ";", ":", "!", "?"))
            and not _ITEM.match(below)
        )

    def _at(self, position: int) -> str | None:
        """The line at a position, if it follows the one before without a gap."""
        if position >= len(self._numbers) or self._numbers[position] != self._numbers[position - 1] + 1:
            return None
        return self._lines[self._numbers[position]]

    def _directive(self, found: re.Match[str], number: int) -> Iterator[Block]:
        name, argument, indent = found["name"].lower(), found["argument"], len(found["indent"])
        if name.split(":")[-1] in _UNREAD or name.startswith(("version", "deprecated", "current")):
            if name in _UNREAD:
                self._literal = indent
        elif argument and name in _ADMONITIONS:
            self._open = _Open("sentence", indent, [(number, argument)])
        elif argument:
            yield Block(kind="term", lines=((number, argument),), indent=indent)

    def _html_row(self, indent: int, number: int, line: str) -> Iterator[Block]:
        yield from self._change("row", indent)
        self._hold("row", indent, number, line)
        if self._open and self._table.closes(self._open.lines):
            yield from self._end()


def _indent(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())


def _begins_in_code(lines: Mapping[int, str]) -> bool:
    """Whether the first fence shown ends a block from above: it is bare, and has no partner."""
    fences = [lines[number].strip() for number in sorted(lines) if _FENCE.match(lines[number])]
    return bool(fences) and len(fences) % 2 == 1 and fences[0] in ("```", "~~~") and 1 not in lines


def _without_front_matter(lines: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    inside = False
    for number in sorted(lines):
        rule = lines[number].strip() == "---"
        if not inside and not (number == 1 and rule):
            yield number, lines[number]
        inside = (number == 1 and rule) or (inside and not rule)
