"""From words with their places to paragraphs, rows of tables and code.

A page is drawn in some order, and that is nearly always the order of reading: it is kept. What is drawn one
after the other and stands below each other is a stack; stacks beside each other are cells of a row, unless
they are as long as columns of text are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple, TypedDict

__all__ = ["Block", "Word", "arranged"]

_LIST_ITEM = re.compile(r"(?:[-*•‣–◦▪●■]|\(?(?:\d{1,3}|[a-zA-Z])[.)])$")
_LEADERS = re.compile(r"(?:\. ?){4,}|(?: \.){4,}")
_HYPHENS = ("\x02", "\ufffe", "\u00ad")
"""How PDFium marks a word that was divided at the end of a line."""
_GAP = 1.4
"""Of the height of a line: a wider gap parts two cells."""
_LEADING = 1.75
"""Of the height of a line: a line further below is of another paragraph."""
_HIGHER = 2.5
"""Lines by which a cell may begin above the one before it."""
_COLUMN_LINES = 8
_PROSE_LINES, _PROSE_LENGTH = 4, 25


class Word(NamedTuple):
    """Letters without a blank, in points from the lower left corner of the page."""

    text: str
    left: float
    right: float
    base: float
    height: float
    """Of a line in this size."""
    fixed: bool
    """Whether all letters of its font are as wide."""


class Block(TypedDict):
    """A paragraph, a row of a table, or lines of code."""

    kind: Literal["prose", "row", "code"]
    lines: list[str]
    """As they stand on the page; of a row, one."""
    top: float
    """Where it begins, as a share of the page's height: 1 at the top."""
    bottom: float
    size: int
    """1 where the letters are larger than most of the page, -1 where they are smaller."""


@dataclass
class _Run:
    """Words of one line without a wide gap."""

    words: list[Word]
    base: float
    height: float

    @property
    def left(self) -> float:
        return self.words[0].left

    @property
    def right(self) -> float:
        return self.words[-1].right

    @property
    def fixed(self) -> bool:
        return all(word.fixed for word in self.words)

    @property
    def text(self) -> str:
        return _joined([word.text for word in self.words])


@dataclass
class _Cell:
    """Runs below each other."""

    runs: list[_Run]

    left: float = field(init=False)
    right: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = min(run.left for run in self.runs)
        self.right = max(run.right for run in self.runs)

    def add(self, run: _Run) -> None:
        self.runs.append(run)
        self.left, self.right = min(self.left, run.left), max(self.right, run.right)


_Row = list[_Cell]
"""Cells beside each other, from left to right; a paragraph is one by itself."""


def arranged(words: Sequence[Word], height: float) -> list[Block]:
    """The blocks of a page in reading order."""
    runs = _runs(words)
    if not runs:
        return []
    usual = sorted(run.height for run in runs)[len(runs) // 2]
    blocks: list[Block] = []
    table: list[_Row] = []
    for row in _rows(runs):
        if len(row) > 1 and not all(run.fixed for cell in row for run in cell.runs):
            table.append(row)
            continue
        blocks.extend(_table(table, height))
        table = []
        blocks.extend(_paragraphs(row, height, usual))
    blocks.extend(_table(table, height))
    return blocks


def _runs(words: Sequence[Word]) -> list[_Run]:
    runs: list[_Run] = []
    for word in words:
        if runs and (joined := _onto(runs[-1], word)) is not None:
            runs[-1].words.append(joined)
            if word.height > runs[-1].height:
                runs[-1].base, runs[-1].height = word.base, word.height
        else:
            runs.append(_Run([word], word.base, word.height))
    return runs


def _onto(run: _Run, word: Word) -> Word | None:
    """A word as it goes on a run, or None."""
    height = max(run.height, word.height)
    gap = word.left - run.right
    off = word.base - run.base
    if gap > _GAP * height or word.left < run.words[-1].left or gap < -height:
        return None
    if abs(off) < 0.15 * height:
        return word
    smaller = word.height < 0.92 * run.height
    if smaller and -0.5 * height < off < 0.8 * height:
        # Raised behind a word of its own, as the mark of a footnote.
        mark = "^" if off > 0 and gap < 0.3 * height and word.text[:1].isdigit() else ""
        return word._replace(text=mark + word.text)
    larger = run.height < 0.92 * word.height
    return word if larger and -0.8 * height < off < 0.5 * height else None


def _rows(runs: Sequence[_Run]) -> Iterator[_Row]:
    row: _Row = []
    for run in runs:
        if row and _below(row[-1], run, alone=len(row) == 1):
            row[-1].add(run)
        elif row and _beside(row, run):
            if (
                len(row) == 1
                and len(row[0].runs) > 1
                and abs(row[0].runs[0].base - run.base) > 0.35 * run.height
            ):
                # A gap in the last line of a paragraph.
                yield from _parted([_Cell(row[0].runs[:-1])])
                row = [_Cell(row[0].runs[-1:])]
            row.append(_Cell([run]))
        else:
            yield from _parted(row)
            row = [_Cell([run])]
    yield from _parted(row)


def _below(cell: _Cell, run: _Run, *, alone: bool) -> bool:
    last = cell.runs[-1]
    height = max(last.height, run.height)
    step = last.base - run.base
    if not 0.35 * height < step < _LEADING * height or run.left > cell.right or run.right < cell.left:
        return False
    if abs(last.height - run.height) > 0.12 * height or last.fixed != run.fixed:
        return False
    if not alone and run.left < cell.left - 0.5 * height:
        return False
    if alone and len(cell.runs) > 1:
        return step < 1.3 * (cell.runs[-2].base - last.base)
    return True


def _beside(row: _Row, run: _Run) -> bool:
    right = max(cell.right for cell in row)
    if run.left < right:
        return False
    bases = [cell.runs[0].base for cell in row]
    if len(row) == 1:
        bases.append(row[0].runs[-1].base)
    if any(abs(base - run.base) < 0.35 * run.height for base in bases):
        return True
    # Cells may stand in the middle of their row: another one begins a little higher, or ends lower.
    top = max(cell.runs[0].base for cell in row)
    bottom = min(cell.runs[-1].base for cell in row)
    short = len(row) > 1 or len(row[0].runs) <= 2
    return short and bottom - 0.2 * run.height < run.base < top + _HIGHER * run.height


def _parted(row: _Row) -> Iterator[_Row]:
    """A row as it is, or its cells one by one where they are columns of text."""
    long = [cell for cell in row if _is_column(cell)]
    if len(long) > 1:
        yield from ([cell] for cell in row)
    elif len(row) > 1 and _is_justified(row):
        yield [
            _Cell([_Run([word for cell in row for word in cell.runs[0].words], run.base, run.height)])
            for run in row[0].runs
        ]
    elif row:
        yield row


def _is_justified(row: _Row) -> bool:
    """Whether it is a line of text in which the blanks were made wide."""
    if len(row) < 4 or any(len(cell.runs) > 1 for cell in row):
        return False
    words = [word for cell in row for word in cell.runs[0].words]
    gaps = [after.left - before.right for before, after in pairwise(words)]
    return max(gaps) < min(1.35 * min(gaps), 3 * words[0].height)


def _is_column(cell: _Cell) -> bool:
    length = sum(len(run.text) for run in cell.runs) / len(cell.runs)
    return len(cell.runs) >= _COLUMN_LINES or (len(cell.runs) >= _PROSE_LINES and length >= _PROSE_LENGTH)


def _table(rows: Sequence[_Row], height: float) -> Iterator[Block]:
    """Rows with a place for every column, so that an empty cell moves no other one."""
    if not rows:
        return
    columns = _columns(rows)
    for row in rows:
        cells = [""] * len(columns)
        for cell in row:
            middle = (cell.left + cell.right) / 2
            place = min(
                range(len(columns)), key=lambda n: _distance(columns[n], cell.left, cell.right, middle)
            )
            text = _plain(_joined([run.text for run in cell.runs]))
            cells[place] = f"{cells[place]} {text}".strip()
        if any(map(_LEADERS.search, cells)):  # a table of contents
            cells = [" ".join(_LEADERS.sub(" … ", " ".join(cells)).split())]
        yield _block("row", [" | ".join(cells).rstrip(" |")], row, height)


def _columns(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """Where the columns are, by the rows with the most cells."""
    most = max(map(len, rows))
    spans = sorted((cell.left, cell.right) for row in rows if len(row) == most for cell in row)
    columns: list[tuple[float, float]] = []
    for left, right in spans:
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    if len(columns) >= most:
        return columns
    full = next(row for row in rows if len(row) == most)
    return [(cell.left, cell.right) for cell in full]


def _distance(column: tuple[float, float], left: float, right: float, middle: float) -> tuple[float, float]:
    shared = min(column[1], right) - max(column[0], left)
    return (-max(0.0, shared), abs((column[0] + column[1]) / 2 - middle))


def _paragraphs(row: _Row, height: float, usual: float) -> Iterator[Block]:
    """The paragraphs of a stack."""
    if all(run.fixed for cell in row for run in cell.runs):
        yield _block("code", _code(row), row, height)
        return
    (cell,) = row
    begin = 0
    for n in range(1, len(cell.runs) + 1):
        if n == len(cell.runs) or _begins(cell, n, begin):
            yield _prose(cell.runs[begin:n], height, usual)
            begin = n


def _begins(cell: _Cell, n: int, begin: int) -> bool:
    """Whether line ``n`` of a stack begins a paragraph."""
    last, run = cell.runs[n - 1], cell.runs[n]
    if _LEADERS.search(last.text):
        return True
    if last.text.endswith(_HYPHENS):
        return False
    margin = 0.6 * run.height
    if _LIST_ITEM.match(run.words[0].text) and (len(run.words) > 1):
        return run.words[0].text[0].isalnum() is False or _ends(last) or run.left < last.left + margin
    space = cell.right - last.right
    fits = space > (run.words[0].right - run.words[0].left) + 0.3 * run.height
    if fits and (_ends(last) or space > 0.5 * (cell.right - cell.left)):
        return True
    indented = run.left > last.left + margin
    if indented and n - begin > 1:
        return True
    # Back at the margin, after lines further in that are more than the first one of a paragraph.
    return run.left < last.left - margin and n - begin > 1 and _ends(last)


def _ends(run: _Run) -> bool:
    return run.words[-1].text.rstrip("\"'”’)]")[-1:] in (".", "!", "?", ":", ";", "。")


def _prose(runs: Sequence[_Run], height: float, usual: float) -> Block:
    cell = _Cell(list(runs))
    size = (min(run.height for run in runs) > 1.1 * usual) - (max(run.height for run in runs) < 0.92 * usual)
    block = _block("prose", [run.text for run in runs], [cell], height, size)
    if _LEADERS.search(block["lines"][0]):  # a line of a table of contents
        block["kind"], block["lines"] = "row", [" ".join(_LEADERS.sub(" … ", block["lines"][0]).split())]
    return block


def _code(row: _Row) -> list[str]:
    """Lines of code with their indentation and their gaps."""
    runs = sorted((run for cell in row for run in cell.runs), key=lambda run: (-run.base, run.left))
    widths = sorted((w.right - w.left) / len(w.text) for run in runs for w in run.words if w.text)
    width = max(widths[len(widths) // 2], 0.1)
    margin = min(run.left for run in runs)
    lines: list[str] = []
    base = None
    for run in runs:
        if base is None or base - run.base > 0.35 * run.height:
            lines.append("")
        for word in run.words:
            column = min(round((word.left - margin) / width), 400)
            gap = column - len(lines[-1])
            lines[-1] += " " * max(gap, 1 if lines[-1] else 0) + _plain(word.text)
        base = run.base
    return lines


def _joined(lines: Sequence[str]) -> str:
    """Lines as one; words that were divided are whole again."""
    text = ""
    for line in lines:
        if text.endswith(_HYPHENS):
            before = text[:-1]
            keeps = not (before[-1:].isalpha() and line[:1].islower())
            text = before + ("-" if keeps else "") + line
        else:
            text = f"{text} {line}" if text else line
    return text


def _plain(text: str) -> str:
    """Without the mark of a word that is divided and goes on elsewhere."""
    return text.rstrip("".join(_HYPHENS))


def _block(
    kind: Literal["prose", "row", "code"], lines: list[str], row: _Row, height: float, size: int = 0
) -> Block:
    top = max(run.base + run.height for cell in row for run in cell.runs)
    bottom = min(run.base for cell in row for run in cell.runs)
    scale = height or 1.0
    return Block(
        kind=kind,
        lines=[_joined(lines)] if kind == "prose" else lines,
        top=top / scale,
        bottom=bottom / scale,
        size=size,
    )
