"""From the bytes of a document to lines of text."""

from __future__ import annotations

from ..raw import Raw
from .loaded import Loaded
from .text import load_text

__all__ = ["Loaded", "load"]


def load(raw: Raw) -> Loaded:
    """Read a document of any kind.

    Raises:
        NoTextError: there is no text in it that could be searched.
    """
    return load_text(raw)
