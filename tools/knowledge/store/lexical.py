"""Words as full-text search sees them.

Documents and queries go through the same steps, so "stored" in a question meets "store" in a document,
"café" meets "cafe" and "Häuser" meets "Haus". The result is a string of plain words separated by blanks:
every Milvus analyzer, whatever its language support, then finds the same terms.

* A word becomes its English stem without accents: the form that every text has in common.
* A document in another language has the stems of that language besides, and so has a query that is not
  plainly English, of every language that the base holds: a wrong guess loses endings but no word.
* Scripts that one language mostly uses have its stems: Russian for Cyrillic, Arabic, Hindi, Greek, …
* Scripts without spaces (Chinese, Japanese, Korean, Thai, …) become characters and pairs of neighbours.
* Identifiers and versions become their parts and the whole: ``MilvusClient``, ``create_index``, ``v2.4.x``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from typing import Any

from .languages import STEMMERS, guess_language
from .schema import VARCHAR_BYTES, clip

__all__ = [
    "document_language",
    "document_terms",
    "passage_terms",
    "query_terms",
    "search_terms",
    "title_terms",
    "without_common",
]

_snowball: Any = import_module("Stemmer")  # PyStemmer, which has no types

_COMMON = re.compile("a|an|and|are|as|at|be|by|for|from|in|is|it|of|on|or|that|the|this|to|was|with")
_HELD = 0.01
"""The share from which on a language is one of a base's.

Among 1,890 English passages 11 are taken for another language. A query in the forms of these finds rare stems
that mean nothing: recall of keywords at 5 is 45.0 with them and 52.5 without.
"""
_LONG_QUERY = 50
"""Words from which on a query has to tell its language by itself, and is not put in the forms of all."""
_VERSION_PARTS = 4
"""Numbers of a version whose beginnings are names of their own."""
_SAMPLE = 4_000
"""Characters by which the language of a document is told."""
_MARKS = "\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0980-\u0dff"
"""Vowel signs of the scripts of India (their letters among them from U+0980 on): part of the word."""
_CLUSTERED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese, Khmer."""
_WITHOUT_SPACES = (
    f"{_CLUSTERED}\u3005\u3040-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7af"  # Hangul: has spaces, but endings stick to the words
)
_WORD = rf"(?:[^\W_{_WITHOUT_SPACES}]|[{_MARKS}])+"
_TOKEN = re.compile(rf"(?P<run>[{_WITHOUT_SPACES}]+)|{_WORD}(?:[._-]+{_WORD})*")
_MAYBE_LOOSE = re.compile("[^\0-\u02ff\u0900-\u0dff\u0e00-\u109f\u1780-\u17ff\u3000-\uffff]")
"""What can be a mark, but for those of the scripts where they are vowels."""
_DOT_ABOVE = re.compile("\u0307")
"""What is left of a Turkish capital İ in lower case."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_VERSION = re.compile(r"v(?=\d+\.)", re.IGNORECASE)
_CLUSTER = re.compile(
    "[\u0e40-\u0e44\u0ec0-\u0ec4]?."  # a vowel that is written before its consonant
    "(?:[\u1039\u17d2].|[\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059"
    "\u17b6-\u17d3])*"
)
_LATIN = re.compile("[a-z\u00df-\u024f\u1e00-\u1eff]+")
_ARABIC = re.compile("[\u0620-\u06ff]+")
_ONE_LANGUAGE = (
    (re.compile("[\u0400-\u052f]+"), "russian"),
    (_ARABIC, "arabic"),
    (re.compile("[\u0900-\u097f]+"), "hindi"),
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]+"), "greek"),
    (re.compile("[\u0530-\u058f]+"), "armenian"),
    (re.compile("[\u0b80-\u0bff]+"), "tamil"),
)
_DIACRITICS = re.compile("[\u0300-\u036f]")
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ё": "е"}
)


def document_language(text: str) -> str | None:
    """The language of a text as an ISO 639-1 code, as far as its beginning tells."""
    return guess_language(_words(text[:_SAMPLE]))


def document_terms(text: str, *, language: str | None = None) -> str:
    """The terms of a text, separated by blanks.

    Args:
        text: the text.
        language: that of its document, for a text that does not tell its own.
    """
    return _told(text, language)[0]


def passage_terms(title: str, heading: str, text: str, language: str | None) -> tuple[str, str | None]:
    """The terms of a passage, those of its title first and as many as fit; and the language it is in.

    Args:
        title: that of its document.
        heading: the headings above it.
        text: its lines.
        language: that of its document, for a passage that does not tell its own.
    """
    terms, language = _told(f"{title}\n{heading}\n{text}", language)
    return clip(terms, VARCHAR_BYTES), language


def title_terms(title: str, language: str | None) -> str:
    """The terms of a title, as those of a passage in this language begin with them."""
    return _terms(_words(title), language)


def _told(text: str, language: str | None) -> tuple[str, str | None]:
    words = list(_words(text))
    language = guess_language(words) or language
    return _terms(words, language), language


def _terms(words: Iterable[str], language: str | None) -> str:
    languages = (language,) if language in STEMMERS else ()
    return " ".join(term for word in words for term in _forms(word, languages))


def without_common(terms: str) -> str:
    """Leave out words that are in most passages, unless there are no others.

    They say nothing, and yet BM25 gives them some weight: with them two of 120 gold paragraphs of MuSiQue
    fewer are among the first two.
    """
    return " ".join(term for term in terms.split() if not _COMMON.fullmatch(term)) or terms


def search_terms(text: str, *, held: Mapping[str, float] | None = None) -> str:
    """The terms to search for, as :func:`query_terms` gives them, without the words of most passages."""
    return without_common(query_terms(text, held=held))


def query_terms(text: str, *, held: Mapping[str, float] | None = None) -> str:
    """The terms of a query, separated by blanks.

    Args:
        text: the query.
        held: the languages of the passages that are searched (ISO 639-1) with the share each has: the query
            is put in the forms of these only. None where they are not known.
    """
    words = list(_words(text))
    guess = guess_language(words)
    if guess == "en":
        languages: tuple[str, ...] = ()
    elif len(words) < _LONG_QUERY:
        languages = tuple(STEMMERS)
    else:
        languages = (guess,) if guess else ()
    if held is not None:
        languages = tuple(
            code for code in languages if held.get(code, 0.0) >= _HELD or (code == guess and code in held)
        )
    return " ".join(term for word in words for term in _query_forms(word, languages))


def _words(text: str) -> Iterator[str]:
    """The words, casefolded and with accents; those of scripts without spaces spelled as terms."""
    if not text.isascii():
        text = _MAYBE_LOOSE.sub(_without_loose_mark, unicodedata.normalize("NFKC", text))
    for match in _TOKEN.finditer(text):
        yield from _units(match[0]) if match["run"] else _parts(match[0])


def _without_loose_mark(match: re.Match[str]) -> str:
    """Drop a mark that only adorns its letter: points of Hebrew and Arabic, stress, joiners."""
    return "" if unicodedata.category(match[0]) in {"Mn", "Me", "Cf"} else match[0]


@lru_cache(maxsize=100_000)
def _parts(token: str) -> tuple[str, ...]:
    """The parts of an identifier and what they make up; a plain word is its only part."""
    parts: list[str] = []
    _take_apart(_VERSION.sub("", token) if "." in token else token, ".-_", parts)
    return tuple(unicodedata.normalize("NFC", _DOT_ABOVE.sub("", part.casefold())) for part in parts)


def _take_apart(token: str, separators: str, parts: list[str]) -> str:
    """Add what ``token`` consists of to ``parts``; returns it without separators."""
    if not separators:
        humps = _HUMP.split(token)
        parts += humps if len(humps) == 1 else [*humps, token]
        return token
    segments = [segment for segment in token.split(separators[0]) if segment]
    first, *others = [_take_apart(segment, separators[1:], parts) for segment in segments]
    whole = first
    is_name = separators[0] != "-" or not all(segment.isalpha() for segment in segments)
    for number, other in enumerate(others, 1):
        # 2.4 must not become 24; a letter keeps it one word to every analyzer.
        whole += ("p" if whole[-1].isdigit() and other[0].isdigit() else "") + other
        # The start of a version is a name too: 2.4 is asked for where 2.4.1 is written.
        if is_name and (number == len(others) or (first.isdigit() and number < _VERSION_PARTS)):
            parts.append(whole)
    return whole


def _units(run: str) -> Iterator[str]:
    """Characters, or letters with their marks, and overlapping pairs of them."""
    units = _CLUSTER.findall(run)
    yield from map(_spelled, units)
    for one, other in pairwise(units):
        yield _spelled(one + other)


def _spelled(text: str) -> str:
    """Code points: what no analyzer takes apart."""
    return "".join(f"u{ord(char):x}" for char in text)


@lru_cache(maxsize=100_000)
def _forms(word: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """The plain form of a word, and its stems in the languages that are written in its letters."""
    forms = {_plain_form(word): None}
    for code in languages:
        if (_ARABIC if code == "fa" else _LATIN).fullmatch(word):
            # People type without accents what is written with them.
            forms[_without_accents(_stem(word, STEMMERS[code]))] = None
            forms[_stem(_without_accents(word), STEMMERS[code])] = None
    return tuple(forms)


def _query_forms(word: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    forms = _forms(word, languages)
    # The plain form counts twice: what is left of a word in one language may be a word of another.
    return forms if len(forms) == 1 else (forms[0], *forms)


def _plain_form(word: str) -> str:
    if _LATIN.fullmatch(word):
        bare = _without_accents(word)
        return _stem(bare, "english") if bare.isascii() else bare
    for letters, name in _ONE_LANGUAGE:
        if letters.fullmatch(word):
            stem = _stem(word.replace("ё", "е"), name)
            stem = _without_accents(stem) if name == "greek" else stem
            return stem if stem.isalnum() else _spelled(stem)
    return word if word.isalnum() else _spelled(word)


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", word)).translate(_PLAIN_LETTERS)
    return unicodedata.normalize("NFC", bare)


def _stem(word: str, name: str) -> str:
    # A stemmer keeps the word it works on in itself, so threads must not share one. Making one takes 3 µs.
    return _snowball.Stemmer(name, 0).stemWord(word) or word
