"""Names in a text: what a next search can be about."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from .terms import content_words

__all__ = ["is_identifier", "names", "quoted_phrases"]

_CALENDAR = frozenset(
    re.findall(
        r"\w+",
        "january february march april may june july august september october november december jan feb "
        "mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday "
        "sunday ",
    )
)
_CAPITALISED = r"(?:[^\W\d_a-z](?:[\w\-]|['’](?!s\b))*)"
_INNER = r"(?:of the|of|de la|de|la|von|van der|van|du|del|di|da|al|&)"
_SEQUENCE = re.compile(
    rf"(?<![\w.]){_CAPITALISED}(?:(?:(?<=\b[A-Z])\.)?\s+(?:{_INNER}\s+)?(?:{_CAPITALISED}|\d[\w\-]*(?:\.\d+)*))*"
)
_IDENTIFIER = re.compile(
    r"(?<![\w/])(?:[A-Za-z]\w*(?:[_.][A-Za-z]\w*)+(?:\(\))?|[a-z]+[A-Z]\w*|[A-Z]+\d[\w.]*|[A-Z]{2,}(?:/\d[\d.]*|\d*))(?!\w)"
)
_QUOTED = re.compile(
    r"[\"“„«]([^\"“”„«»\n]{2,120})[\"”“»]|`([^`\n]{2,120})`|(?<!\w)['‘]([^'‘’\n]{4,120})['’](?!\w)"
)
_INITIAL = re.compile(r"[A-Z]\.\s")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|^[-*+]\s+)$")


def quoted_phrases(text: str) -> tuple[str, ...]:
    """What stands between quotation marks or backticks."""
    found = [next(group for group in match.groups() if group) for match in _QUOTED.finditer(text)]
    return tuple(dict.fromkeys(phrase.strip() for phrase in found if content_words(phrase)))


@functools.lru_cache(maxsize=1 << 12)
def names(text: str, *, lone_openers: bool = False) -> tuple[str, ...]:
    """Capitalised names and code identifiers, in order of appearance; dates are no names.

    Args:
        text: one sentence or a few.
        lone_openers: whether a single capitalised word that opens a sentence counts; it may just be a word.
    """
    found: dict[int, str] = {match.start(): match.group() for match in _IDENTIFIER.finditer(text)}
    for match in _SEQUENCE.finditer(text):
        opens = _SENTENCE_START.search(text[: match.start()]) is not None
        for start, name in _split(match.start(), match.group()):
            lone = start == match.start() and " " not in name and name[1:].islower()
            if not (opens and lone and not lone_openers) and not _is_date(name):
                found.setdefault(start, name)
    return tuple(dict.fromkeys(found[start] for start in sorted(found)))


def is_identifier(name: str) -> bool:
    """Whether a name is one of a program's: ``wait_fixed``, ``os.path``."""
    return " " not in name and ("_" in name or "." in name.strip("."))


def _split(start: int, sequence: str) -> Iterator[tuple[int, str]]:
    """A run of capitalised words, without the function words at its start; "Ann Lee of Acme" is two names."""
    while sequence and not _INITIAL.match(sequence) and not content_words(sequence.split()[0]):
        rest = sequence[len(sequence.split()[0]) :].lstrip()
        start, sequence = start + len(sequence) - len(rest), rest
    before, of, after = sequence.partition(" of ")
    if of and " " in before and after[:1].isupper():
        yield start, before
        yield start + len(before) + len(of), after
    elif sequence and any(character.isupper() for character in sequence):
        yield start, sequence.rstrip("-'’")


def _is_date(name: str) -> bool:
    return all(word.isdigit() or word.casefold() in _CALENDAR for word in name.split())
