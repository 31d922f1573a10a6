"""Excel, with openpyxl."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any, TypedDict

__all__ = ["MAX_CELLS", "Sheet", "parse"]

MAX_CELLS = 1_000_000
"""Of a workbook; about a minute."""


class Sheet(TypedDict):
    """A sheet."""

    title: str
    rows: list[list[str]]
    """Without empty rows, and without empty cells at the ends of rows."""
    hidden: bool
    """Whether those who open the workbook do not see it."""
    complete: bool
    """False where the limit was reached; then it is the last sheet."""


def parse(data: bytes) -> list[Sheet]:
    """Read the sheets in order; formulas give the values they last had."""
    # openpyxl can do without, and starts in half the time.
    sys.modules.setdefault("numpy", None)  # pyright: ignore[reportArgumentType]
    openpyxl: Any = import_module("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    return list(_sheets(book.worksheets))


def _sheets(sheets: Iterable[Any]) -> Iterator[Sheet]:
    left = MAX_CELLS
    for sheet in sheets:
        sheet.reset_dimensions()  # Some programs write them wrong, and rows would be lost.
        rows: list[list[str]] = []
        for row in sheet.iter_rows():
            left -= max(1, len(row))
            if left <= 0:
                break
            cells = [_cell(cell.value, cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                rows.append(cells)
        yield Sheet(title=sheet.title, rows=rows, hidden=sheet.sheet_state != "visible", complete=left > 0)
        if left <= 0:
            return


def _cell(value: object, cell: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in str(cell.number_format):
        # Multiplied as it is written: 0.07 times 100 is not 7 in binary.
        return f"{(Decimal(str(value)) * 100).normalize():f}%"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split()).removesuffix(" 00:00:00")
