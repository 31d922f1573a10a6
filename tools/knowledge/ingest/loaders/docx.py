"""Word documents, as Markdown by way of HTML."""

from __future__ import annotations

from ..outlines import outline_of
from ..sources.item import RawDocument
from .converting import converting, open_package
from .html import markdown_of
from .isolated import parsed
from .loaded import Loaded

__all__ = ["load_docx"]


def load_docx(raw: RawDocument) -> Loaded:
    """Read a Word document; pictures and whatever it links to are left out.

    Raises:
        NoTextError: it is broken, encrypted, too large when unpacked, or holds no text.
        UnreadableError: it could not be read this time.
    """
    open_package(raw.data, "DOCX").close()
    html: str = parsed(raw.data, parser="word", what="DOCX", office="mammoth")
    with converting("DOCX"):
        text = markdown_of(html.encode(errors="replace"))
    outline = outline_of(text, "markdown")
    headings = outline.headings
    return Loaded(
        text=text, title=headings[0].text if headings else raw.name, kind="markdown", outline=outline
    )
