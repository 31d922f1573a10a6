"""Which of the sentences seen speak to which part of the question."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from ...tools.pages import Page
from .comparing import compared
from .match import Match
from .names import names
from .passages import Unit, units_of
from .question import SIMPLE, Part
from .quoting import SHORT_PARAGRAPH, in_reading_order
from .relation import says
from .sentences import IS_A, Sentence, alike, points_back, read_sentence, subject_of
from .signs import asks_what_it_is, cannot_do_without, is_list, shows, weakens_without
from .spelling import respelled
from .terms import content_words, terms

__all__ = ["Evidence", "Match", "Selection"]

_CONTEXT_SHARE = 0.6
"""What the terms that a pronoun points at weigh together, at most, beside the part's own terms."""
_NAME_WEIGHT = 1.3
_FOCUS_WEIGHT = 1.4
_NUMBER_WEIGHT = 0.25
"""A number in a question is seldom the number in the answer."""
_MAGNITUDES = frozenset(terms("hundred thousand million billion"))
_HEADING_SHARE = 0.7
"""What a term counts that stands only in the title or in a heading above the sentence."""
_QUESTION_HEADING = 0.6
"""From this similarity on, a heading is taken for the question, and the text below it for the answer."""
_BARE_TOPIC = 0.4
"""The share of that for a heading of one or two words: it names a topic, not a question."""
_BESIDE_SHARE = 0.5
"""The same for a term of the other sentences of a short paragraph: they are quoted with it."""
_ENOUGH = 0.42
"""The least a sentence has to score to be quoted."""
_ENOUGH_CHAIN = 0.3
"""The same for a part of many terms, which are seldom all in one sentence."""
_FITS = {1: 0.6, 2: 0.6, 3: 0.6, 4: 0.65, 5: 0.6, 6: 0.55}
"""The share of a part's weight that its best quote has to have, by the number of its terms: two sentences
with half a question each do not answer it."""
_FEW = 3
_MOST_OF_FEW = 0.8
"""The same for a part of so few terms where the quote has not all of them."""
_FITS_LONG = 0.5
_UNNAMED = 0.5
"""What a sentence is worth that has not the whole of an identifier that is asked about."""
_ELSEWHERE = 0.5
"""What a sentence is worth whose document nowhere says the one name that is asked about."""
_UNSIGNED = 0.75
"""What a sentence without a number, or a date, is worth where one is asked for."""
_COVERED = 0.72
"""From this share of a part's weight on, the part counts as answered."""
_COVERED_CHAIN = 0.97
_OTHERS = 20
"""Sentences on other things, assumed when weighing terms: a search shows only those that have the terms."""
_LINK_ENOUGH = 0.12
_LINK_GAIN = 0.08
"""For a sentence on something that a quoted one names: its score, and the share of the part that it adds."""
_WHOLE_CHAIN = 0.6
"""From this share of a chain's weight on, one sentence is taken to say all of it."""
_MOST_BETWEEN = 6
"""Sentences tried as the step between what is known and what is asked for."""
_LONGEST_ENTRY = 6
"""Words of the line that names a setting, above what is said of it."""
_MOST_QUOTES = 3
_MOST_SAID = 2
"""Sentences on a subject that are quoted for whatever is asked of it."""
_SPELLED_OUT = re.compile(r"\b([A-Z][A-Z\d-]{1,15}) \((?=[A-Za-z-]+ [A-Za-z-])|\(([A-Z][A-Z\d-]{1,15})\)")
"""An abbreviation beside what it stands for."""
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)$")


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

    plain: bool
    """Whether the quotes have the form of what is asked for: a list, where one is."""
    undefined: bool
    """Whether it is asked what something is, and no quote says "it is …"."""

    @property
    def covered(self) -> bool:
        """Whether the part counts as answered."""
        says_which = not set(self.part.focus) & set(self.missing)
        simple = len(self.part.terms) <= SIMPLE and says_which
        needed = _COVERED if simple else _COVERED_CHAIN
        return bool(self.matches) and self.says_relation and self.coverage >= needed


class Evidence:
    """Every sentence of the pages seen; each stands once, on the first page that did not cut it off."""

    def __init__(self, pages: Iterable[Page]) -> None:
        self._reads: list[Sentence] = []
        self._titles: set[tuple[str, ...]] = set()
        known: dict[tuple[str, int, str], int] = {}
        for page in pages:
            self._titles.add(terms(_IN_BRACKETS.sub("", page.title)))
            subject = ""
            for unit in units_of(page):
                if unit.kind == "code" or not points_back(unit.said):
                    subject = subject_of(unit)
                key = (unit.source, unit.start, unit.text)
                if key not in known or self._reads[known[key]].unit.last:  # what was cut has been read on
                    known[key] = len(self._reads)
                    self._reads.append(read_sentence(unit, subject))
        self._reads = [self._reads[index] for index in sorted(known.values())]
        self._beside = _paragraphs(self._reads)
        self._units = [read.unit for read in self._reads]
        self._terms = {id(read.unit): read.terms | read.above for read in self._reads}
        self._around: dict[int, set[str]] = {}
        self._documents: dict[str, set[str]] = {}
        counts: Counter[str] = Counter()
        for read in self._reads:
            counts.update(read.terms | read.above)
            self._around.setdefault(read.unit.cursor, set()).update(read.terms | read.above)
            document = self._documents.setdefault(read.unit.source, set(terms(read.unit.source)))
            document.update(read.terms | read.above)
        total = len(self._reads) + _OTHERS
        self._idf = {
            term: max(0.1, math.log(1 + (total - n + 0.5) / (n + 0.5))) for term, n in counts.items()
        }
        self._unseen = math.log(1 + (total + 0.5) / 0.5)

    def weight(self, term: str) -> float:
        """How much a term tells, over what was seen (inverse document frequency)."""
        return self._idf.get(term, self._unseen)

    def spelled(self, part: Part) -> Part:
        """The part with its slips mended: lower-case words that nothing seen has, but for one letter."""
        written = {word.term for word in content_words(part.text) if word.surface.islower()}
        mended = {
            term: known
            for term in part.terms
            if term in written and term not in self._idf and (known := respelled(term, self._idf))
        }
        if not mended:
            return part
        return replace(
            part,
            terms=tuple(dict.fromkeys(mended.get(term, term) for term in part.terms)),
            focus=tuple(mended.get(term, term) for term in part.focus),
            relation=mended.get(part.relation, part.relation) if part.relation else None,
        )

    def speaks_of(self, text: str) -> bool:
        """Whether all terms of ``text`` stand together in one sentence with its headings."""
        if "/" in text:  # "HTTP/3" is not spoken of where there is HTTP and some 3
            return any(
                text.casefold() in f"{read.unit.said} {read.unit.headings}".casefold() for read in self._reads
            )
        wanted = set(terms(text))
        return any(wanted <= read.terms | read.above for read in self._reads)

    def is_about(self, name: str) -> bool:
        """Whether a document seen has the name as its title; what a title adds in brackets aside."""
        return terms(name) in self._titles

    def select(self, part: Part) -> Selection:
        """Choose the sentences that answer a part."""
        part = self.spelled(part)
        weights = self._weights(part)
        total = sum(weights.values()) or 1.0
        # "Oracle Cloud" is not answered by one sentence with an oracle and another with a cloud.
        torn = {term for name in part.names if not self.speaks_of(name) for term in terms(name)}
        known = {term: weight for term, weight in weights.items() if term not in torn}
        matches = sorted(
            (self._match(read, part, known, total) for read in self._reads),
            key=lambda match: -match.score,
        )
        enough = _ENOUGH if len(part.terms) <= SIMPLE else _ENOUGH_CHAIN
        chosen: list[Match] = []
        covered: set[str] = set()
        told = False
        for match in matches:
            if len(chosen) == _MOST_QUOTES or match.score < enough:
                break
            gain = sum(weights[term] for term in match.covered - covered) / total
            if chosen and not self._adds(match, chosen, gain):
                continue
            chosen.append(match)
            covered |= match.covered
        for match in self._linked(matches, chosen, part):
            gain = sum(weights[term] for term in match.covered - covered) / total
            if len(chosen) < _MOST_QUOTES and gain >= _LINK_GAIN:
                chosen.append(match)
                covered |= match.covered
        if part.intent.sides:
            chosen = compared(matches, part, enough=_ENOUGH)
            covered = set[str]().union(*(match.covered for match in chosen))
        elif not self._fits(chosen, part):
            chosen = self._all_said_of_it(matches, part)
            told = bool(chosen)
            covered = set[str]().union(*(match.covered for match in chosen))
        if chosen and not self._says_relation(chosen, part):
            answering = self._answering(matches, chosen, part)
            chosen.extend(answering)
            covered.update(*(match.covered for match in answering))
        units = in_reading_order(
            [match.unit for match in chosen], self._units, procedure=part.wanted == "procedure"
        )
        if units and cannot_do_without(part) and not any(shows(match.unit.said, part) for match in chosen):
            chosen, covered, units = [], set[str](), ()
        undefined = asks_what_it_is(part) and not any(self._defines(match.unit, weights) for match in chosen)
        return Selection(
            part=part,
            matches=tuple(chosen),
            units=units,
            coverage=sum(weights[term] for term in covered) / total,
            missing=tuple(term for term in part.terms if term not in covered),
            says_relation=self._says_relation(chosen, part),
            plain=is_list(units, part) and not told and not undefined,
            undefined=undefined,
        )

    def ranked(self, part: Part) -> list[Match]:
        """Every sentence that shares a term with the part, best first; pages about it come first."""
        weights = self._weights(part)
        total = sum(weights.values()) or 1.0
        around: dict[int, set[str]] = {}
        matches: list[Match] = []
        for read in self._reads:
            match = self._match(read, part, weights, total)
            if match.covered:
                matches.append(match)
                around.setdefault(match.unit.cursor, set()).update(match.covered)
        share = {page: sum(weights[term] for term in covered) / total for page, covered in around.items()}
        ranked = [
            replace(match, score=match.score * (0.2 + 0.8 * share[match.unit.cursor])) for match in matches
        ]
        return sorted(ranked, key=lambda match: -match.score)

    def _weights(self, part: Part) -> dict[str, float]:
        named = {term for name in part.names for term in terms(name)}
        weights: dict[str, float] = {}
        for term in part.terms:
            kind = _NUMBER_WEIGHT if term in _MAGNITUDES or term.isdigit() else 1.0
            kind *= _NAME_WEIGHT if term in named else _FOCUS_WEIGHT if term in part.focus else 1.0
            weights[term] = kind * self.weight(term)
        around = {term: self.weight(term) for term in part.context if term not in weights}
        if around:
            scale = _CONTEXT_SHARE * sum(weights.values()) / sum(around.values())
            weights.update({term: min(1.0, scale) * weight for term, weight in around.items()})
        return weights

    def _match(self, read: Sentence, part: Part, weights: dict[str, float], total: float) -> Match:
        unit = read.unit
        own = read.terms | {verb for verb, joined in part.joined if joined in read.terms}
        over = read.above | {verb for verb, joined in part.joined if joined in read.above}
        beside = (
            self._beside.get(id(unit), frozenset[str]()) - own - over if part.simple else frozenset[str]()
        )
        said = sum(weight for term, weight in weights.items() if term in own)
        above = sum(weight for term, weight in weights.items() if term in over - own)
        near = sum(weight for term, weight in weights.items() if term in beside)
        score = (said + _HEADING_SHARE * above + _BESIDE_SHARE * near) / total
        asked_pairs = set(pairwise(part.terms))
        if asked_pairs:
            score += 0.1 * len(asked_pairs & read.pairs) / len(asked_pairs)
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
        if part.wanted == "definition" and said and self._defines(unit, weights):
            score += 0.2
        covered = frozenset(weights.keys() & (own | over | beside))
        if covered.isdisjoint(part.terms):
            score = 0.0
        if any(not set(terms(name)) <= covered for name in part.names if _is_identifier(name)):
            score *= _UNNAMED
        if part.focus and not part.names and covered.isdisjoint(part.focus):
            score *= 0.6
        if self._is_elsewhere(unit, part) or _is_of_another(unit, part):
            score *= _ELSEWHERE
        if part.context and self._around[unit.cursor].isdisjoint(part.context):
            score *= 0.5  # it is about something else than what the pronoun points at
        score *= read.form
        shares = ((own, 1.0), (over - own, _HEADING_SHARE), (beside, _BESIDE_SHARE))
        asked = {term: self.weight(term) for term in part.terms}
        got = sum(
            kind * asked[term]
            for found, kind in shares
            for term in asked
            if term in found and term in weights
        )
        return Match(unit=unit, score=score, covered=covered, share=got / (sum(asked.values()) or 1.0))

    def _is_elsewhere(self, unit: Unit, part: Part) -> bool:
        """Whether a document does not say the name that a simple part asks about."""
        if part.chain or len(part.names) != 1:
            return False
        return not set(terms(part.names[0])) <= self._documents[unit.source]

    def _likeness(self, heading: frozenset[str], weights: dict[str, float]) -> float:
        """How much a heading is the question: the harmonic mean of what they share, by weight."""
        shared = sum(weights[term] for term in heading & weights.keys())
        if not shared:
            return 0.0
        recall = shared / sum(weights.values())
        precision = shared / (shared + sum(self.weight(term) for term in heading - weights.keys()))
        return 2 * recall * precision / (recall + precision)

    def _defines(self, unit: Unit, weights: dict[str, float]) -> bool:
        if any(
            set(terms(short[1] or short[2])) <= weights.keys()
            for short in _SPELLED_OUT.finditer(unit.said[:1000])
        ):
            return True
        match = IS_A.match(unit.said)
        if match is None:
            return False
        subject = set(terms(match["subject"]))
        return bool(subject) and subject <= weights.keys()

    def _adds(self, match: Match, chosen: Sequence[Match], gain: float) -> bool:
        if any(alike(match.unit.said, other.unit.said) for other in chosen):
            return False
        best = chosen[0]
        same_section = (match.unit.source, match.unit.heading) == (best.unit.source, best.unit.heading)
        if gain >= 0.15 and match.score >= 0.6 * best.score:
            return True
        as_good = match.score >= (0.7 if same_section else 0.85) * best.score
        return as_good and match.covered >= best.covered

    def _fits(self, chosen: Sequence[Match], part: Part) -> bool:
        """Whether one of the sentences has enough of the part to be an answer; a chain may be spread out."""
        if part.chain or (len(part.names) > 1 and all(map(self.speaks_of, part.names))):
            return bool(chosen)
        if part.wanted == "person" and part.relation and not self._says_who(chosen, part):
            return False
        needed = _FITS.get(len(part.terms), _FITS_LONG)
        linked = [match for match in chosen if self._follows(match, chosen, part)]
        if (
            linked and part.names and not part.intent.bears
        ):  # one says what the other names: together they are one thought
            asked = {term: self.weight(term) for term in part.terms}
            said = frozenset(chosen[0].covered).union(*(match.covered for match in linked))
            if sum(weight for term, weight in asked.items() if term in said) >= needed * sum(asked.values()):
                return True
        few = len(part.terms) <= _FEW
        return any(
            match.share >= (_MOST_OF_FEW if few and not match.covered >= set(part.terms) else needed)
            and not (few and len(match.covered & set(part.terms)) < _MOST_OF_FEW * len(part.terms))
            and not self._is_elsewhere(match.unit, part)
            for match in chosen
        )

    def _all_said_of_it(self, matches: Sequence[Match], part: Part) -> list[Match]:
        """What is said of the subject of "what does X eat", where it is little: other words for what it eats.

        Where more is said of X, which of it was meant could only be guessed.
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

    def _says_who(self, chosen: Sequence[Match], part: Part) -> bool:
        """Whether one sentence says both what somebody did and a name."""
        relation = part.relation or ""
        for match in chosen:
            done = {word.term for word in content_words(match.unit.said) if not word.surface.endswith("ing")}
            if shows(match.unit.said, part) and says(relation, frozenset(done), match.unit.said):
                return True
        return False

    def _linked(self, matches: Sequence[Match], chosen: Sequence[Match], part: Part) -> list[Match]:
        """Sentences on what a chosen one names; they say the rest of a question that goes through it."""
        others = [match for match in matches if match not in chosen and match.score >= _LINK_ENOUGH]
        return [match for match in others if self._follows(match, chosen, part)]

    def _follows(self, match: Match, chosen: Sequence[Match], part: Part) -> bool:
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
        return any(name - asked and name <= self._speaks(match) for name in found)

    def _says_relation(self, chosen: Sequence[Match], part: Part) -> bool:
        """Whether one of the sentences says what is asked for, of the right thing.

        In a chain the right thing is one that another sentence names, or the sentence has most of the chain.
        """
        relation = part.relation
        if relation is None:
            return True
        return any(
            says(relation, frozenset(terms(f"{match.unit.said} {match.unit.heading}")), match.unit.said)
            and (not part.chain or self._follows(match, chosen, part) or self._has_most(match, part))
            for match in chosen
        )

    def _has_most(self, match: Match, part: Part) -> bool:
        weights = self._weights(part)
        return sum(weights[term] for term in match.covered) >= _WHOLE_CHAIN * sum(weights.values())

    def _answering(self, matches: Sequence[Match], chosen: Sequence[Match], part: Part) -> list[Match]:
        """The best sentence that says what is asked for of something named so far, with the one between."""
        candidates = [match for match in matches if match not in chosen and match.unit.kind != "code"]
        between = [match for match in candidates if match.covered and self._follows(match, chosen, part)]
        for steps in ([], *([match] for match in between[:_MOST_BETWEEN])):
            for match in candidates:
                path = [*chosen, *steps]
                if (
                    match not in steps
                    and (self._follows(match, path, part) or (not part.chain and match.covered))
                    and self._says_relation([*path, match], part)
                ):
                    return [*steps, match]
        return []

    def _speaks(self, match: Match) -> frozenset[str]:
        return self._terms[id(match.unit)]


def _paragraphs(reads: Sequence[Sentence]) -> dict[int, frozenset[str]]:
    """For each unit of a short paragraph the terms of all of it."""
    found: dict[int, frozenset[str]] = {}
    for _, group in groupby(reads, key=lambda read: (read.unit.cursor, read.unit.block)):
        block = list(group)
        if len(block) > 1 and sum(len(read.unit.text.split()) for read in block) <= SHORT_PARAGRAPH:
            together = frozenset[str]().union(*(read.terms for read in block))
            found.update((id(read.unit), together) for read in block)
    return found


def _is_of_another(unit: Unit, part: Part) -> bool:
    """Whether a sentence stands in the entry of a setting, where it is asked about another one."""
    asked = [name for name in part.names if _is_identifier(name)]
    lead = unit.lead
    if not asked or lead is None or lead.kind not in ("item", "term"):
        return False
    label = set(terms(lead.said))
    if len(lead.said.split()) > _LONGEST_ENTRY or any(set(terms(name)) <= label for name in asked):
        return False
    return any(_is_identifier(name) for name in names(lead.said))


def _is_identifier(name: str) -> bool:
    return " " not in name and ("_" in name or "." in name.strip("."))
