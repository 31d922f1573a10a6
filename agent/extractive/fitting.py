"""Whether what was chosen answers the part, bears on it, or is about something else."""

from __future__ import annotations

from collections.abc import Sequence

from .evidence import Evidence
from .following import follows
from .match import Match
from .names import names
from .passages import Unit
from .question import Part
from .relation import did_it, says
from .scoring import Scoring
from .signs import cannot_do_without, needs_sign, shows
from .terms import terms

__all__ = ["answers_form", "cannot_be", "fits", "has_all"]

_FITS = {1: 0.6, 2: 0.6, 3: 0.6, 4: 0.65, 5: 0.6, 6: 0.55}
"""The share of a part's weight that its best quote has to have, by the number of its terms: two sentences
with half a question each do not answer it."""
_FITS_LONG = 0.5
_FEW = 3
_MOST_OF_FEW = 0.8
"""The same for a part of so few terms where the quote has not all of them."""
_WHOLE = 0.8
"""From this share of a part on, a quote is offered as its answer, and below as what bears on it."""
_OPENING = 8
"""Words at the start of a sentence in which its subject stands."""


def fits(chosen: Sequence[Match], scoring: Scoring, evidence: Evidence) -> bool:
    """Whether one of the sentences has enough of the part to be an answer; a chain may be spread out."""
    part = scoring.part
    if part.chain or (len(part.names) > 1 and all(map(evidence.speaks_of, part.names))):
        return bool(chosen)
    if part.wanted == "person" and part.relation and not _says_who(chosen, part):
        return False
    needed = _FITS.get(len(part.terms), _FITS_LONG)
    linked = [match for match in chosen if follows(match, chosen, part, evidence)]
    if linked and part.names and not part.intent.bears:
        # one says what the other names: together they are one thought
        said = frozenset(chosen[0].covered).union(*(match.covered for match in linked))
        asked = scoring.asked
        if sum(weight for term, weight in asked.items() if term in said) >= needed * sum(asked.values()):
            return True
    few = len(scoring.subjects) <= _FEW
    return any(
        match.share >= (_MOST_OF_FEW if few and not match.covered >= scoring.subjects else needed)
        and not (few and len(match.covered & scoring.subjects) < _MOST_OF_FEW * len(scoring.subjects))
        and not scoring.is_elsewhere(match.unit)
        for match in chosen
    )


def has_all(chosen: Sequence[Match], scoring: Scoring) -> bool:
    """Whether nothing that tells is left open: in one quote, or in all of them where names link them."""
    if scoring.part.chain and scoring.part.names:
        covered = frozenset[str]().union(*(match.covered for match in chosen))
        got = sum(weight for term, weight in scoring.asked.items() if term in covered)
        return got >= _WHOLE * sum(scoring.asked.values())
    return any(match.share >= _WHOLE or match.covered >= scoring.subjects for match in chosen)


def cannot_be(chosen: Sequence[Match], units: Sequence[Unit], part: Part, *, undefined: bool) -> bool:
    """Whether what was chosen lacks what no answer can do without: the date, the number, the subject."""
    if not chosen:
        return False
    if cannot_do_without(part) and not any(_shows_it(match.unit, part) for match in chosen):
        return True
    return undefined and not any(_is_about(match.unit, part) for match in chosen)


def answers_form(units: Sequence[Unit], part: Part) -> bool:
    """Whether the quotes have the number or the default that is asked for."""
    return not needs_sign(part) or any(_shows_it(unit, part) for unit in units)


def _shows_it(unit: Unit, part: Part) -> bool:
    """Whether a quote has what is asked for, and speaks of half of what it is asked of."""
    if not shows(unit.said, part) or part.chain:
        return shows(unit.said, part)
    if part.wanted == "time" and part.relation:
        spoken = f"{unit.said} {unit.heading}"
        if not says(part.relation, frozenset(terms(spoken)), spoken):
            return False
    said = {*terms(unit.said), *terms(unit.headings), *terms(unit.title)}
    lead = unit.lead
    while lead is not None:
        said.update(terms(lead.said[:1000]))
        lead = lead.lead
    return 2 * len(said.intersection(part.terms)) >= len(part.terms)


def _is_about(unit: Unit, part: Part) -> bool:
    """Whether a sentence begins with what is asked about, or stands at the top of a section on it."""
    asked = set(part.terms)
    opening = set(terms(" ".join(unit.said.split()[:_OPENING])))
    around = {*opening, *terms(unit.title), *terms(unit.source)}
    return bool(opening & asked and asked <= around) or asked <= set(terms(unit.heading))


def _says_who(chosen: Sequence[Match], part: Part) -> bool:
    """Whether one sentence says both what somebody did and the name."""
    asked = set(part.terms)
    return any(
        did_it(part.relation or "", match.unit.said, name)
        for match in chosen
        for name in names(match.unit.said)
        if not asked & set(terms(name))
    )
