"""Cutting a document into passages.

Passages tile the document: in order, without gap or overlap, each a run of whole lines. Joined again they are
the document, so no second copy of the text is kept. One exception to "whole lines": a line too long for a
Milvus string becomes several passages with the same line number.

A passage follows the headings. A section longer than a passage is cut where the text allows it best
(between blocks, else between nested blocks, else between lines, inside fenced code only when the code is
longer than any passage may be); sections shorter than a passage join their neighbours below the same parent.
A passage that begins inside a definition or an item of a list carries its term, as if it were a heading.
General text splitters (semantic-text-splitter, for one) cut long lines anywhere and know no headings, so that
neither whole lines nor a heading for each passage would be left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from .outlines import Cut, Item, Kind, Outline, outline_of

__all__ = ["Chunk", "join_chunks", "split_passages"]

MIN_WEIGHT = 150
MAX_WEIGHT = 2_100
"""Characters; about 25 and 350 English words. A character of a script without spaces counts three times.

The least is low on purpose: a short section under a heading of its own, such as a question in a FAQ, is found
best by itself."""
HARD_WEIGHT = 6_300
"""No passage is heavier, unless it is a single line. Reached only where a cut would go through code."""
_RANKS = {
    Cut.BLOCK: (0, 2),
    Cut.NESTED: (1, 3),
    Cut.SENTENCE: (4, 5),
    Cut.LINE: (6, 7),
    Cut.WHOLE: (8, 8),
}
"""How bad it is to cut there, at a good place and early in the passage."""
_NO_CUT = 8
_MOST_WEIGHT = [MAX_WEIGHT] * 6 + [MAX_WEIGHT * 3 // 2] * 2 + [HARD_WEIGHT] * 2
"""How far to look for a better cut than one of this rank: past the middle of a sentence, then of code."""
MAX_LINE_BYTES = 11_000
"""A longer line is cut. A Milvus string holds 65,535 bytes; the search terms of a line of Chinese
take nearly six times as many as the line itself."""

_HEADING_LENGTH = 300
_LETTER = re.compile(r"\w")
_DENSE_SCRIPT = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage before it has a place in the base. Lines count from 1; ``end_line`` is inclusive."""

    start_line: int
    end_line: int
    heading: str
    text: str


@dataclass(slots=True)
class _Section:
    """Lines ``start`` to ``end`` (exclusive, from 0) below one heading, or several joined ones."""

    start: int
    end: int
    path: tuple[str, ...]
    """The headings above, its own included."""
    parent: tuple[str, ...] | None
    """The headings above without its own; None before the first heading."""
    bare: bool
    """Whether there is nothing below the heading."""


def split_passages(text: str, *, kind: Kind, outline: Outline | None = None) -> list[Chunk]:
    """Cut ``text`` (whose lines end with a newline) into passages; an empty text has none.

    Args:
        text: the document.
        kind: how it is built.
        outline: its outline, where that is known already.
    """
    lines = text.removesuffix("\n").split("\n") if text else []
    outline = outline or outline_of(text, kind)
    # weights[n] is the weight of the first n lines.
    weights = list(accumulate((_weight(line) for line in lines), initial=0))
    terms = _Terms(outline.items)
    chunks: list[Chunk] = []
    for section in _joined(_sections(lines, outline), weights):
        for start, end in _cut(section, weights, outline.cuts):
            heading = " > ".join([*section.path, *terms.around(start, section.start)])
            chunks.extend(_chunks(lines, start, end, heading))
    return chunks


def join_chunks(chunks: Sequence[tuple[int, int, str]]) -> dict[int, str]:
    """Lines by number, from consecutive ``(start_line, end_line, text)``; the inverse of the cutting."""
    lines: dict[int, str] = {}
    for start, _, text in chunks:
        for number, line in enumerate(text.split("\n"), start):
            lines[number] = lines.get(number, "") + line
    return lines


def _weight(line: str) -> int:
    if line.isascii():
        return len(line) + 1
    return len(line) + 1 + 2 * len(_DENSE_SCRIPT.findall(line))


def _sections(lines: Sequence[str], outline: Outline) -> Iterator[_Section]:
    starts = [heading.line for heading in outline.headings]
    ends = [*starts, len(lines)]
    yield _Section(0, ends[0], (), None, bare=False)
    open_headings: list[tuple[int, str]] = []
    for heading, end in zip(outline.headings, ends[1:], strict=True):
        while open_headings and open_headings[-1][0] >= heading.level:
            open_headings.pop()
        parent = tuple(text for _, text in open_headings)
        open_headings.append((heading.level, heading.text))
        path = tuple(text for _, text in open_headings if text)
        # The heading itself may stand a line further down, and what underlines it is no text below it.
        below = (line.strip() for line in lines[heading.line + 1 : end])
        bare = not any(line != heading.text and _LETTER.search(line) for line in below)
        yield _Section(heading.line, end, path, parent, bare)


def _joined(sections: Iterator[_Section], weights: Sequence[int]) -> Iterator[_Section]:
    """Join small sections with the next one, where they have the same parent or one is the other's parent."""

    def weight(section: _Section) -> int:
        return weights[section.end] - weights[section.start]

    last: _Section | None = None
    for section in sections:
        if section.start == section.end:
            continue
        if last is None:
            last = section
        elif (last.bare and last.path and section.path[: len(last.path)] == last.path) or (
            # A heading with nothing below it belongs to what follows.
            (weight(last) < MIN_WEIGHT or (weight(section) < MIN_WEIGHT / 3 and not section.bare))
            and weight(last) + weight(section) <= MAX_WEIGHT
            and (section.parent == last.parent or section.parent == last.path or last.parent is None)
        ):
            last = _join(last, section)
        else:
            yield last
            last = section
    if last is not None:
        yield last


def _join(first: _Section, second: _Section) -> _Section:
    """Join two sections under the headings they share.

    Where the first has no heading, or nothing else, the second names the passage. Where they share none, as
    two slides do, both name it.
    """
    if (first.bare or first.parent is None) and second.path[: len(first.path)] == first.path:
        return _Section(first.start, second.end, second.path, second.parent, second.bare)
    shared = [one for one, other in zip(first.path, second.path, strict=False) if one == other]
    if not shared and first.path and second.path:
        shared = [_both(first.path[-1], second.path[-1])]
    return _Section(first.start, second.end, tuple(shared), first.parent, bare=False)


def _both(first: str, second: str) -> str:
    """Two headings, or as much of them as a heading may have."""
    return first if len(first) + len(second) > _HEADING_LENGTH else f"{first}; {second}"


class _Terms:
    """The terms of the definitions and items that lines lie in; to be asked for lines in their order."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._next = 0
        self._open: list[Item] = []

    def around(self, line: int, since: int) -> list[str]:
        """The terms of what began before ``line`` and goes on there, from the line ``since`` on."""
        while self._next < len(self._items) and self._items[self._next].line < line:
            self._open.append(self._items[self._next])
            self._next += 1
        self._open = [item for item in self._open if item.end > line]
        return [item.term for item in self._open if item.line >= since]


def _cut(section: _Section, weights: Sequence[int], cuts: Sequence[Cut]) -> Iterator[tuple[int, int]]:
    start = section.start
    while start < section.end:
        end = _next_cut(start, section.end, weights, cuts)
        yield start, end
        start = end


def _next_cut(start: int, end: int, weights: Sequence[int], cuts: Sequence[Cut]) -> int:
    total = weights[end] - weights[start]
    if total <= MAX_WEIGHT:
        return end
    # Equal parts read better than full ones with a stump at the end.
    ideal = total / -(-total // MAX_WEIGHT)
    best, best_rank = start + 1, (_NO_CUT + 1, 0.0)
    for line in range(start + 1, end):
        weight = weights[line] - weights[start]
        if weight > _MOST_WEIGHT[best_rank[0]]:
            break
        # What is shorter than a passage may be, such as a lone heading, stays with what follows.
        rank = _NO_CUT if weight < MIN_WEIGHT else _RANKS[cuts[line]][weight < ideal / 2]
        if (rank, abs(weight - ideal)) < best_rank:
            best, best_rank = line, (rank, abs(weight - ideal))
    if best_rank[0] >= _NO_CUT and total <= HARD_WEIGHT:
        return end
    # A blank line (weight 1) ends a passage and never begins one.
    while (
        best < end and weights[best + 1] - weights[best] == 1 and weights[best] - weights[start] < HARD_WEIGHT
    ):
        best += 1
    return best


def _chunks(lines: Sequence[str], start: int, end: int, heading: str) -> Iterator[Chunk]:
    """Lines ``start`` to ``end`` as one passage, or more where a line is too long."""
    long = [
        n
        for n in range(start, end)
        if len(lines[n]) * 4 > MAX_LINE_BYTES and _bytes(lines[n]) > MAX_LINE_BYTES
    ]
    edges = sorted({start, end, *long, *(n + 1 for n in long)})
    for first, last in pairwise(edges):
        if first in long:
            for part in _parts(lines[first]):
                yield Chunk(first + 1, first + 1, heading, part)
        else:
            yield Chunk(first + 1, last, heading, "\n".join(lines[first:last]))


def _parts(line: str) -> Iterator[str]:
    """Cut a line after a blank where there is one."""
    start = 0
    while start < len(line):
        window = line[start : start + MAX_LINE_BYTES]
        piece = window.encode()[:MAX_LINE_BYTES].decode(errors="ignore")
        if start + len(piece) < len(line):
            piece = piece[: piece.rfind(" ", len(piece) // 2) + 1 or len(piece)]
        yield piece
        start += len(piece)


def _bytes(text: str) -> int:
    return len(text.encode())
