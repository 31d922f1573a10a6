"""How well one sentence fits one part of a question."""

from __future__ import annotations

from dataclasses import dataclass

from .passages import Unit

__all__ = ["Match"]


@dataclass(frozen=True, kw_only=True)
class Match:
    """One sentence held against one part."""

    unit: Unit
    score: float
    covered: frozenset[str]
    """Terms of the part that the sentence has, a heading above it, or its paragraph if the part is simple."""
    share: float
    """How much of the part's weight they have, 0 to 1; what only stands around it counts in part."""
