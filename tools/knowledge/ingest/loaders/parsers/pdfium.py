"""PDF, with PDFium: the words with their places, and what is made of them."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any, TypedDict

from .layout import Block, Word, arranged

__all__ = ["Bookmark", "PdfText", "parse"]

_WORD = re.compile(r"[^\s\x00\x02\ufffe\xad]+[\x02\ufffe\xad]?|[\x02\ufffe\xad]")
_DIGIT = re.compile(r"\d")
_FIXED = re.compile(r"mono|courier|consol|cmtt|lmtt|ectt|typewriter|fixed|menlo|sourcecode", re.IGNORECASE)
_FIXED_PITCH = 1
_RAISED = 0.18
"""Of the height of a line: how far a baseline lies above the other one, at least."""
_SMALLER = 0.92


class Bookmark(TypedDict):
    """An entry of the document's own outline."""

    page: int
    """From 0."""
    top: float | None
    """How far above the bottom of the page its section begins, where that is told."""
    title: str
    level: int
    """From 0, the outermost."""


class PdfText(TypedDict):
    """What was read."""

    about: dict[str, str]
    pages: list[list[Block]]
    bookmarks: list[Bookmark]
    """In order."""
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
        reader = _Reader(import_module("pypdfium2.raw"))
        return PdfText(
            about=document.get_metadata_dict(),
            pages=[_page(document, number, reader) for number in range(len(document))],
            bookmarks=list(_bookmarks(document)),
            encrypted=False,
        )


def _page(document: Any, number: int, reader: _Reader) -> list[Block]:
    page = document[number]
    try:
        textpage = page.get_textpage()
        try:
            return arranged(list(reader.words(textpage)), page.get_height())
        finally:
            textpage.close()
    finally:
        page.close()


class _Reader:
    """The words of a page, with as few calls as will do: each costs as much as some hundred letters."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._box = raw.FS_RECTF()
        self._fixed: dict[int, bool] = {}
        # The same function with an address as its result, which costs half as much.
        address = ctypes.cast(raw.FPDFText_GetTextObject, ctypes.c_void_p).value or 0
        self._object = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)(address)

    def words(self, textpage: Any) -> Iterator[Word]:
        handle = textpage.raw
        page = ctypes.cast(handle, ctypes.c_void_p)
        count = textpage.count_chars()
        text: str = textpage.get_text_range()
        if len(text) != count:  # some characters have no place in the text, or two
            text = "".join(chr(self._raw.FPDFText_GetUnicode(handle, n) or 32) for n in range(count))
        font, fixed = 0, False
        for found in _WORD.finditer(text):
            start, end = found.start(), found.end()
            x, y = self._origin(handle, start)
            last_x, last_y = (x, y) if end == start + 1 else self._origin(handle, end - 1)
            height, right = self._height(handle, start)
            width = (last_x - x) / (end - start - 1) if last_x > x else right - x
            if (item := self._object(page, start)) != font:
                font, fixed = item, self._is_fixed(handle, start)
            shown = found[0]
            if abs(last_y - y) > 0.02 * height or _DIGIT.search(shown):
                shown, height, y = self._with_marks(handle, start, end, text, y, height)
            yield Word(shown, x, max(last_x + width, x), y, height, fixed)

    def _origin(self, handle: Any, index: int) -> tuple[float, float]:
        self._raw.FPDFText_GetCharOrigin(handle, index, self._x, self._y)
        return self._x.value, self._y.value

    def _height(self, handle: Any, index: int) -> tuple[float, float]:
        self._raw.FPDFText_GetLooseCharBox(handle, index, self._box)
        return abs(self._box.top - self._box.bottom) or 1.0, self._box.right

    def _is_fixed(self, handle: Any, index: int) -> bool:
        item = self._raw.FPDFText_GetTextObject(handle, index)
        font = self._raw.FPDFTextObj_GetFont(item) if item else None
        if not font:
            return False
        address = ctypes.cast(font, ctypes.c_void_p).value or 0
        if address not in self._fixed:
            name = ctypes.create_string_buffer(200)
            self._raw.FPDFFont_GetBaseFontName(font, name, 200)
            flags = self._raw.FPDFFont_GetFlags(font)
            called = name.value.decode(errors="replace")
            self._fixed[address] = bool(flags & _FIXED_PITCH) or _FIXED.search(called) is not None
        return self._fixed[address]

    def _with_marks(
        self, handle: Any, start: int, end: int, text: str, y: float, height: float
    ) -> tuple[str, float, float]:
        """A word in which what is raised or lowered stays apart: 10^6 is not 106.

        Gives also the height and the baseline of what is neither.
        """
        places = [self._origin(handle, n)[1] for n in range(start, end)]
        if max(places) - min(places) < 0.05 * height:
            return text[start:end], height, y
        heights = [self._height(handle, n)[0] for n in range(start, end)]
        tallest = max(heights)
        base = next(place for place, each in zip(places, heights, strict=True) if each == tallest)
        shown: list[str] = []
        level = 0
        for n, place, each in zip(range(start, end), places, heights, strict=True):
            off = place - base
            now = 0 if abs(off) < _RAISED * tallest or each > _SMALLER * tallest else 1 if off > 0 else -1
            if now != level:
                shown.append(_mark(text[start:n], text[n:end], now))
            shown.append(text[n])
            level = now
        return "".join(shown), tallest, base


def _mark(before: str, after: str, level: int) -> str:
    if not level:
        return " " if after[:1].isalnum() else ""
    if not before or re.match(r"[^\W\d_]{2,}", after):  # 21st, for one
        return ""
    return "^" if level > 0 else "_" if before[-1].isdigit() else ""


def _bookmarks(document: Any) -> Iterator[Bookmark]:
    for bookmark in document.get_toc():
        target = bookmark.get_dest()
        page = target and target.get_index()
        if page is not None:
            kind, place = target.get_view()
            # Of the ways to show a place, XYZ (1), FitH (3) and FitBH (7) tell its top; FitR (5) its box.
            top = {1: place[1:2], 3: place[:1], 7: place[:1], 5: place[3:4]}.get(kind) or [None]
            yield Bookmark(page=page, top=top[0], title=bookmark.get_title() or "", level=bookmark.level)
