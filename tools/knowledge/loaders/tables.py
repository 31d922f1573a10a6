"""CSV, TSV and Excel: a line for each row, which names the columns itself.

So a passage from row 5,000 can be understood, and found by the names of its columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

from ..errors import NoTextError
from ..raw import Raw
from .converting import converting, open_package
from .loaded import Loaded, literal, made_of
from .text import text_of

__all__ = ["load_table", "load_xlsx"]

MAX_CELLS = 1_000_000
"""Of a workbook; about a minute."""
_LIMIT = 64 * 2**20
"""Bytes of XML, without the sheets, which are read row by row."""
_SHEET_LIMIT = 512 * 2**20
_SNIFF = 8_192
_FIELD_LIMIT = 2**31 - 1


def load_table(raw: Raw) -> Loaded:
    """Read comma- or tab-separated values. Line *n* of the text is row *n*.

    Raises:
        NoTextError: it is empty, binary, or in an unknown encoding.
    """
    text = text_of(raw)
    csv.field_size_limit(_FIELD_LIMIT)  # There is no other way to read a long field.
    with converting("table"):
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        lines = "".join(f"{line}\n" for line in _named(rows))
    if not lines.strip():
        raise NoTextError("empty")
    return Loaded(text=lines, title=raw.name, kind="plain")


def load_xlsx(raw: Raw) -> Loaded:
    """Read the sheets of a workbook, each a section; formulas give the values they last had.

    Raises:
        NoTextError: it is broken, encrypted, too large when unpacked, or holds no values.
    """
    _check(raw.data)
    openpyxl: Any = import_module("openpyxl")
    with converting("XLSX"):
        book = openpyxl.load_workbook(io.BytesIO(raw.data), read_only=True, data_only=True, keep_links=False)
        try:
            text = made_of(_sheets(book.worksheets), nothing="no values in this workbook")
        finally:
            book.close()
    return Loaded(text=text, title=raw.name, kind="sections")


def _check(data: bytes) -> None:
    for sheets, limit in ((False, _LIMIT), (True, _SHEET_LIMIT)):
        open_package(
            data,
            "XLSX",
            part_of_memory=lambda name, sheets=sheets: (
                name.endswith((".xml", ".rels")) and name.startswith("xl/worksheets/") == sheets
            ),
            limit=limit,
        ).close()


def _delimiter(text: str) -> str:
    """The delimiter that the first line has most of."""
    first = text.lstrip("\n")[:_SNIFF].split("\n", 1)[0]
    return max(",\t;|", key=first.count)


def _sheets(sheets: Iterable[Any]) -> Iterator[str]:
    left = MAX_CELLS

    def rows(sheet: Any) -> Iterator[list[str]]:
        nonlocal left
        for row in sheet.iter_rows(values_only=True):
            left -= max(1, len(row))
            if left <= 0:
                return
            yield [_cell(value) for value in row]

    for sheet in sheets:
        sheet.reset_dimensions()  # Some programs write them wrong, and rows would be lost.
        lines = (literal(line) for line in _named(rows(sheet)) if line)
        if first := next(lines, None):
            yield from [f"# {_cell(sheet.title)}", "", first, *lines, ""]
        if left <= 0:
            yield f"[What follows is left out: of a workbook, {MAX_CELLS:,} cells are read. Save it as CSV.]"
            return


def _named(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A line for each row: ``column: value; column: value``, once a row was seen that names the columns."""
    header: list[str] = []
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        if header:
            yield "; ".join(
                f"{header[n]}: {cell}" if n < len(header) and header[n] else cell
                for n, cell in enumerate(cells)
                if cell
            )
        else:
            yield "; ".join(cell for cell in cells if cell)
            if _names_columns(cells):
                header = cells


def _names_columns(cells: Sequence[str]) -> bool:
    """Whether a row can be a header: two names or more, no name twice, no numbers."""
    names = [cell for cell in cells if cell]
    return len(names) > 1 and len(set(names)) == len(names) and not any(map(_is_number, names))


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ".").strip("%$€£ "))
    except ValueError:
        return False
    return True


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split()).removesuffix(" 00:00:00")
