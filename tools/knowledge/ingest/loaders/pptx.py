"""PowerPoint slides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..outlines import outline_of
from ..sources.item import RawDocument
from .converting import open_package
from .isolated import parsed
from .loaded import Loaded, as_title, literal, made_of, numbered_marks
from .parsers.slides import Slide

__all__ = ["load_pptx"]


def load_pptx(raw: RawDocument) -> Loaded:
    """Read the text, tables and notes of slides; every slide is a section.

    Raises:
        NoTextError: it is broken, encrypted, too large when unpacked, or holds no text.
        UnreadableError: it could not be read this time.
    """
    open_package(raw.data, "PPTX").close()
    slides: list[Slide] = parsed(raw.data, parser="slides", what="PPTX", office="pptx")
    text = made_of(_lines(slides), nothing="no text on these slides")
    titles = (as_title(slide["title"]) for slide in slides)
    outline = outline_of(text, "sections")
    return Loaded(
        text=text,
        title=next(filter(None, titles), raw.name),
        kind="sections",
        marks=numbered_marks(outline, "slide"),
        outline=outline,
    )


def _lines(slides: Sequence[Slide]) -> Iterator[str]:
    for number, slide in enumerate(slides, 1):
        title, notes = as_title(slide["title"]), slide["notes"]
        if title or slide["body"] or notes:
            yield f"# Slide {number}: {title}" if title else f"# Slide {number}"
            yield ""
            yield from map(literal, slide["body"])
            yield from ["", "Notes:", *map(literal, notes)] if notes else []
            yield ""
