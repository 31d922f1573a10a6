"""Word documents, with mammoth."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from .equations import with_equations_as_text

__all__ = ["parse"]


def parse(data: bytes) -> str:
    """Read a document as HTML, without pictures and whatever it links to; equations are text."""
    mammoth: Any = import_module("mammoth")
    return mammoth.convert_to_html(
        io.BytesIO(with_equations_as_text(data)),
        convert_image=_no_image,
        style_map="p[style-name='Title'] => h1:fresh",
        include_embedded_style_map=False,
    ).value


def _no_image(_: object) -> list[object]:
    return []
