"""Pages cut into what can be quoted: sentences, list items, terms, table rows, code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...tools.pages import Page
from .block import Block, Kind, Title
from .blocks import blocks_of

__all__ = ["Kind", "Unit", "joined", "read_as", "units_of"]

_INLINE = r"a|abbr|b|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strong|sub|sup|tt|u|var"
_BLOCK = (
    r"address|article|aside|blockquote|body|br|button|caption|center|col|colgroup|dd|details|div|dl|dt|figcaption"
    r"|figure|footer|form|h[1-6]|head|header|hr|html|iframe|img|input|label|li|link|main|meta|nav|ol|option|p|pre"
    r"|script|section|select|source|style|summary|svg|table|tbody|td|tfoot|th|thead|tr|ul|video"
)
_TAG = re.compile(
    rf"</?(?:{_BLOCK})\b[^<>]{{0,300}}>|<!--.*?-->|\{{#[\w-]+\}}|\{{\{{.*?\}}\}}", re.IGNORECASE
)
"""What ends a stretch of text. ``<path>`` is no tag but a word of a manual."""
_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]{{0,300}})?>", re.IGNORECASE), ""),
    (re.compile(r"!\[[^\[\]\n]{0,300}\]\([^()\s]{0,500}[^()\n]{0,100}\)"), ""),
    (re.compile(r"\[([^\[\]\n]{1,300})\]\([^()\n]{0,500}\)"), r"\1"),
    (re.compile(r":(?:[\w+-]+:){1,2}`[~!]?([^`<>\n]{1,200}?)\s*(?:<[^`<>\n]{0,300}>)?`"), r"\1"),
    (re.compile(r"`([^`<>\n]{1,200}?)\s*<[^`<>\n]{1,300}>`_{1,2}"), r"\1"),
    (re.compile(r"<<[^<>,\n]{1,200},\s*([^<>\n]{1,200})>>"), r"\1"),
    (re.compile(r"\b(?:linkgit|link|xref):([\w./#-]{1,200})\[\d?([^\[\]\n]{0,200})\]"), r"\2 \1"),
    (re.compile(r"(?<!\S)\|([\w.-]{1,60})\|_?(?!\S)"), r"\1"),
)
"""Markup inside a sentence, and what is read of it: links leave their words."""
_BOUNDARY = re.compile(r"[.!?]['\")\]”’*_`]*(?=\s+[\"'(\[“‘*_`]*[^\W_a-z])|[。！？]['\"”’」』）]*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|No|Fig|Inc|Ltd|Co|Corp|Gen|Col|Lt|Sgt|Rev|Hon|Mt|approx|ca)"
    r"|\b[A-Z](?:\.[A-Z])*)\.$"
)
_WRAPS = ("**", "__", "*", "_")
_LONGEST_JOINED = 600
"""In characters; quotes of one line that lie further apart stay apart."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One stretch that can be quoted."""

    text: str
    """Verbatim: a substring of the lines ``start`` to ``end`` joined by blanks (code: by newlines)."""
    said: str
    """The same as people read it: links leave their words, a cell comes with its column's heading."""
    kind: Kind
    cursor: int
    source: str
    title: str
    heading: str
    """The nearest heading above it; empty where none is known."""
    headings: str
    """Every heading above it, outermost first."""
    lead: Unit | None
    """What introduces it: the sentence before a list, a definition's term, the item around a paragraph."""
    start: int
    end: int
    block: int
    """Which paragraph, list item or table row of the page it is in."""
    whole: str
    """The text of the block."""
    at: int
    """Where ``text`` begins in ``whole``."""
    place: int
    """How many units stand between it and the nearest heading."""
    last: bool
    """Whether it is the last of its page, and the document goes on below."""


def units_of(page: Page) -> list[Unit]:
    """What can be quoted from a page, in order. Headings, markup and front matter are left out."""
    units: list[Unit] = []
    above = [part for part in page.heading.split(" > ") if part]
    outer: list[tuple[int, Unit]] = []
    intro: Unit | None = None
    place = 0
    for number, piece in enumerate(blocks_of(page.lines, source=page.source)):
        if isinstance(piece, Title):
            if not above or above[-1] != piece.text:
                above = [*above[:-1], piece.text] if above else [piece.text]
            outer, intro, place = [], None, 0
            continue
        while outer and outer[-1][0] >= piece.indent and not _names_the_same(units[-1], piece):
            outer.pop()
        lead = outer.pop()[1] if outer and _names_the_same(units[-1], piece) else None
        lead = outer[-1][1] if lead is None and outer else lead
        if lead is None and piece.kind == "sentence":
            intro = None
        first = True
        for text, start, end, whole, at in _stretches(piece):
            unit = Unit(
                text=text,
                said=_row_as_read(piece)
                if piece.kind == "row" and piece.cells
                else read_as(text, piece.kind),
                kind=piece.kind,
                cursor=page.cursor,
                source=page.source,
                title=page.title,
                heading=above[-1] if above else "",
                headings=" ".join(above),
                lead=lead or (intro if piece.kind != "sentence" else None),
                start=start,
                end=end,
                block=number,
                whole=whole,
                at=at,
                place=place,
                last=False,
            )
            units.append(unit)
            place += 1
            if first and piece.kind in ("item", "term"):
                outer.append((piece.indent, unit))
            first = False
            if piece.kind == "sentence" and introduces(text):
                intro = unit
    bottom = max((number for number, line in page.lines.items() if line.strip()), default=0)
    if units and units[-1].end == bottom < page.total_lines:
        units[-1] = replace(units[-1], last=True)
    return units


def _names_the_same(before: Unit, piece: Block) -> bool:
    """Whether a term stands directly below another one: both are defined by what follows."""
    return before.kind == piece.kind == "term" and before.end + 1 == piece.lines[0][0]


def introduces(text: str) -> bool:
    """Whether a sentence leads to what stands below it."""
    return text.rstrip("*_` ").endswith((":", "："))


def joined(one: Unit, other: Unit) -> Unit | None:
    """Two stretches of one block as one quote, with what stands between them; None where that is too much."""
    first, last = (one, other) if one.at <= other.at else (other, one)
    if (one.cursor, one.block, one.whole) != (other.cursor, other.block, other.whole) or one.kind == "code":
        return None
    text = one.whole[first.at : last.at + len(last.text)]
    if len(text) > _LONGEST_JOINED:
        return None
    said = (
        f"{first.said} {last.said}" if first.at + len(first.text) >= last.at - 2 else read_as(text, one.kind)
    )
    return replace(first, text=text, said=said, end=max(one.end, other.end), last=one.last or other.last)


def read_as(text: str, kind: Kind) -> str:
    """A stretch as people read it: without the targets of links and other markup."""
    if kind == "code":
        return text
    for pattern, words in _MARKUP:
        text = pattern.sub(words, text)
    return " ".join(text.split())


def _row_as_read(row: Block) -> str:
    """The cells of a row, each behind its column's heading; the first is the row's label."""
    parts: list[str] = []
    for index, cell in enumerate(row.cells):
        column = row.columns[index] if index < len(row.columns) else ""
        if cell:
            parts.append(f"{column}: {cell}" if column and column != cell else cell)
    return read_as(" | ".join(parts), "row")


def _stretches(block: Block) -> Iterator[tuple[str, int, int, str, int]]:
    """What can be quoted of a block: text, first and last line, the whole block's text, the place there."""
    numbers = [number for number, _ in block.lines]
    if block.kind in ("code", "row", "term"):
        text = ("\n" if block.kind == "code" else " ").join(line for _, line in block.lines)
        stripped = text.strip("\n") if block.kind == "code" else text.strip()
        if stripped.strip() and (block.kind != "row" or any(map(str.isalnum, stripped))):
            yield stripped, numbers[0], numbers[-1], stripped, 0
        return
    text = " ".join(line for _, line in block.lines)
    ends: list[int] = []  # offset behind each line
    length = -1
    for _, line in block.lines:
        length += 1 + len(line)
        ends.append(length)
    index = 0
    for start, end in _sentences(text):
        for low, high in _between_tags(text, start, end):
            while ends[index] <= low:
                index += 1
            last = index
            while ends[last] < high:
                last += 1
            yield text[low:high], numbers[index], numbers[last], text, low


def _sentences(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    cuts = [
        match.end()
        for match in _BOUNDARY.finditer(text)
        if not _ABBREVIATION.search(text[max(0, match.end() - 12) : match.end()])
    ]
    for cut in [*cuts, len(text)]:
        # "Yes." alone says nothing: it stays with the sentence behind it.
        short = cut - start < 40 and len(text[start:cut].split()) < 3
        if cut < len(text) and short and text[start:cut].isascii():
            continue
        spans.append((start, cut))
        start = cut
    return spans


def _between_tags(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches of ``text[start:end]`` between tags, without blanks and emphasis around them."""
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
            and text.endswith(mark, start, end)
            and mark not in inner
        ):
            start, end = start + len(mark), end - len(mark)
    if any(character.isalnum() for character in text[start:end]):
        yield start, end
