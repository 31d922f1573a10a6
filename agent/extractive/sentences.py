"""A stretch of text read once for all questions: its terms, what it is about, how well it reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from .names import names
from .passages import Unit
from .terms import terms

__all__ = ["DEFINES", "Sentence", "alike", "points_back", "read_sentence", "subject_of"]

_POINTS_BACK = re.compile(r"^(?:it|its|they|their|he|she|his|her)\b", re.IGNORECASE)
_IS_A = re.compile(
    r"^(?:the |an? )?(?P<subject>.{2,60}?) (?:is|are|was|were|refers? to|means?|represents?) ", re.IGNORECASE
)
DEFINES = re.compile(
    r"^(?!(?:if|when|while|where|as|since|once|that|this|because|after|before|each|every|no|there|it|what)\b)"
    r"(?:the |an? )?(?P<subject>.{2,60}?) (?:(?:is|are|was|were)"
    r"(?! (?:\w+ly )?(?:(?!used|designed|intended|defined|called|known)\w+(?:ed|ing)|not|also|now|only"
    r"|always|never|often|available|on|in|at|to|by|for|as|possible|required|then|done|still|currently|set|given)\b)"
    r"|refers? to|means?|represents?|stands? for) ",
    re.IGNORECASE,
)
"""A sentence that says what its subject is, and not what is done with it."""

_FORM = {"sentence": 1.0, "item": 0.95, "row": 0.9, "term": 0.7, "code": 0.0}
"""What each kind is worth. Code is quoted only below a sentence that leads to it: by itself it may be
anything, a transcript of the very question included."""
_URL = re.compile(r"\b(?:[a-z][a-z0-9+.-]*://|www\.|mailto:)\S+", re.IGNORECASE)
_LINKED = re.compile(
    r"!?\[[^\[\]\n]{0,300}\]\([^()\n]{0,500}\)|<a\b[^<>]{0,300}>[^<>]{0,300}</a>", re.IGNORECASE
)
_RIGHTS = re.compile(
    r"^\W*(?:copyright\b|\(c\)|©|all rights reserved|spdx-)|\ball rights reserved\W*$", re.IGNORECASE
)
_LEADERS = re.compile(r"(?:\. ?){4,}\s*\d*$")
_CONTENTS = (
    frozenset(terms("contents")),
    frozenset(terms("table of contents")),
    frozenset(terms("navigation")),
)
_STAMP = re.compile(r"[\d\W]*(?:v(?:ersion)?\.?\s*)?[\d\W]+[\w.]*[\d\W]*")
_ENDING = re.compile(r"\.\w{1,6}$")
_SECTION = re.compile(r"(?<![\w.])\d+(?:\.\d+)+\.?\s")
_TITLE = re.compile(r"^\W*(?:how to|why|where to|what to)\b[^.]*$", re.IGNORECASE)
"""A line of a document that says what it answers, and does not answer it."""
_CHANGES = re.compile(
    r"(?:^|/)(?:change(?:s|log)|history|news|releases?(?:[-_]?notes)?|whats[-_]?new)(?:[-_.][^/]*)?$",
    re.IGNORECASE,
)
_LONGEST_LEAD = 40
"""Words of an introduction that count for what it introduces."""


@dataclass(frozen=True)
class Sentence:
    """A unit of a page, and what the scoring needs to know of it."""

    unit: Unit
    terms: frozenset[str]
    above: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    heading: frozenset[str]
    past: bool
    """Whether it stands in a list of what changed from release to release."""
    form: float
    """What its kind and its wording take off the score."""


def points_back(text: str) -> bool:
    """Whether a sentence begins with a pronoun that stands for the subject of the one before."""
    return _POINTS_BACK.match(text) is not None


def subject_of(unit: Unit) -> str:
    """What a sentence is about, to which a pronoun at the start of the next points."""
    if unit.kind == "code":
        return ""
    match = _IS_A.match(unit.said)
    return match["subject"] if match else next(iter(names(unit.said, lone_openers=True)), "")


def read_sentence(unit: Unit, subject: str) -> Sentence:
    """Read a unit; ``subject`` is what the one before it is about."""
    own = terms(_URL.sub(" ", unit.said)) if unit.kind != "code" else terms(unit.said)
    back = subject if unit.kind != "code" and points_back(unit.said) else ""
    defined = unit.lead.said[:300] if unit.lead is not None and unit.lead.kind == "term" else ""
    return Sentence(
        unit=unit,
        terms=frozenset((*own, *terms(defined))),
        above=frozenset(terms(f"{_path(unit.source)} {unit.title} {unit.headings} {back} {_led_by(unit)}")),
        pairs=frozenset(pairwise(own)),
        heading=frozenset(terms(unit.heading)),
        past=_CHANGES.search(unit.source) is not None,
        form=0.0 if _is_boilerplate(unit) else _FORM[unit.kind] * _clarity(unit.said),
    )


def _path(source: str) -> str:
    """The folder and the name of a document, which name its subject as a title does."""
    return _ENDING.sub("", " ".join(source.split("/")[-2:]))


def _led_by(unit: Unit) -> str:
    """What introduces a unit, from the nearest on."""
    leads: list[str] = []
    lead = unit.lead
    while lead is not None and len(leads) < 3:
        leads.append(" ".join(lead.said[:1000].split()[:_LONGEST_LEAD]))
        lead = lead.lead
    return " ".join(leads)


def _is_boilerplate(unit: Unit) -> bool:
    """Navigation (nothing but links), a table of contents, a notice of rights, a bare date or version."""
    text = unit.text
    if _RIGHTS.search(text[:500]) or _LEADERS.search(text[-200:]):
        return True
    if unit.kind == "item" and (_SECTION.match(text) or len(_SECTION.findall(unit.whole[:1000])) > 1):
        return True
    if frozenset(terms(unit.heading)) in _CONTENTS:
        return True
    if len(text) < 2000 and "](" in text and not any(map(str.isalpha, _LINKED.sub("", text))):
        return True
    return unit.kind != "row" and len(text) < 40 and _STAMP.fullmatch(text) is not None


def _clarity(text: str) -> float:
    """How far a stretch reads as a statement: not a question, a scrap, a wall of words or spilt code."""
    words = len(text.split())
    if text.rstrip("*_` ").endswith(("?", "？")) or _TITLE.match(text):
        return 0.6
    if sum(character in "{}[]()=<>|\\/'\"_" for character in text) > 0.12 * len(text):
        return 0.5
    if words < 4:
        return 0.8
    return 1.0 if words <= 60 else max(0.6, 60 / words)


def alike(one: str, other: str) -> bool:
    """Whether two sentences say the same, word for word or nearly so."""
    mine, theirs = set(terms(one)), set(terms(other))
    if not mine or not theirs:
        return one == other
    return len(mine & theirs) / min(len(mine), len(theirs)) >= 0.8
