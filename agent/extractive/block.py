"""What a page is cut into: blocks of lines, and titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "Kind", "Title"]

Kind = Literal["sentence", "item", "term", "row", "code"]
"""A ``term`` is what a definition defines: it is quoted with its definition."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines that belong together."""

    kind: Kind
    lines: Sequence[tuple[int, str]]
    """Line number, and the line without the marks at its start."""
    indent: int = 0
    """Columns before its text's marks; what is indented deeper stands under it."""
    cells: tuple[str, ...] = ()
    """Of a row."""
    columns: tuple[str, ...] = ()
    """The headings above the cells; empty where none are known."""


@dataclass(frozen=True)
class Title:
    """A heading."""

    text: str
