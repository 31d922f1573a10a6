"""A program of its own: a PDF on standard input, its text as JSON on standard output.

PDFium is C++ code that cannot be interrupted, and a PDF of a megabyte can be made so that it takes hours and
all memory. In a process of its own it can be given limits, and a crash is the end of that process alone.
It imports nothing of this package, so that it starts quickly.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, TypedDict

__all__ = ["CPU_SECONDS", "PdfText", "main"]

CPU_SECONDS = 120
"""About 20,000 ordinary pages."""
_MEMORY = 4 * 1024**3
"""Bytes of address space."""


class PdfText(TypedDict):
    """What was read."""

    about: dict[str, str]
    pages: list[str]
    bookmarks: list[tuple[int, str]]
    """Page (from 0) and title, in order."""
    encrypted: bool


def main() -> None:
    """Read a PDF; an error ends the program with a traceback and a code of its own."""
    _limit()
    json.dump(_read(sys.stdin.buffer.read()), sys.stdout)


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; there the caller's time limit is all
        return
    for kind, most in ((resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, _MEMORY)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _read(data: bytes) -> PdfText:
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
            return textpage.get_text_bounded()
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


if __name__ == "__main__":
    main()
