"""The kind of thing a question asks for, and whether a text shows one: a number, a date, a list, a name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .names import names
from .passages import Unit
from .question import Part, Wanted
from .terms import terms

__all__ = ["asks_what_it_is", "cannot_do_without", "is_list", "shows", "weakens_without"]

_LONGEST_ACRONYM = 4
_BARE = re.compile(r"^(?:so |and )?what(?:'s| is| are) (?:an? )?(?!the )[\w.-]+(?: [\w.-]+)?$", re.I)
_SOMEBODY = re.compile(r"[^\W\d_][^\W\d_]*(?:[ .'’&-]+[^\W\d_]+)*")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)"
_WEAKENS: frozenset[Wanted] = frozenset(("count", "number", "time", "default", "person"))
_NEEDS: frozenset[Wanted] = frozenset(("count", "time", "person"))
_SIGNS: dict[Wanted, re.Pattern[str]] = {
    "number": re.compile(
        r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand|million)\b", re.I
    ),
    "time": re.compile(
        r"\b(?:1\d|20)\d\d\b"
        r"|\b(?:january|february|march|april|june|july|august|september|october|november|december"
        rf"|{_MONTH}\.? \d|\d{{1,2}} {_MONTH})\b",
        re.I,
    ),
    "default": re.compile(r"(?<!non-)\bdefaults?\b", re.I),
    "list": re.compile(
        r"\b(?:two|three|four|five|six|seven|eight|nine|ten|several|following|\d+) (?:\w+ ){0,3}"
        r"(?:types?|kinds?|levels?|modes?|options?|ways?|methods?|:)|: *\W*\w[^.]*, |: *$"
        r"|(?:\w+(?: \w+)?, ){2,}(?:and|or) ",
        re.I,
    ),
}


def weakens_without(part: Part) -> bool:
    """Whether a sentence says less to the part if it shows no such thing."""
    return part.wanted in _WEAKENS and not part.chain


def cannot_do_without(part: Part) -> bool:
    """Whether nothing answers the part that shows no such thing."""
    return part.wanted in _NEEDS and not part.chain and not part.intent.bears


def asks_what_it_is(part: Part) -> bool:
    """Whether nothing is asked but what something is: "what is a segment"."""
    return _BARE.match(part.text) is not None


def shows(text: str, part: Part) -> bool:
    """Whether a text has the kind of thing that is asked for: a number, a date, a list, somebody's name."""
    if part.wanted == "person":
        asked = set(part.terms)
        return any(_is_somebody(name) and not asked & set(terms(name)) for name in names(text))
    sign = _SIGNS.get("number" if part.wanted == "count" else part.wanted)
    return sign is not None and sign.search(text) is not None


def is_list(units: Sequence[Unit], part: Part) -> bool:
    """Whether what is quoted is a list, where one is asked for."""
    items = sum(unit.kind in ("item", "row", "term") for unit in units)
    return part.wanted != "list" or items > 1 or any(shows(unit.said, part) for unit in units)


def _is_somebody(name: str) -> bool:
    """Whether a name can be a person's or an organisation's: words, and no code or keywords in capitals."""
    return _SOMEBODY.fullmatch(name) is not None and (len(name) <= _LONGEST_ACRONYM or not name.isupper())
