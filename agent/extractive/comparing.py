"""What is quoted for a comparison: what speaks of both sides, and what each of them is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .match import Match
from .names import names
from .passages import Unit
from .question import Part
from .sentences import alike
from .terms import terms

__all__ = ["compared"]

_MOST = 3
"""Sentences on both sides."""
_MOST_NAMES = 4
"""A sentence that names more is a list of names: it says nothing about two of them."""
_ENUMERATES = 0.6
_OPENING = 8
"""Words at the start of a sentence in which its subject stands."""
_WITH_ANOTHER = re.compile(
    r"\b(?:unlike|than|compared (?:to|with)|in contrast|versus|vs\.?|whereas|as opposed to"
    r"|differs? from)(?!\w)",
    re.I,
)
_COMPARES = re.compile(rf"{_WITH_ANOTHER.pattern}|\bdifferen\w+|\bwhile\b", re.I)
_MOST_OF_SECTION = 2
"""Sentences quoted from the top of a section that compares the two."""
_SIDE_BY_SIDE = re.compile(rf"{_COMPARES.pattern}|\bcompar\w+|\b(?:and|or)\b", re.I)
_TELLS = 1.3
"""What a sentence is worth more that begins with the side it is about."""
_COMPARED = 1.3
"""What a sentence on both sides is worth more that says how they compare."""


def compared(matches: Sequence[Match], part: Part, *, enough: float) -> list[Match]:
    """What speaks of both sides of a comparison; and for each side what is about it alone.

    A sentence that compares one of the sides with something else says nothing about the other.
    """
    sides = [frozenset(terms(side)) for side in part.intent.sides]
    chosen: list[Match] = []
    rivals = [
        replace(match, score=match.score * _singling(match))
        for match in matches
        if match.score and not _joins(match.unit, part)
    ]
    rivals.sort(key=lambda match: -match.score)
    both = [match for match in rivals if all(side <= _own(match) for side in sides)]
    both.sort(key=lambda match: -match.score * (_COMPARED if _COMPARES.search(match.unit.said) else 1.0))
    section = [match for match in rivals if _compares_them(match.unit, part)]
    section.sort(key=lambda match: match.unit.place)
    chosen += section[:_MOST_OF_SECTION]
    for match in both[: _MOST - len(chosen)]:
        if match.score >= max(enough, 0.7 * both[0].score) and not any(
            alike(match.unit.said, other.unit.said) for other in chosen
        ):
            chosen.append(match)
    for side, other in zip(sides, reversed(sides), strict=True):
        own = side - other or side
        about = [match for match in rivals if _is_about(match, own, other)]
        found = max(
            about, key=lambda match: match.score * (_TELLS if _tells(match.unit, own) else 1), default=None
        )
        if found is not None and not any(alike(found.unit.said, each.unit.said) for each in chosen):
            chosen.append(found)
    told = frozenset[str]().union(*(_own(match) | set(terms(match.unit.headings)) for match in chosen))
    return chosen if all(side <= told for side in sides) else []


def _own(match: Match) -> frozenset[str]:
    return frozenset(terms(match.unit.said))


def _compares_them(unit: Unit, part: Part) -> bool:
    """Whether a unit is text under a heading that sets the sides against each other, such as "A vs. B"."""
    if unit.kind == "code" or not _SIDE_BY_SIDE.search(unit.headings):
        return False
    sides = Counter(term for side in part.intent.sides for term in terms(side))
    return sides <= Counter(terms(unit.headings))


def _joins(unit: Unit, part: Part) -> bool:
    """Whether a sentence only says the same of both: "A or B", "A and B"."""
    one, two = (re.escape(side) for side in part.intent.sides)
    both = rf"\b(?:{one}\W+(?:and|or)\W+(?:the |an? )?{two}|{two}\W+(?:and|or)\W+(?:the |an? )?{one})\b"
    return not _COMPARES.search(unit.said) and re.search(both, unit.said, re.I) is not None


def _singling(match: Match) -> float:
    return _ENUMERATES if len(names(match.unit.said, lone_openers=True)) > _MOST_NAMES else 1.0


def _tells(unit: Unit, side: frozenset[str]) -> bool:
    """Whether a sentence has a side for its subject."""
    return unit.kind == "sentence" and side <= frozenset(terms(" ".join(unit.said.split()[: _OPENING // 2])))


def _is_about(match: Match, side: frozenset[str], other: frozenset[str]) -> bool:
    """Whether a sentence begins with one side, or stands under its heading, and compares nothing."""
    unit = match.unit
    if unit.kind == "code" or _WITH_ANOTHER.search(unit.said) or len(unit.said.split()) < _OPENING // 2:
        return False
    opening = frozenset(terms(" ".join(unit.said.split()[:_OPENING])))
    heading = frozenset(terms(f"{unit.heading} {unit.title}"))
    return side <= opening or (side <= heading and not other <= heading)
