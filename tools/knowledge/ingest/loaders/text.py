"""Texts that are kept line by line: Markdown, reStructuredText, AsciiDoc, source code, plain text."""

from __future__ import annotations

from ...errors import NoTextError
from ..outlines import Kind, outline_of
from ..sources.item import RawDocument
from .decoding import decode
from .front_matter import front_matter
from .loaded import Loaded, as_title, clean

__all__ = ["load_text", "text_of"]

_TITLED = frozenset({"markdown", "rst", "asciidoc"})


def load_text(raw: RawDocument, kind: Kind) -> Loaded:
    """Read a text as ``kind``.

    Raises:
        NoTextError: it is empty, binary, or in an unknown encoding.
    """
    text = text_of(raw)
    matter = front_matter(text) if kind == "markdown" else {}
    title = as_title(matter.get("title"))
    outline = outline_of(text, kind)
    if not title and kind in _TITLED:
        title = next((heading.text for heading in outline.headings if heading.text), "")
    return Loaded(text=text, title=title or raw.name, kind=kind, front_matter=matter, outline=outline)


def text_of(raw: RawDocument) -> str:
    """The characters of a document.

    Raises:
        NoTextError: it is empty, binary, or in an unknown encoding.
    """
    text = clean(decode(raw.data))
    if not text.strip():
        raise NoTextError("empty")
    return text
