"""Pages cut into headings, paragraphs, list items, terms, table rows and code.

Markdown, reStructuredText, AsciiDoc and the Markdown that HTML is turned into are read by one set of rules:
what a page shows may begin anywhere, so nothing depends on having seen a document's beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "Kind", "Title", "blocks_of"]

Kind = Literal["sentence", "item", "term", "row", "code"]
"""A ``term`` is what a definition defines: it is quoted with its definition."""

_HEADING = re.compile(r"^ {0,3}(?:#{1,6}|={1,6})\s+(?P<text>\S.*?)\s*[#=]*\s*$")
_UNDERLINE = re.compile(r"^(?P<mark>[=\-~^*+#\"'`:.])(?P=mark){2,}\s*$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_LISTING = re.compile(r"^(?:-{4,}|\.{4,}|\+{4,})$")
_ITEM = re.compile(r"^(?P<mark>\s*(?:[-*+•]|\*{2,5}|\.{1,5}|#\.|\d{1,3}[.)])\s+)(?=\S)")
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_RULE = re.compile(r"^[\s|:\-=*_+~^]*$")
_SIMPLE_RULE = re.compile(r"^\s*={2,}(?: +={2,})+\s*$")
_CELL_OPENS = re.compile(r"<t[rdh]\b", re.IGNORECASE)
_ROW_CLOSES = re.compile(r"</tr\s*>", re.IGNORECASE)
_CELL = re.compile(
    r"<t(?P<kind>[dh])\b[^>]{0,300}>(?P<text>.*?)(?=</t[dhr]|<t[dhr]\b|$)", re.IGNORECASE | re.DOTALL
)
_ANY_TAG = re.compile(r"<[^<>]{1,300}>")
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
_AFTER_RULE = {"": "head", "head": "body", "body": ""}
_LONGEST_TERM = 6
"""In words; a line of more that ends in ``::`` is a sentence before code."""
_MOST_ROW_LINES = 80
_BLANKS = 3
"""A page leaves out blank lines: numbers that lie no further apart have nothing but those between them."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines that belong together."""

    kind: Kind
    lines: Sequence[tuple[int, str]]
    """Line number, and the line without the marks at its start."""
    indent: int = 0
    """Columns before its text's marks; what is indented deeper stands under it."""
    cells: tuple[str, ...] = ()
    """Of a row."""
    columns: tuple[str, ...] = ()
    """The headings above the cells; empty where none are known."""


@dataclass(frozen=True)
class Title:
    """A heading."""

    text: str


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
        self._columns: tuple[str, ...] = ()
        self._grid: list[tuple[int, list[str]]] = []
        self._under: int | None = None  # indent of the item or term that is read
        self._attached = False  # by AsciiDoc's "+" to that item
        self._in_grid = False
        self._heads: list[tuple[int, str]] = []  # lines above its second rule
        self._simple = ""  # which part of a table between rules of "=" is being read

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
                    self._columns, self._in_grid, self._simple = (), False, ""
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
                yield Title(_ANY_TAG.sub("", line).strip())
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
        if (self._open and self._open.kind == "row") or _CELL_OPENS.search(line):
            yield from self._html_row(indent, number, line)
        elif _FENCE.match(line) or self._opens_listing(position, number, line):
            yield from self._end()
            self._closing = "```" if _FENCE.match(line) else line
        elif heading := _HEADING.match(line):
            yield from self._end()
            self._columns, self._in_grid, self._simple = (), False, ""
            yield Title(_ANY_TAG.sub("", heading["text"]).strip())
        else:
            yield from self._drawn(position, number, line, indent)

    def _drawn(self, position: int, number: int, line: str, indent: int) -> Iterator[Block]:
        """Directives, tables drawn with characters, rules; else text."""
        drawn = _ROW.match(line) or _SIMPLE_RULE.match(line) or self._simple
        if directive := _DIRECTIVE.match(line):
            yield from self._end()
            yield from self._directive(directive, number)
        elif _COMMENT.match(line):
            yield from self._end()
        elif drawn or (self._in_grid and _RULE.match(line)):
            if not (self._in_grid and _ROW.match(line)):
                yield from self._end()
            yield from self._row(position, number, line)
        elif _RULE.match(line):
            yield from self._end()
            self._in_grid = line.lstrip().startswith("+-")
        elif "<" in line and not any(map(str.isalnum, _ANY_TAG.sub("", line))):
            yield from self._end()  # tags and nothing else
        else:
            self._columns, self._in_grid, self._simple = (), False, ""
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
            if line.lstrip().startswith("<") and _ANY_TAG.match(line.lstrip()):
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
        if self._grid:
            yield from self._grid_row()
        if self._open and self._open.lines:
            block, self._open = self._open, None
            if block.kind == "row":
                yield self._cells_of(block)
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
        if below is None or self._open or not _UNDERLINE.match(below) or _RULE.match(line):
            return False
        if _ITEM.match(line) or _ROW.match(line) or _COMMENT.match(line) or _indent(line):
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

    def _row(self, position: int, number: int, line: str) -> Iterator[Block]:
        """A line of a table that is drawn with characters."""
        if _SIMPLE_RULE.match(line):
            below = self._at(position + 1)
            if self._simple == "head" and not (below and below.strip()):  # a table without headings
                yield from (
                    Block(kind="row", lines=(each,), cells=_wide_cells(each[1])) for each in self._heads
                )
                self._simple = "body"
            self._simple, self._heads = _AFTER_RULE[self._simple], []
        elif _RULE.match(line):
            self._in_grid = self._in_grid or line.lstrip().startswith("+")
        elif self._simple:
            cells = _wide_cells(line)
            if self._simple == "head":
                self._columns = cells
                self._heads.append((number, line.strip()))
            else:
                yield Block(kind="row", lines=((number, line.strip()),), cells=cells, columns=self._columns)
        elif self._in_grid:
            self._grid.append((number, _cells(line)))
        elif (below := self._at(position + 1)) and _RULE.match(below) and "-" in below:
            self._columns = tuple(_cells(line))
        else:
            text = line.strip().strip("|").strip()
            yield Block(kind="row", lines=((number, text),), cells=tuple(_cells(line)), columns=self._columns)

    def _grid_row(self) -> Iterator[Block]:
        """The lines between two rules of a grid, put together cell by cell."""
        rows, self._grid = self._grid, []
        if not rows:
            return
        width = max(len(cells) for _, cells in rows)
        cells = tuple(
            " ".join(part for _, each in rows if len(each) > index and (part := each[index]))
            for index in range(width)
        )
        if not self._columns:
            self._columns = cells
        else:
            lines = tuple((number, " | ".join(each)) for number, each in rows)
            yield Block(kind="row", lines=lines, cells=cells, columns=self._columns)

    def _html_row(self, indent: int, number: int, line: str) -> Iterator[Block]:
        yield from self._change("row", indent)
        self._hold("row", indent, number, line)
        full = self._open is not None and len(self._open.lines) >= _MOST_ROW_LINES
        if _ROW_CLOSES.search(line) or full:
            found = self._cells_of(self._open) if self._open else None
            self._open = None
            if found is not None and (found.cells or found.columns != self._columns):
                self._columns = found.columns
                if found.cells:
                    yield found
        if "</table" in line.lower():
            self._columns = ()

    def _cells_of(self, block: _Open) -> Block:
        """A row of HTML; one of headings only gives the columns of those below."""
        text = " ".join(line for _, line in block.lines)
        found = [
            (cell["kind"].lower(), " ".join(_ANY_TAG.sub(" ", cell["text"]).split()))
            for cell in _CELL.finditer(text)
        ]
        cells = tuple(text for _, text in found)
        heads = bool(found) and all(kind == "h" for kind, _ in found)
        return Block(
            kind="row",
            lines=tuple(block.lines),
            indent=block.indent,
            cells=() if heads else cells,
            columns=cells if heads else self._columns,
        )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))]


def _wide_cells(line: str) -> tuple[str, ...]:
    return tuple(re.split(r"\s{2,}", line.strip()))


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
