"""PDF, page by page, so that a citation names the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from ..errors import NoTextError
from ..raw import Raw
from .converting import converting
from .loaded import Loaded, as_title, literal, made_of

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
    """
    pdfium: Any = import_module("pypdfium2")
    with converting("PDF"):
        try:
            document = pdfium.PdfDocument(raw.data)
        except pdfium.PdfiumError as error:
            if "password" in str(error).lower():
                raise NoTextError("encrypted PDF: it opens with a password only") from error
            raise
        with document:
            about: dict[str, str] = document.get_metadata_dict()
            text = made_of(
                _pages(document, _bookmarks(document)),
                nothing="no text in this PDF: if it was scanned, run it through OCR first",
            )
    title = as_title(about.get("Title"))
    return Loaded(
        text=text,
        title=title if title and not _NO_TITLE.match(title) else raw.name,
        kind="sections",
        front_matter={name: as_title(about[key]) for key, name in _ABOUT.items() if as_title(about.get(key))},
    )


def _pages(document: Any, bookmarks: Mapping[int, str]) -> Iterator[str]:
    """The lines of all pages that have text; none if no page has."""
    under = ""
    for number in range(len(document)):
        under = bookmarks.get(number, under)
        lines = _page(document, number)
        if any(lines):
            yield f"# Page {number + 1}: {under}" if under else f"# Page {number + 1}"
            yield ""
            yield from lines
            yield ""


def _page(document: Any, number: int) -> list[str]:
    page = document[number]
    try:
        textpage = page.get_textpage()
        try:
            text: str = textpage.get_text_bounded()
        finally:
            textpage.close()
    finally:
        page.close()
    return [literal(line.strip()) for line in _HYPHEN.sub("", text).splitlines()]


def _bookmarks(document: Any) -> dict[int, str]:
    """The first bookmark on each page that has one."""
    found: dict[int, str] = {}
    for bookmark in document.get_toc():
        target = bookmark.get_dest()
        page, title = target and target.get_index(), as_title(bookmark.get_title())[:_BOOKMARK_LENGTH]
        if page is not None and title:
            found.setdefault(page, title)
    return found
