"""How well each sentence fits one part of a question."""

from __future__ import annotations

import re
from itertools import pairwise

from .evidence import Evidence
from .literals import holds
from .match import Match
from .names import is_identifier, names
from .passages import Unit
from .question import Part
from .sentences import DEFINES, Sentence
from .signs import shows, weakens_without
from .terms import LIGHT, terms

__all__ = ["Scoring", "defines"]

_CONTEXT_SHARE = 0.6
"""What the terms that a pronoun points at weigh together, at most, beside the part's own terms."""
_NAME_WEIGHT = 1.3
_FOCUS_WEIGHT = 1.4
_NUMBER_WEIGHT = 0.25
"""A number in a question is seldom the number in the answer."""
_LIGHT_WEIGHT = 0.4
"""A verb like "offer" or "come" has many others that say the same."""
_MAGNITUDES = frozenset(terms("hundred thousand million billion"))
_HEADING_SHARE = 0.7
"""What a term counts that stands only in the title or in a heading above the sentence."""
_BESIDE_SHARE = 0.5
"""The same for a term of the other sentences of a short paragraph: they are quoted with it."""
_QUESTION_HEADING = 0.6
"""From this similarity on, a heading is taken for the question, and the text below it for the answer."""
_BARE_TOPIC = 0.4
"""The share of that for a heading of one or two words: it names a topic, not a question."""
_UNNAMED = 0.5
"""What a sentence is worth that has not the whole of an identifier that is asked about."""
_ELSEWHERE = 0.5
"""What a sentence is worth whose document nowhere says the one name that is asked about."""
_UNSIGNED = 0.75
"""What a sentence without a number, or a date, is worth where one is asked for."""
_OF_THE_PAST = 0.4
"""What a line of a list of changes is worth where nothing is asked of a release."""
_LONGEST_ENTRY = 6
"""Words of the line that names a setting, above what is said of it."""
_SPELLED_OUT = re.compile(r"\b([A-Z][A-Z\d-]{1,15}) \((?=[A-Za-z-]+ [A-Za-z-])|\(([A-Z][A-Z\d-]{1,15})\)")
"""An abbreviation beside what it stands for."""
_OF_RELEASES = frozenset(
    terms("version release released changelog changed change new added removed deprecated fixed since")
)


class Scoring:
    """One part of a question, held against sentences."""

    def __init__(self, evidence: Evidence, part: Part) -> None:
        self.part = part
        self._evidence = evidence
        heavy = {term: evidence.weight(term) for term in part.terms if term not in LIGHT}
        light = _LIGHT_WEIGHT * max(heavy.values(), default=1.0)
        self.asked = {term: heavy.get(term, min(light, evidence.weight(term))) for term in part.terms}
        self.subjects = frozenset(heavy) or frozenset(part.terms)
        self.weights = self._weighed()
        self.total = sum(self.weights.values()) or 1.0
        self._pairs = set(pairwise(part.terms))
        self._identifiers = [frozenset(terms(name)) for name in part.names if is_identifier(name)]
        self._literals = [
            literal for literal in part.literals if any(holds(read.unit, literal) for read in evidence.reads)
        ]
        self._of_releases = part.wanted == "time" or not _OF_RELEASES.isdisjoint(part.terms)

    def match(self, read: Sentence, *, without: frozenset[str] = frozenset()) -> Match:
        """Hold a sentence against the part, of which the terms ``without`` count for nothing."""
        part, unit, total = self.part, read.unit, self.total
        weights = (
            {term: w for term, w in self.weights.items() if term not in without} if without else self.weights
        )
        own = read.terms | {verb for verb, joined in part.joined if joined in read.terms}
        over = read.above | {verb for verb, joined in part.joined if joined in read.above}
        beside = self._evidence.of_paragraph(unit) - own - over if part.simple else frozenset[str]()
        said = sum(weight for term, weight in weights.items() if term in own)
        above = sum(weight for term, weight in weights.items() if term in over - own)
        near = sum(weight for term, weight in weights.items() if term in beside)
        score = (said + _HEADING_SHARE * above + _BESIDE_SHARE * near) / total
        if self._pairs:
            score += 0.1 * len(self._pairs & read.pairs) / len(self._pairs)
        likeness = self._likeness(read.heading, weights)
        if likeness >= _QUESTION_HEADING:
            bare = len(read.heading) < 3 and not unit.heading.rstrip().endswith("?")
            score += likeness * max(0.0, 0.8 - 0.12 * unit.place) * (_BARE_TOPIC if bare else 1.0)
        if said and shows(unit.said, part):
            score += 0.25 if part.wanted == "list" else 0.12
        elif weakens_without(part):
            score *= _UNSIGNED
        if part.wanted == "procedure" and unit.kind != "sentence":
            score += 0.15
        if part.wanted == "definition" and said and defines(unit, part):
            score += 0.2
        covered = frozenset(weights.keys() & (own | over | beside))
        if covered.isdisjoint(part.terms):
            score = 0.0
        score *= self._worth(read, covered) * read.form
        shares = ((own, 1.0), (over - own, _HEADING_SHARE), (beside, _BESIDE_SHARE))
        got = sum(
            kind * weight
            for found, kind in shares
            for term, weight in self.asked.items()
            if term in found and term in weights
        )
        return Match(unit=unit, score=score, covered=covered, share=got / (sum(self.asked.values()) or 1.0))

    def is_elsewhere(self, unit: Unit) -> bool:
        """Whether a document does not say the name that a simple part asks about."""
        part = self.part
        if part.chain or len(part.names) != 1:
            return False
        return not self._evidence.names(unit, part.names[0])

    def _worth(self, read: Sentence, covered: frozenset[str]) -> float:
        """What is left of a sentence's score that is about something else than the part."""
        part, unit = self.part, read.unit
        worth = 1.0
        if self._literals and not any(holds(unit, literal) for literal in self._literals):
            worth *= 0.0 if part.simple or part.intent.sides else _UNNAMED
        elif any(not identifier <= covered for identifier in self._identifiers):
            worth *= _UNNAMED
        if part.focus and not part.names and covered.isdisjoint(part.focus):
            worth *= 0.6
        if self.is_elsewhere(unit) or _is_of_another(unit, part):
            worth *= _ELSEWHERE
        if part.context and self._evidence.of_page(unit).isdisjoint(part.context):
            worth *= 0.5  # it is about something else than what the pronoun points at
        if read.past and not self._of_releases:
            worth *= _OF_THE_PAST
        return worth

    def _weighed(self) -> dict[str, float]:
        part = self.part
        named = {term for name in part.names for term in terms(name)}
        weights: dict[str, float] = {}
        for term, weight in self.asked.items():
            kind = _NUMBER_WEIGHT if term in _MAGNITUDES or term.isdigit() else 1.0
            kind *= _NAME_WEIGHT if term in named else _FOCUS_WEIGHT if term in part.focus else 1.0
            weights[term] = kind * weight
        around = {term: self._evidence.weight(term) for term in part.context if term not in weights}
        if around:
            scale = _CONTEXT_SHARE * sum(weights.values()) / sum(around.values())
            weights.update({term: min(1.0, scale) * weight for term, weight in around.items()})
        return weights

    def _likeness(self, heading: frozenset[str], weights: dict[str, float]) -> float:
        """How much a heading is the question: the harmonic mean of what they share, by weight."""
        shared = sum(weights[term] for term in heading & weights.keys())
        if not shared:
            return 0.0
        recall = shared / sum(weights.values())
        beyond = sum(self._evidence.weight(term) for term in heading - weights.keys())
        precision = shared / (shared + beyond)
        return 2 * recall * precision / (recall + precision)


def defines(unit: Unit, part: Part) -> bool:
    """Whether a sentence says what something asked about is, or what its letters stand for."""
    asked = {*part.terms, *part.context}
    if any(set(terms(short[1] or short[2])) <= asked for short in _SPELLED_OUT.finditer(unit.said[:1000])):
        return True
    match = DEFINES.match(unit.said)
    if match is None:
        return False
    subject = set(terms(match["subject"]))
    return bool(subject) and subject <= asked


def _is_of_another(unit: Unit, part: Part) -> bool:
    """Whether a sentence stands in the entry of a setting, where it is asked about another one."""
    asked = [name for name in part.names if is_identifier(name)]
    lead = unit.lead
    if not asked or lead is None or lead.kind not in ("item", "term"):
        return False
    label = set(terms(lead.said))
    if len(lead.said.split()) > _LONGEST_ENTRY or any(set(terms(name)) <= label for name in asked):
        return False
    return any(is_identifier(name) for name in names(lead.said))
