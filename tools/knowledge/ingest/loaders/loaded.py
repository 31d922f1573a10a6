"""What every loader gives, and the cleaning every text goes through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...errors import NoTextError
from ...values import Mark
from ..outlines import Kind, Outline

__all__ = ["Kind", "Loaded", "as_title", "clean", "literal", "made_of", "numbered_marks"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MARKED = ("#", "```", "~~~")
_TITLE_LENGTH = 300
_NUMBERED = re.compile(r"(?:Page|Slide) (\d+)(?=:|$)")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A document as the knowledge base takes it.

    Of what a loader from outside gives, the text and the title are cleaned, and ``outline`` is not used.
    """

    text: str
    """What is searched and cited. Lines end with ``\\n``; no other control characters but tabs, and no lone
    surrogates."""
    title: str
    """On one line, at most 300 characters; the file's name where there is none."""
    kind: Kind = "markdown"
    """How the text is built, which decides where it is cut and what its headings are: ``markdown``,
    ``sections`` (plain text but for headings such as ``# Heading``), ``plain``, ``rst``, ``asciidoc``,
    ``xml``, ``code``, or ``table`` (a row on each line)."""
    front_matter: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the document says of itself, as JSON values: at most 8,000 characters. ``tags``, a list of
    strings, become its tags."""
    marks: Sequence[Mark] = ()
    """Where its pages, sheets or slides begin, in the order of their lines."""
    outline: Outline | None = None
    """Its outline, where a built-in loader knows it already; else it is read from the text."""


def clean(text: str) -> str:
    """Make a newline the only line end and drop control characters and lone surrogates."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def literal(line: str) -> str:
    """Keep a line of a document from being taken for a heading or a fence of a ``sections`` text."""
    return f" {line}" if line.startswith(_MARKED) else line


def as_title(text: object) -> str:
    """A title of reasonable length on one line; empty for what is no text."""
    return " ".join(clean(text).split())[:_TITLE_LENGTH] if isinstance(text, str) else ""


def numbered_marks(outline: Outline, kind: Literal["page", "slide"]) -> list[Mark]:
    """Where the pages or slides begin in a ``sections`` text, by its headings: ``Page 3: Storage``."""
    marks: list[Mark] = []
    for heading in outline.headings:
        found = _NUMBERED.match(heading.text)
        if found and (not marks or marks[-1].value != int(found[1])):
            marks.append(Mark(heading.line + 1, kind, int(found[1])))
    return marks


def made_of(lines: Iterable[str], *, nothing: str) -> str:
    """The lines of a converted document as one clean text.

    Raises:
        NoTextError: there is nothing in them; ``nothing`` is the reason.
    """
    text = clean("\n".join(line.rstrip() for line in lines)).strip("\n")
    if not text.strip():
        raise NoTextError(nothing)
    return f"{text}\n"
