"""PowerPoint, with python-pptx."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any, TypedDict

__all__ = ["Slide", "parse"]


class Slide(TypedDict):
    """What stands on a slide."""

    title: str
    body: list[str]
    notes: list[str]


def parse(data: bytes) -> list[Slide]:
    """Read the slides in order."""
    pptx: Any = import_module("pptx")
    return [_slide(slide) for slide in pptx.Presentation(io.BytesIO(data)).slides]


def _slide(slide: Any) -> Slide:
    title = slide.shapes.title
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    return Slide(
        title="" if title is None else title.text_frame.text,
        body=[line for shape in slide.shapes if shape != title for line in _shape(shape)],
        notes=[] if notes is None else notes.text.strip().splitlines(),
    )


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
