"""PDF, page by page, so that a citation names the page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...errors import NoTextError
from ..outlines import outline_of
from ..sources.item import RawDocument
from .isolated import parsed
from .loaded import Loaded, as_title, literal, made_of, numbered_marks
from .parsers.layout import Block
from .parsers.pdfium import Bookmark, PdfText
from .sentences import by_sentence

__all__ = ["load_pdf"]

_NO_TITLE = re.compile(r"untitled|microsoft |.*\.\w{2,5}$", re.IGNORECASE)
"""What programs write as a title by themselves."""
_ABOUT = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_BOOKMARK_LENGTH = 120
_MARGIN = 0.12
"""Of a page's height: where headers and footers stand."""
_OFTEN = 3
"""Pages on which the same stands in the margin, for it to be no text of the document."""
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"^\d{1,5}(?= |$)|(?<= )\d{1,5}$")
_NOT_WORDS = re.compile(r"[\W_]+")
_SENTENCE_END = re.compile(r"[.!?:;。！？…][\"'”’»)\]]*$")
_SAME_PLACE = 0.02
_LONG = 60
"""Characters of what is no title or label."""
_HYPHENS = ("\x02", "\ufffe", "\u00ad")
"""How PDFium marks a word that was divided at the end of a line."""


def load_pdf(raw: RawDocument) -> Loaded:
    """Read the text of a PDF.

    Every page is a section, and so is what lies under each bookmark on it; both are in the heading. A
    paragraph that goes over the end of a page is whole, on the page where it begins. A line is a sentence, a
    row of a table, or a line of code. What is raised is marked (``10^6``), headers and footers are left out.

    Raises:
        NoTextError: it is broken, encrypted, or holds pictures only.
        UnreadableError: it could not be read this time, or takes more time or memory than a document should.
    """
    read: PdfText = parsed(raw.data, parser="pdfium", what="PDF")
    if read["encrypted"]:
        raise NoTextError("encrypted PDF: it opens with a password only")
    pages = _without_margins(read["pages"])
    text = made_of(
        _spaced(_lines(_whole_paragraphs(pages), _by_page(read["bookmarks"]))),
        nothing="no text in this PDF: if it was scanned, run it through OCR first",
    )
    about = {name: as_title(value) for name, value in read["about"].items()}
    title = about.get("Title", "")
    outline = outline_of(text, "sections")
    return Loaded(
        text=text,
        title=title if title and not _NO_TITLE.match(title) else raw.name,
        kind="sections",
        front_matter={name: about[key] for key, name in _ABOUT.items() if about.get(key)},
        marks=numbered_marks(outline, "page"),
        outline=outline,
    )


def _without_margins(pages: Sequence[Sequence[Block]]) -> list[list[Block]]:
    """The pages without running headers and footers.

    Those are lines in the margin that stand on several pages but for their numbers, or that begin or end with
    the number of the page, always at the same height.
    """
    seen: Counter[str | tuple[int, int]] = Counter()
    for number, page in enumerate(pages):
        seen.update({key for block in page for key in _margin_keys(block, number)})
    return [
        [block for block in page if all(seen[key] < _OFTEN for key in _margin_keys(block, number))]
        for number, page in enumerate(pages)
    ]


def _margin_keys(block: Block, page: int) -> Iterator[str | tuple[int, int]]:
    """By what a line in the margin is known on other pages; nothing for any other block."""
    at_top = block["bottom"] > 1 - _MARGIN
    if (not at_top and block["top"] > _MARGIN) or len(block["lines"]) > 1 or len(block["lines"][0]) > 200:
        return
    line = block["lines"][0]
    words = _NUMBER.sub("0", line)
    yield f"{'top' if at_top else 'bottom'} {' '.join(_NOT_WORDS.sub(' ', words).lower().split())}"
    for found in _PAGE_NUMBER.finditer(line):
        yield round(block["bottom"] * 200), int(found[0]) - page


def _whole_paragraphs(pages: Sequence[Sequence[Block]]) -> list[list[Block]]:
    """The pages with paragraphs that go over their end made whole, on the page where they begin."""
    whole: list[list[Block]] = [list(page) for page in pages]
    below: list[Block] | None = None
    for page in reversed(whole):
        # What is small at the end of a page is footnotes.
        last = next((n for n in reversed(range(len(page))) if page[n]["size"] >= 0), None)
        if below and last is not None and _goes_on(page[last], below[0]):
            page[last] = Block(
                {**page[last], "lines": [_joined(page[last]["lines"][0], below[0]["lines"][0])]}
            )
            del below[0]
        if page:
            below = page
    return whole


def _goes_on(block: Block, more: Block) -> bool:
    """Whether a paragraph at the end of a page goes on with the first one of the next."""
    if not (block["kind"] == more["kind"] == "prose" and block["size"] == more["size"] == 0):
        return False
    text = block["lines"][0]
    return not _SENTENCE_END.search(text) and (more["lines"][0][:1].islower() or len(text) > _LONG)


def _joined(text: str, more: str) -> str:
    divided = text.endswith(_HYPHENS)
    return text[:-1] + more if divided else f"{text} {more}"


def _lines(pages: Sequence[Sequence[Block]], bookmarks: Mapping[int, Sequence[Bookmark]]) -> Iterator[str]:
    """The lines of all pages that have text; none if no page has."""
    under = ""
    for number, page in enumerate(pages):
        marks = _placed(page, bookmarks.get(number, []))
        if not page and marks:
            under = marks[-1][1]
        shown = waiting = ""
        for n, block in enumerate(page):
            titles = [title for place, title in marks if place == n]
            if titles or n == 0:
                under = _all_of(titles) if titles else under
                heading = f"# Page {number + 1}: {under}" if under else f"# Page {number + 1}"
                if heading != shown:
                    # A title that another one below it names again needs no section of its own.
                    if waiting and not heading.startswith(f"{waiting} > "):
                        yield from ["", waiting, ""]
                    waiting = heading
                shown = heading
                if titles and _same(block["lines"][0], titles[-1].rpartition(" > ")[2]):
                    continue  # it is the heading now
            if waiting:
                yield from ["", waiting, ""]
                waiting = ""
            tight = n + 1 < len(page) and block["kind"] == page[n + 1]["kind"] != "prose"
            yield from _block(block)
            if not tight or block["kind"] == "code":
                yield ""
        if waiting:
            yield from ["", waiting]
        if page:
            yield ""


def _spaced(lines: Iterable[str]) -> Iterator[str]:
    """One blank line where there are several."""
    last = ""
    for line in lines:
        if line or last:
            yield line
        last = line


def _block(block: Block) -> Iterator[str]:
    if block["kind"] == "prose":
        for line in by_sentence(block["lines"][0].rstrip("".join(_HYPHENS))):
            yield literal(line)
    elif block["kind"] == "row":
        yield literal(block["lines"][0])
    elif len(block["lines"]) > 1:
        yield from ["```", *(line.replace("```", "'''") for line in block["lines"]), "```"]
    else:
        yield literal(block["lines"][0].strip())


def _by_page(bookmarks: Sequence[Bookmark]) -> dict[int, list[Bookmark]]:
    found: dict[int, list[Bookmark]] = {}
    above: list[str] = []
    for bookmark in bookmarks:
        if shown := as_title(bookmark["title"])[:_BOOKMARK_LENGTH]:
            above = [*above[: bookmark["level"]], shown]
            title = " > ".join(above[-2:])
            found.setdefault(bookmark["page"], []).append(Bookmark({**bookmark, "title": title}))
    return found


def _placed(page: Sequence[Block], bookmarks: Sequence[Bookmark]) -> list[tuple[int, str]]:
    """The block at which each bookmark's section begins, and what it is called."""
    placed: list[tuple[int, str]] = []
    least = 0
    for bookmark in bookmarks:
        title = bookmark["title"].rpartition(" > ")[2]
        named = next((n for n in range(least, len(page)) if _same(page[n]["lines"][0], title)), None)
        top = bookmark["top"]
        if named is None and top is not None:
            named = next((n for n in range(least, len(page)) if page[n]["bottom"] < top + _SAME_PLACE), None)
        place = least if named is None else named
        placed.append((place, bookmark["title"]))
        least = place
    return placed


def _all_of(titles: Sequence[str]) -> str:
    """Titles that stand at one place; what lies below another one names it already."""
    own = [one for n, one in enumerate(titles) if not any(each.startswith(one) for each in titles[n + 1 :])]
    return "; ".join(own)[: 2 * _BOOKMARK_LENGTH]


def _same(line: str, title: str) -> bool:
    """Whether a line is this title, perhaps with its number."""
    words, wanted = (_NOT_WORDS.sub("", each).casefold() for each in (line, title))
    return bool(wanted) and words.endswith(wanted) and len(words) <= len(wanted) + 12
