"""What is known of the structure of a text. Lines are counted from 0 here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

__all__ = ["Cut", "Heading", "Item", "Kind", "Outline"]

Kind = Literal["markdown", "rst", "asciidoc", "xml", "code", "sections", "table", "plain"]
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
    SENTENCE = 2
    """A sentence begins here, in the middle of a block."""
    LINE = 3
    """In the middle of a sentence, or of a block without sentences."""
    WHOLE = 4
    """In the middle of what belongs together: fenced code, a row of a table, a term and its definition."""


@dataclass(frozen=True)
class Heading:
    """A heading and the line where its section begins."""

    line: int
    level: int
    """Sections of a higher level lie inside it. Only the order of levels matters."""
    text: str
    """Empty where a section only ends, as after the last line of a class."""


@dataclass(frozen=True)
class Item:
    """A definition, or an item of a list: what begins inside it is not understood without its first words."""

    line: int
    end: int
    """The line behind its last."""
    term: str


@dataclass(frozen=True)
class Outline:
    """The headings of a document, a cut for each of its lines, and its items in the order of their lines."""

    headings: list[Heading]
    cuts: list[Cut]
    items: Sequence[Item] = ()
    """One may lie inside another."""
