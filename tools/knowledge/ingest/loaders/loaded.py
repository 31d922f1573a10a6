"""What every loader gives, and the cleaning every text goes through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...errors import NoTextError
from ..outlines import Kind, Outline

__all__ = ["Kind", "Loaded", "as_title", "clean", "literal", "made_of"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MARKED = ("#", "```", "~~~")
_TITLE_LENGTH = 300


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A document as the knowledge base takes it."""

    text: str
    """Lines end with ``\\n``; no other control characters but tabs, and no lone surrogates."""
    title: str
    """Never empty."""
    kind: Kind
    front_matter: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the document says of itself, as JSON values."""
    outline: Outline | None = None
    """Its outline, where the loader knows it already; else it is read from the text."""


def clean(text: str) -> str:
    """Make a newline the only line end and drop control characters and lone surrogates."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def literal(line: str) -> str:
    """Keep a line of a document from being taken for a heading or a fence of a ``sections`` text."""
    return f" {line}" if line.startswith(_MARKED) else line


def as_title(text: object) -> str:
    """A title of reasonable length on one line; empty for what is no text."""
    return " ".join(clean(text).split())[:_TITLE_LENGTH] if isinstance(text, str) else ""


def made_of(lines: Iterable[str], *, nothing: str) -> str:
    """The lines of a converted document as one clean text.

    Raises:
        NoTextError: there is nothing in them; ``nothing`` is the reason.
    """
    text = clean("\n".join(line.rstrip() for line in lines)).strip("\n")
    if not text.strip():
        raise NoTextError(nothing)
    return f"{text}\n"
