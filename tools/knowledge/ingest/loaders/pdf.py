"""PDF, page by page, so that a citation names the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ...errors import NoTextError
from ..sources.item import Raw
from .isolated import parsed
from .loaded import Loaded, as_title, literal, made_of
from .parsers.pdfium import PdfText

__all__ = ["load_pdf"]

_HYPHEN = re.compile("[\x02\ufffe\u00ad]\r?\n?")
"""What PDFium leaves of a word that was divided at the end of a line."""
_NO_TITLE = re.compile(r"untitled|microsoft |.*\.\w{2,5}$", re.IGNORECASE)
"""What programs write as a title by themselves."""
_ABOUT = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_BOOKMARK_LENGTH = 120


def load_pdf(raw: Raw) -> Loaded:
    """Read the text of a PDF. Every page is a section, named with the bookmark it lies under.

    Raises:
        NoTextError: it is broken, encrypted, or holds pictures only.
        UnreadableError: it could not be read this time, or takes more time or memory than a document should.
    """
    read: PdfText = parsed(raw.data, parser="pdfium", what="PDF")
    if read["encrypted"]:
        raise NoTextError("encrypted PDF: it opens with a password only")
    text = made_of(
        _pages(read["pages"], _bookmarks(read["bookmarks"])),
        nothing="no text in this PDF: if it was scanned, run it through OCR first",
    )
    about = {name: as_title(value) for name, value in read["about"].items()}
    title = about.get("Title", "")
    return Loaded(
        text=text,
        title=title if title and not _NO_TITLE.match(title) else raw.name,
        kind="sections",
        front_matter={name: about[key] for key, name in _ABOUT.items() if about.get(key)},
    )


def _pages(pages: Sequence[str], bookmarks: Mapping[int, str]) -> Iterator[str]:
    """The lines of all pages that have text; none if no page has."""
    under = ""
    for number, page in enumerate(pages):
        under = bookmarks.get(number, under)
        lines = [literal(line.strip()) for line in _HYPHEN.sub("", page).splitlines()]
        if any(lines):
            yield f"# Page {number + 1}: {under}" if under else f"# Page {number + 1}"
            yield ""
            yield from lines
            yield ""


def _bookmarks(bookmarks: Sequence[tuple[int, str]]) -> dict[int, str]:
    """The first bookmark on each page that has one."""
    found: dict[int, str] = {}
    for page, title in bookmarks:
        if shown := as_title(title)[:_BOOKMARK_LENGTH]:
            found.setdefault(page, shown)
    return found
