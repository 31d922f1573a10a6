"""How much one output of a tool may hold, whatever a document is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set

__all__ = [
    "LINE_CHARACTERS",
    "OUTPUT_BYTES",
    "PASSAGE_CHARACTERS",
    "about",
    "clipped",
    "fitting",
    "telling",
    "telling_lines",
    "telling_part",
    "without_blank_ends",
]

OUTPUT_BYTES = 25_000
"""Of UTF-8, which goes with tokens in most scripts: about 6,000 of them."""
LINE_CHARACTERS = 2_000
"""Of one line. Three such lines fit, whatever the script: a match with the lines around it."""
PASSAGE_CHARACTERS = (1_200, 600, 400)
"""Of the best passage of a search, the second, and any other: the part that fits the queries.

For 20 questions on the Milvus documentation an output of five passages was 1,539 tokens while the best two
were whole, the others of up to 900 characters, and blank lines were shown; now it is 852, and of ten passages
1,504 instead of 2,903. Of 229 lines looked for by some of their words, 221 are still seen at once.
"""
_CUT = "…"
_WORD = re.compile(r"\w{3,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
_BEFORE = 200
"""Characters kept before the place a line is shown for."""


def clipped(line: str, *, start: int = 0) -> str:
    """A line from its character ``start`` (from 0) on, at most as much as fits; … marks what is left out."""
    shown = line[start : start + LINE_CHARACTERS]
    return (_CUT if start else "") + shown + (_CUT if start + LINE_CHARACTERS < len(line) else "")


def about(line: str, place: int) -> str:
    """The part of a line around its character ``place``; a line that fits stays whole."""
    return clipped(line, start=max(0, min(place - _BEFORE, len(line) - LINE_CHARACTERS)))


def telling(line: str, texts: Sequence[str]) -> str:
    """The part of a line that holds most of the words of ``texts``; a line that fits stays whole."""
    if len(line) <= LINE_CHARACTERS:
        return line
    words = _words(texts)
    # Folding can change the length of a text; then a place is a little off, which the margin makes up for.
    folded = line.casefold()
    places = sorted((match.start(), word) for word in words for match in re.finditer(re.escape(word), folded))
    best, most = 0, 0
    for start, _ in places:
        end = start + LINE_CHARACTERS - _BEFORE
        held = len({word for place, word in places if start <= place < end})
        if held > most:
            best, most = start, held
    return about(line, best)


def telling_lines(text: str, texts: Sequence[str], count: int) -> list[str]:
    """The ``count`` lines of a text, one after the other, that hold most of the words of ``texts``."""
    lines = text.strip("\n").split("\n")
    words = _words(texts)
    held = [{word for word in words if word in line.casefold()} for line in lines]
    starts = range(max(1, len(lines) - count + 1))
    best = max(starts, key=lambda start: (len(set[str]().union(*held[start : start + count])), -start))
    return [telling(line, texts) for line in lines[best : best + count]]


def telling_part(lines: Mapping[int, str], texts: Sequence[str], room: int) -> dict[int, str]:
    """The paragraphs, one after the other, that hold most of the words of ``texts``.

    As many as go into ``room`` characters; of one paragraph that does not, the lines. A single line stays
    whole.
    """
    if sum(map(len, lines.values())) <= room:
        return dict(lines)
    words = _words(texts)
    paragraphs: list[dict[int, str]] = [{}]
    for number, line in lines.items():
        if not line.strip() and any(each.strip() for each in paragraphs[-1].values()):
            paragraphs.append({})
        paragraphs[-1][number] = line
    part = _best_run(paragraphs, words, room)
    if sum(map(len, part.values())) > room:
        part = _best_run([{number: line} for number, line in part.items()], words, room)
    return part


def _best_run(parts: Sequence[Mapping[int, str]], words: Set[str], room: int) -> dict[int, str]:
    """The parts, one after the other, that hold most of the words in ``room`` characters; one at least."""
    held = [{word for word in words if word in "\n".join(each.values()).casefold()} for each in parts]
    sizes = [sum(map(len, each.values())) for each in parts]
    best, most = (0, 1), (-1, 0)
    for first in range(len(parts)):
        last, size = first, 0
        while last < len(parts) and (size + sizes[last] <= room or last == first):
            size += sizes[last]
            last += 1
        worth = (len(set[str]().union(*held[first:last])), min(size, room))
        if worth > most:
            best, most = (first, last), worth
    return {number: line for each in parts[slice(*best)] for number, line in each.items()}


def without_blank_ends(lines: Mapping[int, str]) -> dict[int, str]:
    """The lines without blank ones at the beginning and the end; one stays where all are blank."""
    told = [number for number, line in lines.items() if line.strip()] or list(lines)[:1]
    return {number: line for number, line in lines.items() if told[0] <= number <= told[-1]}


def _words(texts: Sequence[str]) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text.casefold())}


def fitting(lines: Mapping[int, str], room: int) -> dict[int, str]:
    """The first of the lines that fit into ``room`` bytes."""
    fits: dict[int, str] = {}
    for number, line in lines.items():
        room -= len(line.encode(errors="replace")) + len(f"L{number}: \n")
        if room < 0:
            break
        fits[number] = line
    return fits
