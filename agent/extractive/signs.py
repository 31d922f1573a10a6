"""The kind of thing a question asks for, and whether a text shows one: a number, a date, a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .names import names
from .passages import Unit
from .question import OF_DEFAULTS, Part, Wanted
from .terms import terms

__all__ = ["asks_what_it_is", "cannot_do_without", "is_list", "needs_sign", "shows", "weakens_without"]

_LONGEST_ACRONYM = 4
_BARE = re.compile(
    r"^(?:so |and )?what(?:'s| is| are) (?:an? )?(?!the )[\w.-]+(?: [\w.-]+)?(?: in [\w.-]+)?$", re.I
)
_SOMEBODY = re.compile(r"[^\W\d_][^\W\d_]*(?:[ .'’&-]+[^\W\d_]+)*")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)"
_WEAKENS: frozenset[Wanted] = frozenset(("count", "number", "time", "default", "person"))
_NEEDS: frozenset[Wanted] = frozenset(("count", "time", "person"))
_SIGNS: dict[Wanted, re.Pattern[str]] = {
    "number": re.compile(
        # no part of a version, a reference ("#12", "CVE-2024-1") or a word
        r"(?<![\w.#/-])\d[\d,]*(?:\.\d+)?(?:[KMGT]i?B?|[kmgt]b?|ms|s|min|h|d|px|x)?(?![\w-]|\.\w|,\d)"
        r"|(?:only|exactly|most|least|than|is|just) one\b"
        r"|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|sixty"
        r"|hundred|thousand|million)\b",
        re.I,
    ),
    "time": re.compile(
        r"\b(?:1\d|20)\d\d\b"
        r"|\b(?:january|february|march|april|june|july|august|september|october|november|december"
        rf"|{_MONTH}\.? \d|\d{{1,2}} {_MONTH})\b",
        re.I,
    ),
    "list": re.compile(
        r"\b(?:two|three|four|five|six|seven|eight|nine|ten|several|following|\d+) (?:\w+ ){0,3}"
        r"(?:types?|kinds?|levels?|modes?|options?|ways?|methods?|:)|: *\W*\w[^.]*, |: *$"
        r"|(?:\w+(?: \w+)?, ){2,}(?:and|or) ",
        re.I,
    ),
}
_HOW_MANY = re.compile(r"^(?:and |so )?how many\b", re.I)
_TOKEN = re.compile(r"\S+")
_NUMBERED = re.compile(r"sections?|chapters?|tables?|figures?|versions?|lines?|pages?|steps?|releases?", re.I)
"""What has a number for its name."""
_BEHIND, _BEFORE = 5, 9
"""Words between a number and what is counted, where it stands before it, and where it stands behind it."""
_DEFAULT = re.compile(r"(?<!non-)(?P<by>\bby )?\bdefaults?\b[ `'\"*_]*(?P<of>[^\W\d_]\w*)?", re.I)


def weakens_without(part: Part) -> bool:
    """Whether a sentence says less to the part if it shows no such thing."""
    return part.wanted in _WEAKENS and not part.chain


def cannot_do_without(part: Part) -> bool:
    """Whether nothing answers the part that shows no such thing."""
    return part.wanted in _NEEDS and not part.chain and not part.intent.bears


def needs_sign(part: Part) -> bool:
    """Whether quotes without such a thing only bear on the part."""
    return part.wanted in ("number", "default", "count", "time") and not part.intent.bears


def asks_what_it_is(part: Part) -> bool:
    """Whether nothing is asked but what something is: "what is a segment"."""
    return _BARE.match(part.text) is not None


def _counts(text: str, part: Part) -> bool:
    """Whether a number stands by what is counted: "three core types", "types: 3"."""
    number = _SIGNS["number"]
    words = _TOKEN.findall(text[:4000])
    counted = part.terms[0]
    at = [index for index, word in enumerate(words) if counted in terms(word)]
    return any(
        number.fullmatch(word.strip("`'\"*_(),.:;"))
        and not (index and _NUMBERED.fullmatch(words[index - 1].strip("(,")))
        and any(-_BEHIND <= index - place < _BEFORE for place in at)
        for index, word in enumerate(words)
    )


def shows(text: str, part: Part) -> bool:
    """Whether a text has the kind of thing that is asked for: a number, a date, a list, somebody's name."""
    if part.wanted == "person":
        asked = set(part.terms)
        return any(_is_somebody(name) and not asked & set(terms(name)) for name in names(text))
    if part.wanted == "default":
        return any(_gives_default(found, part) for found in _DEFAULT.finditer(text))
    if part.wanted == "count" and _HOW_MANY.match(part.text):
        return _counts(text, part)
    sign = _SIGNS.get("number" if part.wanted == "count" else part.wanted)
    return sign is not None and sign.search(text) is not None


def is_list(units: Sequence[Unit], part: Part) -> bool:
    """Whether what is quoted is a list, where one is asked for."""
    items = sum(unit.kind in ("item", "row", "term") for unit in units)
    return part.wanted != "list" or items > 1 or any(shows(unit.said.rstrip("*_` :"), part) for unit in units)


def _gives_default(found: re.Match[str], part: Part) -> bool:
    """Whether a "default" says what is taken: a "default handler" does not, unless it is asked about."""
    of = terms(found["of"] or "")
    return bool(found["by"]) or not of or of[0] in part.terms or of[0] in OF_DEFAULTS


def _is_somebody(name: str) -> bool:
    """Whether a name can be a person's or an organisation's: words, and no code or keywords in capitals."""
    return _SOMEBODY.fullmatch(name) is not None and (len(name) <= _LONGEST_ACRONYM or not name.isupper())
