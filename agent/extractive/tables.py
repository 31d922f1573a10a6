"""Tables: Markdown's, the grids and the simple tables of reStructuredText, and rows of HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .block import Block

__all__ = ["ANY_TAG", "CELL_OPENS", "ROW", "RULE", "Table"]

ROW = re.compile(r"^\s*\|.*\|\s*$")
RULE = re.compile(r"^[\s|:\-=*_+~^]*$")
CELL_OPENS = re.compile(r"<t[rdh]\b", re.IGNORECASE)
ANY_TAG = re.compile(r"<[^<>]{1,300}>")
_SIMPLE_RULE = re.compile(r"^\s*={2,}(?: +={2,})+\s*$")
_ROW_CLOSES = re.compile(r"</tr\s*>", re.IGNORECASE)
_CELL = re.compile(
    r"<t(?P<kind>[dh])\b[^>]{0,300}>(?P<text>.*?)(?=</t[dhr]|<t[dhr]\b|$)", re.IGNORECASE | re.DOTALL
)
_AFTER_RULE = {"": "head", "head": "body", "body": ""}
_MOST_ROW_LINES = 80


class Table:
    """The table that is being read, if there is one; each row comes with the headings of its columns."""

    def __init__(self) -> None:
        self.leave()
        self._grid: list[tuple[int, list[str]]] = []

    def leave(self) -> None:
        """Forget the columns: what follows stands in no table."""
        self._columns: tuple[str, ...] = ()
        self._in_grid = False
        self._simple = ""  # which part of a simple table, whose rules are of "=", is being read
        self._heads: list[tuple[int, str]] = []  # its lines above the second rule

    def takes(self, line: str) -> bool:
        """Whether a line belongs to a table that is drawn with characters."""
        drawn = ROW.match(line) or _SIMPLE_RULE.match(line) or self._simple
        return bool(drawn or (self._in_grid and RULE.match(line)))

    def goes_on(self, line: str) -> bool:
        """Whether a line goes on with the row of a grid."""
        return self._in_grid and ROW.match(line) is not None

    def rule(self, line: str) -> None:
        """Take a rule outside of any table, which may open a grid."""
        self._in_grid = line.lstrip().startswith("+-")

    def row(self, number: int, line: str, below: str | None) -> Iterator[Block]:
        """Take a line that is drawn with characters; ``below`` is the one that follows at once."""
        if _SIMPLE_RULE.match(line):
            if self._simple == "head" and not (below and below.strip()):  # a table without headings
                for each in self._heads:
                    yield Block(kind="row", lines=(each,), cells=_wide_cells(each[1]))
                self._simple = "body"
            self._simple, self._heads = _AFTER_RULE[self._simple], []
        elif RULE.match(line):
            self._in_grid = self._in_grid or line.lstrip().startswith("+")
        elif self._simple == "head":
            self._columns = _wide_cells(line)
            self._heads.append((number, line.strip()))
        elif self._simple:
            text = line.strip()
            yield Block(kind="row", lines=((number, text),), cells=_wide_cells(text), columns=self._columns)
        elif self._in_grid:
            self._grid.append((number, _cells(line)))
        elif below and RULE.match(below) and "-" in below:
            self._columns = tuple(_cells(line))
        else:
            text = line.strip().strip("|").strip()
            yield Block(kind="row", lines=((number, text),), cells=tuple(_cells(line)), columns=self._columns)

    def end_row(self) -> Iterator[Block]:
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

    def closes(self, lines: Sequence[tuple[int, str]]) -> bool:
        """Whether the lines of a row of HTML are all of it."""
        return len(lines) >= _MOST_ROW_LINES or _ROW_CLOSES.search(lines[-1][1]) is not None

    def html_row(self, lines: Sequence[tuple[int, str]], indent: int) -> Iterator[Block]:
        """A row of HTML; one of headings only gives the columns of those below."""
        text = " ".join(line for _, line in lines)
        found = [
            (cell["kind"].lower(), " ".join(ANY_TAG.sub(" ", cell["text"]).split()))
            for cell in _CELL.finditer(text)
        ]
        cells = tuple(text for _, text in found)
        if cells and all(kind == "h" for kind, _ in found):
            self._columns = cells
        elif cells:
            yield Block(kind="row", lines=tuple(lines), indent=indent, cells=cells, columns=self._columns)
        if "</table" in lines[-1][1].lower():
            self._columns = ()


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))]


def _wide_cells(line: str) -> tuple[str, ...]:
    return tuple(re.split(r"\s{2,}", line.strip()))
