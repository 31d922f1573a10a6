"""PowerPoint slides."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from ..raw import Raw
from .converting import converting, open_package
from .loaded import Loaded, as_title, literal, made_of

__all__ = ["load_pptx"]

_LIMIT = 64 * 2**20
"""Bytes of XML."""


def load_pptx(raw: Raw) -> Loaded:
    """Read the text, tables and notes of slides; every slide is a section.

    Raises:
        NoTextError: it is broken, encrypted, too large when unpacked, or holds no text.
    """
    open_package(
        raw.data, "PPTX", part_of_memory=lambda name: name.endswith((".xml", ".rels")), limit=_LIMIT
    ).close()
    pptx: Any = import_module("pptx")
    with converting("PPTX"):
        slides = list(pptx.Presentation(io.BytesIO(raw.data)).slides)
        titles = [_title(slide) for slide in slides]
        text = made_of(_lines(slides, titles), nothing="no text on these slides")
    return Loaded(text=text, title=next(filter(None, titles), raw.name), kind="sections")


def _title(slide: Any) -> str:
    shape = slide.shapes.title
    return as_title(shape.text_frame.text) if shape is not None else ""


def _lines(slides: Iterable[Any], titles: Iterable[str]) -> Iterator[str]:
    for number, (slide, title) in enumerate(zip(slides, titles, strict=True), 1):
        body = [line for shape in slide.shapes if shape != slide.shapes.title for line in _shape(shape)]
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        spoken: list[str] = [] if notes is None else notes.text.strip().splitlines()
        if title or body or spoken:
            yield f"# Slide {number}: {title}" if title else f"# Slide {number}"
            yield ""
            yield from map(literal, body)
            yield from ["", "Notes:", *map(literal, spoken)] if spoken else []
            yield ""


def _shape(shape: Any) -> Iterator[str]:
    if hasattr(shape, "shapes"):
        for each in shape.shapes:
            yield from _shape(each)
    elif shape.has_text_frame:
        for paragraph in shape.text_frame.paragraphs:
            if line := _line(paragraph.text):
                yield f"{'  ' * paragraph.level}{line}"
    elif getattr(shape, "has_table", False):
        for row in shape.table.rows:
            yield " | ".join(_line(cell.text) for cell in row.cells)


def _line(text: str) -> str:
    """Words on one line."""
    return " ".join(text.split())
