"""Which of the sentences seen are quoted for one part of a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .comparing import compared
from .evidence import Evidence
from .fitting import answers_form, cannot_be, fits, has_all
from .following import answering, linked, says_relation
from .match import Match
from .passages import Unit
from .question import SIMPLE, Part
from .quoting import in_reading_order
from .scoring import Scoring, defines
from .sentences import alike
from .signs import asks_what_it_is, is_list
from .terms import terms

__all__ = ["Selection", "ranked", "select"]

_ENOUGH = 0.42
"""The least a sentence has to score to be quoted."""
_ENOUGH_CHAIN = 0.3
"""The same for a part of many terms, which are seldom all in one sentence."""
_COVERED = 0.72
"""From this share of a part's weight on, the part counts as answered."""
_COVERED_CHAIN = 0.97
_LINK_GAIN = 0.08
"""For a sentence on something that a quoted one names: the share of the part that it adds."""
_MOST_QUOTES = 3
_MOST_SAID = 2
"""Sentences on a subject that are quoted for whatever is asked of it."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is quoted for one part."""

    part: Part
    matches: tuple[Match, ...]
    """Best first; empty: nothing that was seen answers it."""
    units: tuple[Unit, ...]
    """The same in reading order, with the lists that the sentences introduce."""
    coverage: float
    """The share of the part's weight, 0 to 1, that the quotes have."""
    missing: tuple[str, ...]
    """Terms of the part that no quote has, in the part's order."""
    says_relation: bool
    """Whether a quote says what the part asks for, about something that the part or another quote names."""
    answers: bool
    """Whether the quotes say that, and have the number or the default that is asked for."""
    plain: bool
    """Whether the quotes leave little of the part open, and have its form: a list, where one is asked for."""
    undefined: bool
    """Whether it is asked what something is, and no quote says "it is …"."""

    @property
    def covered(self) -> bool:
        """Whether the part counts as answered."""
        says_which = not set(self.part.focus) & set(self.missing)
        simple = len(self.part.terms) <= SIMPLE and says_which
        needed = _COVERED if simple else _COVERED_CHAIN
        return bool(self.matches) and self.says_relation and self.coverage >= needed


def select(evidence: Evidence, part: Part) -> Selection:
    """Choose the sentences that answer a part."""
    part = evidence.spelled(part)
    scoring = Scoring(evidence, part)
    # "Oracle Cloud" is not answered by one sentence with an oracle and another with a cloud.
    torn = frozenset(term for name in part.names if not evidence.speaks_of(name) for term in terms(name))
    matches = sorted(
        (scoring.match(read, without=torn) for read in evidence.reads), key=lambda match: -match.score
    )
    if part.intent.sides:
        chosen = compared(matches, part, enough=_ENOUGH)
    else:
        chosen = _best(matches, scoring, evidence)
        if not fits(chosen, scoring, evidence):
            chosen = _all_said_of_it(matches, part)
    if chosen and not says_relation(chosen, scoring, evidence):
        chosen += answering(matches, chosen, scoring, evidence)
    undefined = asks_what_it_is(part) and not any(defines(match.unit, part) for match in chosen)
    units = in_reading_order(
        [match.unit for match in chosen], evidence.units, procedure=part.wanted == "procedure"
    )
    if cannot_be(chosen, units, part, undefined=undefined):
        chosen, units = [], ()
    covered = set[str]().union(*(match.covered for match in chosen))
    relation = says_relation(chosen, scoring, evidence)
    return Selection(
        part=part,
        matches=tuple(chosen),
        units=units,
        coverage=sum(scoring.weights[term] for term in covered) / scoring.total,
        missing=tuple(term for term in part.terms if term not in covered),
        says_relation=relation,
        answers=relation and answers_form(units, part),
        plain=is_list(units, part) and has_all(chosen, scoring) and not undefined,
        undefined=undefined,
    )


def _all_said_of_it(matches: Sequence[Match], part: Part) -> list[Match]:
    """What is said of the subject of "what does X eat", where it is little: other words for what it eats.

    It bears on the question. Where more is said of X, which of it was meant could only be guessed.
    """
    if part.subject is None or part.intent.bears:
        return []
    subject = terms(part.subject)
    said = [
        match
        for match in matches
        if match.unit.kind == "sentence" and subject and terms(match.unit.said)[: len(subject)] == subject
    ]
    return said if len(said) <= _MOST_SAID else []


def ranked(evidence: Evidence, part: Part) -> list[Match]:
    """Every sentence that shares a term with the part, best first; pages about it come first."""
    scoring = Scoring(evidence, part)
    around: dict[int, set[str]] = {}
    matches: list[Match] = []
    for read in evidence.reads:
        match = scoring.match(read)
        if match.covered:
            matches.append(match)
            around.setdefault(match.unit.cursor, set()).update(match.covered)
    share = {
        page: sum(scoring.weights[term] for term in covered) / scoring.total
        for page, covered in around.items()
    }
    pages_first = [
        replace(match, score=match.score * (0.2 + 0.8 * share[match.unit.cursor])) for match in matches
    ]
    return sorted(pages_first, key=lambda match: -match.score)


def _best(matches: Sequence[Match], scoring: Scoring, evidence: Evidence) -> list[Match]:
    """The best sentences, as long as each says more than those before or says it as well."""
    enough = _ENOUGH if len(scoring.part.terms) <= SIMPLE else _ENOUGH_CHAIN
    chosen: list[Match] = []
    covered: set[str] = set()

    def gain(match: Match) -> float:
        return sum(scoring.weights[term] for term in match.covered - covered) / scoring.total

    for match in matches:
        if len(chosen) == _MOST_QUOTES or match.score < enough:
            break
        if not chosen or _adds(match, chosen, gain(match)):
            chosen.append(match)
            covered |= match.covered
    for match in linked(matches, chosen, scoring.part, evidence):
        if len(chosen) < _MOST_QUOTES and gain(match) >= _LINK_GAIN:
            chosen.append(match)
            covered |= match.covered
    return chosen


def _adds(match: Match, chosen: Sequence[Match], gain: float) -> bool:
    if any(alike(match.unit.said, other.unit.said) for other in chosen):
        return False
    best = chosen[0]
    same_section = (match.unit.source, match.unit.heading) == (best.unit.source, best.unit.heading)
    if gain >= 0.15 and match.score >= 0.6 * best.score:
        return True
    as_good = match.score >= (0.7 if same_section else 0.85) * best.score
    return as_good and match.covered >= best.covered
