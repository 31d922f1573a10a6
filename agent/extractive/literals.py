"""Words of a question that mean something only as they are written: ``wait_fixed``, ``--force``, ``%D``.

The full-text search sees words in them, or nothing at all; a text on waiting says nothing of ``wait_fixed``.
"""

from __future__ import annotations

import re

from .passages import Unit

__all__ = ["holds", "literals"]

_LITERAL = re.compile(
    r"(?<![\w/.%$-])(?:%\w{1,3}(?!\w)|\$\w+|--?[A-Za-z][\w-]*|[A-Za-z]\w*_\w+|[a-z]+[a-z\d]*[A-Z]\w*)(?![\w/])"
)


def literals(text: str) -> tuple[str, ...]:
    """The words of ``text`` that stand for themselves, folded to lower case."""
    return tuple(dict.fromkeys(match.group().casefold() for match in _LITERAL.finditer(text)))


def holds(unit: Unit, literal: str) -> bool:
    """Whether a unit has a literal as it is written: itself, its paragraph, or what it stands under."""
    if _stands_in(literal, unit.whole[:4000]) or _stands_in(literal, unit.headings):
        return True
    lead = unit.lead
    for _ in range(3):
        if lead is None:
            return False
        if _stands_in(literal, lead.said[:1000]):
            return True
        lead = lead.lead
    return False


def _stands_in(literal: str, text: str) -> bool:
    text = text.casefold()
    at = text.find(literal)
    while at >= 0:
        before, behind = text[at - 1 : at], text[at + len(literal) : at + len(literal) + 1]
        if not (before.isalnum() or before in ("_", "%") or behind.isalnum() or behind == "_"):
            return True
        at = text.find(literal, at + 1)
    return False
