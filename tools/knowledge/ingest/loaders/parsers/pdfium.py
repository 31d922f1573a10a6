"""PDF, with PDFium."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, TypedDict

__all__ = ["PdfText", "parse"]


class PdfText(TypedDict):
    """What was read."""

    about: dict[str, str]
    pages: list[str]
    bookmarks: list[tuple[int, str]]
    """Page (from 0) and title, in order."""
    encrypted: bool


def parse(data: bytes) -> PdfText:
    """Read the text of a PDF."""
    pdfium: Any = import_module("pypdfium2")
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if "password" not in str(error).lower():
            raise
        return PdfText(about={}, pages=[], bookmarks=[], encrypted=True)
    with document:
        return PdfText(
            about=document.get_metadata_dict(),
            pages=[_page(document, number) for number in range(len(document))],
            bookmarks=list(_bookmarks(document)),
            encrypted=False,
        )


def _page(document: Any, number: int) -> str:
    page = document[number]
    try:
        textpage = page.get_textpage()
        try:
            # The other way of PDFium, by bounds, joins cells of a table: 12.50 and 7 become 12.507.
            return textpage.get_text_range()
        finally:
            textpage.close()
    finally:
        page.close()


def _bookmarks(document: Any) -> Iterator[tuple[int, str]]:
    for bookmark in document.get_toc():
        target = bookmark.get_dest()
        page = target and target.get_index()
        if page is not None:
            yield page, bookmark.get_title() or ""
