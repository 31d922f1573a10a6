"""What the model was shown: pages of numbered lines, one cursor each.

The form is the one gpt-oss was trained with (openai/gpt-oss, ``simple_browser_tool.py``): a cursor, a title
with its source, the range of lines in view, then ``L12: text``. Unlike there, the numbers are the line
numbers of the document itself, counted from 1, so that a citation ``【3†L9-L11】`` is a place in a file.
Blank lines, which cost as much as words, are left out; ``…`` stands where other lines are.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..prompts import render
from ..prompts.values import one_line, unmarked

__all__ = ["Page", "PageStack", "format_page", "parse_pages"]

_LONGEST_TITLE = 200
_LONGEST_HEADING = 300
_HEADER = re.compile(r"^\[(?P<cursor>\d+)\] (?P<title>.*) \((?P<source>[^()\n]*(?:\([^()\n]*\)[^()\n]*)*)\)$")
_RANGE = re.compile(r"^\*\*viewing lines \[(?P<start>\d+) - (?P<end>\d+)\] of (?P<total>\d+)\*\*$")
_CURSOR = re.compile(r"[\[【]?(?P<cursor>[0-9]{1,6})[\]】]?")
_TITLE = re.compile(r"(?:#{1,6}|={1,6}) +(?P<text>\S.*?)(?: +[#=]+)?$")
_UNDERLINE = re.compile(r"([=\-~^*+\"])\1{2,}$")
_LINE = re.compile(r"^L(?P<number>\d+): (?P<text>.*)$")
_GAP = "…"
_MOST_BLANK = 10_000
"""Lines read back as blank from one output, which may be of anybody's making."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some lines of one document, as the model saw them."""

    cursor: int
    source: str
    title: str
    heading: str
    """The headings above the first line, outermost first, joined by " > "; may be empty."""
    total_lines: int
    """Lines in the whole document."""
    lines: Mapping[int, str]
    """Line number (from 1) to text. Numbers may have gaps (``find`` shows matches with some context)."""


@dataclass
class PageStack:
    """Every page that was shown to the model, by cursor; cursors count up."""

    _pages: dict[int, Page] = field(default_factory=dict[int, Page])

    @classmethod
    def of_outputs(cls, outputs: Iterable[str]) -> PageStack:
        """The pages in earlier tool outputs of a conversation, so that its cursors go on from there."""
        return cls({page.cursor: page for output in outputs for page in parse_pages(output)})

    @property
    def pages(self) -> Sequence[Page]:
        """All pages, in the order of their cursors."""
        return [self._pages[cursor] for cursor in sorted(self._pages)]

    def at(self, cursor: int) -> Page | None:
        """The page with a cursor."""
        return self._pages.get(cursor)

    def named(self, name: str) -> Page | None:
        """A page by its cursor, as ``3`` or ``[3]``, or by its source as it was shown."""
        if cursor := _CURSOR.fullmatch(name.strip()):
            return self.at(int(cursor["cursor"]))
        shown = one_line(name)
        return next((page for page in self.pages if one_line(page.source) == shown), None)

    def show(
        self, *, source: str, title: str, heading: str, total_lines: int, lines: Mapping[int, str]
    ) -> Page:
        """Add a page and give it the next cursor."""
        page = Page(
            cursor=max(self._pages, default=-1) + 1,
            source=source,
            title=title,
            heading=heading,
            total_lines=total_lines,
            lines=dict(lines),
        )
        self._pages[page.cursor] = page
        return page

    def read(self, output: str) -> None:
        """Take the pages of an output that was shown in another run, with the cursors they had there."""
        self._pages.update({page.cursor: page for page in parse_pages(output)})

    def lines_of(self, source: str) -> dict[int, str]:
        """Every line of ``source`` that was shown, whichever page it was on."""
        seen: dict[int, str] = {}
        for page in self.pages:
            if page.source == source:
                seen.update(page.lines)
        return seen


def format_page(page: Page) -> str:
    """The text the model reads.

    Citation brackets in a document become look-alikes, so that a document cannot forge a citation.
    """
    every = sorted(page.lines)
    start, end = (every[0], every[-1]) if every else (0, 0)
    head = [
        f"[{page.cursor}] {_short(page.title, _LONGEST_TITLE)} ({one_line(page.source)})",
        f"**viewing lines [{start} - {end}] of {page.total_lines}**",
    ]
    if heading := _above(page):
        head.append(render("tools/section", heading=_short(heading, _LONGEST_HEADING)))
    return "\n".join([*head, "", *_body(page.lines)])


def _body(lines: Mapping[int, str]) -> Iterator[str]:
    before = 0
    for number in [each for each in sorted(lines) if lines[each].strip()] or sorted(lines)[:1]:
        if before and any(between not in lines for between in range(before + 1, number)):
            yield _GAP
        yield f"L{number}: {unmarked(lines[number])}"
        before = number


def parse_pages(text: str) -> Sequence[Page]:
    """Read back what :func:`format_page` wrote; other text between pages is skipped.

    Blank lines at the end of a page are not known any more.
    """
    pages: list[Page] = []
    blank = _MOST_BLANK
    rows = text.split("\n")
    index = 0
    while index < len(rows) - 1:
        header, view = _HEADER.match(rows[index]), _RANGE.match(rows[index + 1])
        if header is None or view is None:
            index += 1
            continue
        index += 2
        heading = ""
        if index < len(rows) and (section := _section().fullmatch(rows[index])):
            heading = section[1]
            index += 1
        lines: dict[int, str] = {}
        before = int(view["start"]) - 1
        while index < len(rows):
            if match := _LINE.match(rows[index]):
                number = int(match["number"])
                if 0 < number - before - 1 <= blank:
                    blank -= number - before - 1
                    lines.update(dict.fromkeys(range(before + 1, number), ""))
                lines[number] = match["text"]
                before = number
            elif rows[index] == _GAP:
                before = sys.maxsize
            elif rows[index].strip():
                break
            index += 1
        if (title := _title(lines)) and not _ends_in(heading, title):
            heading = f"{heading} > {title}" if heading else title
        pages.append(
            Page(
                cursor=int(header["cursor"]),
                source=header["source"],
                title=header["title"],
                heading=heading,
                total_lines=int(view["total"]),
                lines=lines,
            )
        )
    return pages


def _above(page: Page) -> str:
    """The headings that the model cannot see in the first line."""
    title = _title({number: unmarked(line) for number, line in page.lines.items()})
    shown = unmarked(page.heading)
    if title and _ends_in(shown, title):
        return shown[: -len(title)].removesuffix(" > ")
    return page.heading


def _ends_in(heading: str, title: str) -> bool:
    return heading == title or heading.endswith(f" > {title}")


def _title(lines: Mapping[int, str]) -> str:
    """The title that lines begin with; empty where there is none."""
    first, *rest = [lines[number].strip() for number in sorted(lines)[:2]] or [""]
    if found := _TITLE.match(first):
        return " ".join(found["text"].split())
    return " ".join(first.split()) if rest and _UNDERLINE.match(rest[0]) and first else ""


def _short(text: str, limit: int) -> str:
    shown = one_line(text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


@functools.cache
def _section() -> re.Pattern[str]:
    """What a page says of its heading."""
    return re.compile(re.escape(render("tools/section", heading="\0")).replace(re.escape("\0"), "(.*)"))
