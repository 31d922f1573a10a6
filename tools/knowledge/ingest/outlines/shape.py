"""What is known of the structure of a text. Lines are counted from 0 here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

__all__ = ["Cut", "Heading", "Kind", "Outline"]

Kind = Literal["markdown", "rst", "asciidoc", "code", "sections", "table", "plain"]
"""How a text is built, which decides where it may be cut.

``sections`` is plain text but for lines that begin with ``#`` and a blank, which are headings.
``table`` has a row on each line.
"""


class Cut(IntEnum):
    """How well the text can be cut before a line; lower is better."""

    BLOCK = 0
    """A paragraph, list, table, fence or definition begins here."""
    NESTED = 1
    """A block inside another one begins here, such as a list item."""
    LINE = 2
    """In the middle of a block."""
    FENCE = 3
    """In the middle of fenced code."""


@dataclass(frozen=True)
class Heading:
    """A heading and the line where its section begins."""

    line: int
    level: int
    """Sections of a higher level lie inside it. Only the order of levels matters."""
    text: str
    """Empty where a section only ends, as after the last line of a class."""


@dataclass(frozen=True)
class Outline:
    """The headings of a document, and a cut for each of its lines."""

    headings: list[Heading]
    cuts: list[Cut]
