"""From one sentence to another that is about what the first names: both answer a question of two steps."""

from __future__ import annotations

from collections.abc import Sequence

from .evidence import Evidence
from .match import Match
from .names import names
from .question import Part
from .relation import says
from .scoring import Scoring
from .terms import terms

__all__ = ["answering", "follows", "linked", "says_relation"]

_LINK_ENOUGH = 0.12
"""The least that a sentence on something a quoted one names has to score."""
_WHOLE_CHAIN = 0.6
"""From this share of a chain's weight on, one sentence is taken to say all of it."""
_MOST_BETWEEN = 6
"""Sentences tried as the step between what is known and what is asked for."""


def linked(matches: Sequence[Match], chosen: Sequence[Match], part: Part, evidence: Evidence) -> list[Match]:
    """Sentences on what a chosen one names; they say the rest of a question that goes through it."""
    others = [match for match in matches if match not in chosen and match.score >= _LINK_ENOUGH]
    return [match for match in others if follows(match, chosen, part, evidence)]


def follows(match: Match, chosen: Sequence[Match], part: Part, evidence: Evidence) -> bool:
    """Whether a sentence is about something that another one names and the part does not.

    A name in a sentence's headings, or what its first pronoun points at, counts as well.
    """
    asked = set(part.terms)
    found = [
        set(terms(name))
        for other in chosen
        if other is not match and other.unit.kind != "code"
        for name in names(other.unit.said)
    ]
    return any(name - asked and name <= evidence.of_unit(match.unit) for name in found)


def says_relation(chosen: Sequence[Match], scoring: Scoring, evidence: Evidence) -> bool:
    """Whether one of the sentences says what is asked for, of the right thing.

    In a chain the right thing is one that another sentence names, or the sentence has most of the chain.
    """
    part = scoring.part
    relation = part.relation
    if relation is None:
        return True
    return any(
        says(relation, frozenset(terms(f"{match.unit.said} {match.unit.heading}")), match.unit.said)
        and (not part.chain or follows(match, chosen, part, evidence) or _has_most(match, scoring))
        for match in chosen
    )


def answering(
    matches: Sequence[Match], chosen: Sequence[Match], scoring: Scoring, evidence: Evidence
) -> list[Match]:
    """The best sentence that says what is asked for of something named so far, with the one between."""
    part = scoring.part
    candidates = [match for match in matches if match not in chosen and match.unit.kind != "code"]
    between = [match for match in candidates if match.covered and follows(match, chosen, part, evidence)]
    for steps in ([], *([match] for match in between[:_MOST_BETWEEN])):
        for match in candidates:
            path = [*chosen, *steps]
            if (
                match not in steps
                and (follows(match, path, part, evidence) or (not part.chain and match.covered))
                and says_relation([*path, match], scoring, evidence)
            ):
                return [*steps, match]
    return []


def _has_most(match: Match, scoring: Scoring) -> bool:
    return sum(scoring.weights[term] for term in match.covered) >= _WHOLE_CHAIN * scoring.total
