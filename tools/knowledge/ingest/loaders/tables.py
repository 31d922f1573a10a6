"""CSV, TSV and Excel: a line for each row, as it is.

The first row is in the heading of every passage, so one from row 5,000 can be understood, and found by the
names of its columns. Whether that row does name them is left to the reader: nothing is put into a line that
does not stand in the document.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from ...errors import NoTextError
from ...values import Mark
from ..outlines import outline_of
from ..sources.item import RawDocument
from .converting import converting, open_package
from .isolated import parsed
from .loaded import Loaded, as_title, literal, made_of
from .parsers.workbook import MAX_CELLS, Sheet
from .text import text_of

__all__ = ["load_table", "load_xlsx"]

_MAX_SHEETS = 512 * 2**20
"""Bytes of a workbook, unpacked: they are read piece by piece, and a cell takes a hundred of them."""
_SNIFF = 8_192
_EMPTY = '\n\t ,;|"'

# There is no other way to read a long field. The limit is the whole program's, so it is raised once and
# stays: that only lets through what would have been an error.
csv.field_size_limit(2**31 - 1)


def load_table(raw: RawDocument) -> Loaded:
    """Read comma- or tab-separated values. Line *n* of the text is row *n*.

    Raises:
        NoTextError: it is empty, binary, or in an unknown encoding.
    """
    text = text_of(raw)
    if not text.strip(_EMPTY):
        raise NoTextError("empty")
    with converting("table"):
        rows = "".join(f"{row}\n" for row in _rows(text))
    return Loaded(text=rows, title=raw.name, kind="table")


def load_xlsx(raw: RawDocument) -> Loaded:
    """Read the sheets of a workbook, each a section; formulas give the values they last had.

    Raises:
        NoTextError: it is broken, encrypted, too large when unpacked, or holds no values.
        UnreadableError: it could not be read this time.
    """
    open_package(raw.data, "XLSX", most=_MAX_SHEETS).close()
    sheets: list[Sheet] = parsed(raw.data, parser="workbook", what="XLSX", office="openpyxl")
    text = made_of(_sheets(sheets), nothing="no values in this workbook")
    outline = outline_of(text, "sections")
    names = [as_title(sheet["title"]) for sheet in sheets if sheet["rows"]]
    marks = [
        Mark(heading.line + 1, "sheet", name) for heading, name in zip(outline.headings, names, strict=False)
    ]
    return Loaded(
        text=text,
        title=raw.name,
        kind="sections",
        marks=marks if len(names) == len(outline.headings) else (),
        outline=outline,
    )


def _rows(text: str) -> Iterator[str]:
    """The text of each row; one that goes over several lines is put on one."""
    lines = text.removesuffix("\n").split("\n")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=_delimiter(text))
    begin = 0
    for _ in reader:
        yield " ".join(lines[begin : reader.line_num])
        begin = reader.line_num


def _delimiter(text: str) -> str:
    """The delimiter that the first line has most of."""
    first = text.lstrip("\n")[:_SNIFF].split("\n", 1)[0]
    return max(",\t;|", key=first.count)


def _sheets(sheets: Sequence[Sheet]) -> Iterator[str]:
    for sheet in sheets:
        rows = [" | ".join(row) for row in sheet["rows"]]
        if rows:
            pairs = zip(rows, sheet["rows"], strict=True)
            # A title above the table is in a cell of its own.
            first = next((row for row, cells in pairs if sum(map(bool, cells)) > 1), "")
            about = ["hidden sheet"] * sheet["hidden"] + [f"first row: {first}"] * bool(first)
            yield as_title(f"# {sheet['title']}" + (f" ({'; '.join(about)})" if about else ""))
            yield from ["", *map(literal, rows), ""]
        if not sheet["complete"]:
            yield f"[What follows is left out: of a workbook, {MAX_CELLS:,} cells are read. Save it as CSV.]"
