"""Pages of Markdown or plain text cut into what can be quoted: sentences, list items, table rows, code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...tools.pages import Page

__all__ = ["Kind", "Unit", "units_of"]

Kind = Literal["sentence", "item", "row", "code"]

_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(?P<text>.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_ITEM = re.compile(r"^(?P<mark>\s*(?:[-*+]|\d{1,3}[.)])\s+)(?=\S)")
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_RULE = re.compile(r"^[\s|:\-=*_+]*$")
_DATA = re.compile(
    r"^\s*(?:[\[\]{}()]+[,;]?|[\"'][^\"']*[\"']\s*:.*|[\"'][^\"'\s]*[\"'],?|\".*\\n\",?|[\[{].*[\]}][,;]?)\s*$"
)
"""A line of JSON, of a Python literal or of a notebook."""
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>|<!--.*?-->|\{#[\w-]+\}|\{\{.*?\}\}")
_BOUNDARY = re.compile(r"[.!?]['\")\]”’*_`]*(?=\s+[\"'(\[“‘*_`]*[^\W_a-z])|[。！？]['\"”’」』）]*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|No|Fig|Inc|Ltd|Co|Corp|Gen|Col|Lt|Sgt|Rev|Hon|Mt|approx|ca)"
    r"|\b[A-Z](?:\.[A-Z])*)\.$"
)
_WRAPS = ("**", "__", "*", "_")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One stretch that can be quoted."""

    text: str
    """Verbatim: a substring of the lines ``start`` to ``end`` joined by blanks (code: by newlines)."""
    kind: Kind
    cursor: int
    source: str
    title: str
    heading: str
    """The nearest heading above it; empty where none is known."""
    headings: str
    """Every heading above it, outermost first."""
    start: int
    end: int
    block: int
    """Which paragraph, list item or table row of the page it is in."""
    place: int
    """How many units stand between it and the nearest heading."""
    last: bool
    """Whether it is the last of its page, and the document goes on below."""


@dataclass(frozen=True)
class _Block:
    kind: Kind
    lines: Sequence[tuple[int, str]]
    """Line number, and the line without the marks at its start."""


@dataclass(frozen=True)
class _Title:
    text: str


def units_of(page: Page) -> list[Unit]:
    """What can be quoted from a page, in order. Headings, markup and front matter are left out."""
    units: list[Unit] = []
    above = [part for part in page.heading.split(" > ") if part]
    place = block = 0
    for piece in _blocks(page.lines):
        if isinstance(piece, _Title):
            if not above or above[-1] != piece.text:
                above = [*above[:-1], piece.text] if above else [piece.text]
            place = 0
            continue
        for text, start, end in _stretches(piece):
            units.append(
                Unit(
                    text=text,
                    kind=piece.kind,
                    cursor=page.cursor,
                    source=page.source,
                    title=page.title,
                    heading=above[-1] if above else "",
                    headings=" ".join(above),
                    start=start,
                    end=end,
                    block=block,
                    place=place,
                    last=False,
                )
            )
            place += 1
        block += 1
    bottom = max((number for number, line in page.lines.items() if line.strip()), default=0)
    if units and units[-1].end == bottom < page.total_lines:
        units[-1] = replace(units[-1], last=True)
    return units


def _blocks(lines: Mapping[int, str]) -> Iterator[_Block | _Title]:
    """Paragraphs, list items, rows, code and headings; a gap in the numbers ends what stands before it."""
    kind: Kind = "code" if _begins_in_code(lines) else "sentence"
    held: list[tuple[int, str]] = []
    fenced = _begins_in_code(lines)
    before = min(lines, default=1) - 1
    for number, line in _without_front_matter(lines):
        fence = _FENCE.match(line) is not None
        changes = not fenced and (_DATA.match(line) is not None) != (kind == "code")
        if held and (number != before + 1 or fence or (not fenced and (changes or _opens_or_ends(line)))):
            yield _Block(kind, tuple(held))
            held = []
        fenced = fenced and number == before + 1
        before = number
        if fence:
            fenced, kind = not fenced, "code"
        elif fenced:
            held.append((number, line))
        elif heading := _HEADING.match(line):
            yield _Title(_TAG.sub("", heading["text"]).strip())
        elif item := _ITEM.match(line):
            kind, held = "item", [(number, line[item.end() :])]
        elif _DATA.match(line):
            kind = "code"
            held.append((number, line))
        elif _ROW.match(line) and not _RULE.match(line):
            yield _Block("row", ((number, line.strip().strip("|").strip()),))
        elif not _RULE.match(line):
            kind = kind if held and kind != "code" else "sentence"
            held.append((number, line))
    if held:
        yield _Block(kind, tuple(held))


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


def _opens_or_ends(line: str) -> bool:
    """Whether a line ends the paragraph above it."""
    marks = (_HEADING, _ITEM, _ROW, _RULE)
    return line.lstrip().startswith("<") or any(mark.match(line) for mark in marks)


def _stretches(block: _Block) -> Iterator[tuple[str, int, int]]:
    """The quotable texts of a block, each with its first and last line."""
    if block.kind == "code":
        text = "\n".join(line for _, line in block.lines)
        if text.strip():
            yield text.strip("\n"), block.lines[0][0], block.lines[-1][0]
        return
    text = ""
    ends: list[tuple[int, int]] = []  # offset behind a line, its number
    for number, line in block.lines:
        text = f"{text} {line}" if ends else line
        ends.append((len(text), number))
    for start, end in _sentences(text) if block.kind != "row" else [(0, len(text))]:
        for low, high in _between_tags(text, start, end):
            first = next(number for offset, number in ends if low < offset)
            last = next(number for offset, number in ends if high <= offset)
            yield text[low:high], first, last


def _sentences(text: str) -> list[tuple[int, int]]:
    cuts = [
        match.end() for match in _BOUNDARY.finditer(text) if not _ABBREVIATION.search(text[: match.end()])
    ]
    spans: list[tuple[int, int]] = []
    start = 0
    for cut in [*cuts, len(text)]:
        # "Yes." alone says nothing: it stays with the sentence behind it.
        if cut < len(text) and len(text[start:cut].split()) < 3 and text[start:cut].isascii():
            continue
        spans.append((start, cut))
        start = cut
    return spans


def _between_tags(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches of ``text[start:end]`` between HTML tags, without blanks and emphasis around them."""
    place = start
    for tag in _TAG.finditer(text, start, end):
        yield from _trimmed(text, place, tag.start())
        place = tag.end()
    yield from _trimmed(text, place, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    for mark in _WRAPS:
        inner = text[start + len(mark) : end - len(mark)]
        if (
            end - start > 2 * len(mark)
            and text.startswith(mark, start)
            and text[:end].endswith(mark)
            and mark not in inner
        ):
            start, end = start + len(mark), end - len(mark)
    if any(character.isalnum() for character in text[start:end]):
        yield start, end
