"""What a question asks for: "founded" in "Who founded it", "high" in "How high is it"."""

from __future__ import annotations

import re

from .names import names
from .terms import content_words, terms

__all__ = ["asked_relation", "did_it", "is_chain", "says"]

_WHO = re.compile(r"^(?:\w+ )?who (?P<head>[\w-]+)\b", re.IGNORECASE)
_HOW = re.compile(
    r"^(?:\w+ )?how (?P<head>high|tall|long|deep|wide|old|far|heavy|big|large|fast)\b", re.IGNORECASE
)
_OF = re.compile(r"^(?:\w+ )?(?:who|what|which) (?:is|are|was|were) the (?P<head>[\w-]+) of\b", re.IGNORECASE)
_LAST = re.compile(
    r"^(?:\w+ )?(?:who|what|which|when|where|why)\b.*\b(?:is|are|was|were|did)\b.*?"
    r"\b(?P<head>\w{2,}ed|born|built|written|held)$",
    re.IGNORECASE,
)
_HAS = re.compile(
    r"^(?:what|which) (?P<head>[\w-]+) (?:does|do|did|has|have)\b.*?(?:have|has|had|own|possess)?$",
    re.IGNORECASE,
)
_BY_CLAUSE = re.compile(
    r"\b(?:where|which|that|who|whose|whom)\b|\bthe \w+ (?:of|by|in) the \w+ (?:of|by)\b", re.IGNORECASE
)
_MEASURE = re.compile(
    r"\d\s*(?:m|km|cm|mm|ft|mi|kg|t|met(?:re|er)s?|kilomet(?:re|er)s?|feet|foot|miles?|years?|days?|hours?|minutes?"
    r"|tonn?e?s?|kilograms?|pounds?|km/h|mph)\b",
    re.IGNORECASE,
)
_DEGREES = frozenset(terms("high tall long deep wide old far heavy big large fast"))
_SAID_AS = {
    "found": terms("established created founder"),
    "wrote": terms("written author writer novelist"),
    "written": terms("wrote author writer"),
    "built": terms("constructed build builder"),
    "build": terms("constructed built builder"),
    "discov": terms("found"),
    "play": terms("starring role"),
}
"""Other words for a relation, by the beginning of its term."""
_IRREGULAR = frozenset(terms("wrote written built found made led held won author writer founder"))
_REACH = 60
"""Characters between a name and what its bearer did."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being)(?: \w+ly)? $")
_STOP = re.compile(r"[.;:]\s")
_STEM = 5
"""Letters that forms of one word have in common at the start: "founder" and "founded"."""
_ENDINGS = frozenset(
    ("", "e", "y", "s", "ed", "er", "or", "ing", "ion", "ive", "al", "at", "ment", "ation", "ator", "ance")
)
"""What forms of one word differ in, behind what they have in common; "createdb" is another word."""


def asked_relation(text: str) -> str | None:
    """The term that a sentence has to say in order to answer the question; None where its form gives none."""
    for pattern in (_HOW, _WHO, _OF if is_chain(text) else _LAST, _LAST, _HAS):
        match = pattern.match(text)
        if match is None:
            continue
        if pattern is _HAS and not _only_names_behind(text[match.end("head") :]):
            continue
        words = terms(match["head"])
        if words and not match["head"][:1].isupper():
            return words[-1]
    return None


def is_chain(text: str) -> bool:
    """Whether the question describes what it asks about by something else."""
    opening = text.split(maxsplit=2)
    return bool(_BY_CLAUSE.search(opening[2])) if len(opening) > 2 else False


def says(relation: str, said: frozenset[str], text: str) -> bool:
    """Whether a sentence with the terms ``said`` speaks of the relation."""
    if relation in _DEGREES and _MEASURE.search(text):
        return True
    forms = {
        relation,
        *(word for stem, others in _SAID_AS.items() if relation.startswith(stem) for word in others),
    }
    return bool(forms & said) or any(_is_form(term, relation) for term in said)


def did_it(relation: str, text: str, name: str) -> bool:
    """Whether a sentence says of ``name`` what the relation says: "Ann Lee founded it", "founded by Ann Lee".

    What was done to the bearer of the name ("the Works were founded") is no deed of his.
    """
    at = text.find(name)
    before, behind = text[:at][-_REACH:], text[at + len(name) :][:_REACH]
    for match in _WORD.finditer(before):
        between = before[match.end() :]
        if _is_deed(match[0], relation) and not _STOP.search(between):
            return " by " in f"{between} " or not match[0].endswith("ed")  # "its author, Ann Lee"
    for match in _WORD.finditer(behind):
        between = behind[: match.start()]
        if _is_deed(match[0], relation) and not _STOP.search(between):
            return _PASSIVE.search(between) is None
    return False


def _is_deed(word: str, relation: str) -> bool:
    """Whether a word says that something was done, or who does it; "to found" and "founding" say neither."""
    done = word.endswith(("ed", "er", "or", "s")) or bool(_IRREGULAR & set(terms(word)))
    return done and says(relation, frozenset(terms(word)), word)


def _is_form(one: str, other: str) -> bool:
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    return start >= _STEM and one[start:] in _ENDINGS and other[start:] in _ENDINGS


def _only_names_behind(text: str) -> bool:
    """Whether nothing but names follows: "which telescope does the Brightwater Observatory have"."""
    named = {term for name in names(text, lone_openers=True) for term in terms(name)}
    return all(word.term in named for word in content_words(text))
