"""Every sentence seen for a question, and what all of them together tell of a word or a name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from ...tools.pages import Page
from .passages import Unit, units_of
from .question import Part
from .quoting import SHORT_PARAGRAPH
from .sentences import Sentence, points_back, read_sentence, subject_of
from .spelling import respelled
from .terms import content_words, terms

__all__ = ["Evidence"]

_OTHERS = 20
"""Sentences on other things, assumed when weighing terms: a search shows only those that have the terms."""
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)$")


class Evidence:
    """Every sentence of the pages seen; each stands once, on the first page that did not cut it off."""

    def __init__(self, pages: Iterable[Page]) -> None:
        self.reads: list[Sentence] = []
        self._titles: set[tuple[str, ...]] = set()
        known: dict[tuple[str, int, str], int] = {}
        for page in pages:
            self._titles.add(terms(_IN_BRACKETS.sub("", page.title)))
            subject = ""
            for unit in units_of(page):
                if unit.kind == "code" or not points_back(unit.said):
                    subject = subject_of(unit)
                key = (unit.source, unit.start, unit.text)
                if key not in known or self.reads[known[key]].unit.last:  # what was cut has been read on
                    known[key] = len(self.reads)
                    self.reads.append(read_sentence(unit, subject))
        self.reads = [self.reads[index] for index in sorted(known.values())]
        self.units = [read.unit for read in self.reads]
        self._paragraphs = _paragraphs(self.reads)
        self._speaks = {id(read.unit): read.terms | read.above for read in self.reads}
        self._pages: dict[int, set[str]] = {}
        self._documents: dict[str, set[str]] = {}
        self._named: dict[tuple[str, str], bool] = {}
        counts: Counter[str] = Counter()
        for read in self.reads:
            found = self._speaks[id(read.unit)]
            counts.update(found)
            self._pages.setdefault(read.unit.cursor, set()).update(found)
            self._documents.setdefault(read.unit.source, set(terms(read.unit.source))).update(found)
        total = len(self.reads) + _OTHERS
        self._idf = {
            term: max(0.1, math.log(1 + (total - n + 0.5) / (n + 0.5))) for term, n in counts.items()
        }
        self._unseen = math.log(1 + (total + 0.5) / 0.5)

    def weight(self, term: str) -> float:
        """How much a term tells, over what was seen (inverse document frequency)."""
        return self._idf.get(term, self._unseen)

    def of_unit(self, unit: Unit) -> frozenset[str]:
        """The terms of a unit, of its headings and of what its first pronoun points at."""
        return self._speaks[id(unit)]

    def of_paragraph(self, unit: Unit) -> frozenset[str]:
        """The terms of all of the short paragraph that a unit stands in; none where it is long."""
        return self._paragraphs.get(id(unit), frozenset())

    def of_page(self, unit: Unit) -> set[str]:
        """The terms of what is shown around a unit."""
        return self._pages[unit.cursor]

    def names(self, unit: Unit, name: str) -> bool:
        """Whether what was seen of a unit's document has a name; "Commander" is no form of "command"."""
        key = (unit.source, name)
        if key not in self._named:
            known = set(terms(name)) <= self._documents[unit.source]
            self._named[key] = known and any(
                name.casefold() in f"{other.source} {other.title} {other.headings} {other.said}".casefold()
                for other in self.units
                if other.source == unit.source
            )
        return self._named[key]

    def speaks_of(self, text: str) -> bool:
        """Whether all terms of ``text`` stand together in one sentence with its headings."""
        if "/" in text:  # "HTTP/3" is not spoken of where there is HTTP and some 3
            return any(
                text.casefold() in f"{read.unit.said} {read.unit.headings}".casefold() for read in self.reads
            )
        wanted = set(terms(text))
        return any(wanted <= found for found in self._speaks.values())

    def is_about(self, name: str) -> bool:
        """Whether a document seen has the name as its title; what a title adds in brackets aside."""
        return terms(name) in self._titles

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


def _paragraphs(reads: Sequence[Sentence]) -> dict[int, frozenset[str]]:
    """For each unit of a short paragraph the terms of all of it."""
    found: dict[int, frozenset[str]] = {}
    for _, group in groupby(reads, key=lambda read: (read.unit.cursor, read.unit.block)):
        block = list(group)
        if len(block) > 1 and sum(len(read.unit.text.split()) for read in block) <= SHORT_PARAGRAPH:
            together = frozenset[str]().union(*(read.terms for read in block))
            found.update((id(read.unit), together) for read in block)
    return found
