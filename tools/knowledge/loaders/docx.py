"""Word documents, as Markdown by way of HTML."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from ..outlines import outline
from ..raw import Raw
from .converting import converting, open_package
from .html import markdown_of
from .loaded import Loaded

__all__ = ["load_docx"]

_LIMIT = 64 * 2**20
"""Bytes of XML. It is read into a tree that takes some twenty times as much memory."""


def load_docx(raw: Raw) -> Loaded:
    """Read a Word document; pictures and whatever it links to are left out.

    Raises:
        NoTextError: it is broken, encrypted, too large when unpacked, or holds no text.
    """
    open_package(
        raw.data, "DOCX", part_of_memory=lambda name: name.endswith((".xml", ".rels")), limit=_LIMIT
    ).close()
    mammoth: Any = import_module("mammoth")
    with converting("DOCX"):
        html: str = mammoth.convert_to_html(
            io.BytesIO(raw.data),
            convert_image=_no_image,
            style_map="p[style-name='Title'] => h1:fresh",
            include_embedded_style_map=False,
        ).value
        text = markdown_of(html.encode())
    headings = outline(text, "markdown").headings
    return Loaded(text=text, title=headings[0].text if headings else raw.name, kind="markdown")


def _no_image(_: object) -> list[object]:
    return []
