"""Words as full-text search sees them.

Documents and queries go through the same steps, so "stored" in a question meets "store" in a document and
"café" meets "cafe". The result is a string of plain words separated by blanks: every Milvus analyzer,
whatever its language support, then finds the same terms.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import snowballstemmer

__all__ = ["search_terms"]

_DIACRITICS = re.compile("[\u0300-\u036f]")
"""Accents on Latin, Greek and Cyrillic letters; the marks of other scripts are part of the word."""

_WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005\u3040-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7af"  # Hangul: has spaces, but endings stick to the words
)
_TOKEN = re.compile(rf"(?P<run>[{_WITHOUT_SPACES}]+)|(?P<word>[^\W_{_WITHOUT_SPACES}]+)")
_ENGLISH = re.compile(r"[a-z]+")


def search_terms(text: str) -> str:
    """The terms of a passage or a query, stemmed where English, separated by blanks."""
    return " ".join(_stem(word) for word in _words(text))


def _words(text: str) -> list[str]:
    folded = _DIACRITICS.sub("", unicodedata.normalize("NFKD", text.casefold()).casefold())
    words: list[str] = []
    for match in _TOKEN.finditer(_drop_marks(unicodedata.normalize("NFC", folded))):
        if run := match["run"]:
            words.extend(_bigrams(run))
        else:
            words.append(match["word"])
    return words


def _drop_marks(text: str) -> str:
    """Leave out combining marks: to most analyzers they end a word."""
    if text.isascii():
        return text
    return "".join(char for char in text if not unicodedata.category(char).startswith("M"))


def _bigrams(run: str) -> list[str]:
    """Overlapping pairs of characters, spelled as code points so that no analyzer takes them apart."""
    pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    return ["u" + "u".join(f"{ord(char):x}" for char in pair) for pair in pairs]


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    if not _ENGLISH.fullmatch(word):
        return word
    # A stemmer keeps the word it works on in itself, so threads must not share one.
    # By name: where PyStemmer is installed, snowballstemmer has that instead of its own classes.
    library: Any = snowballstemmer
    return library.stemmer("english").stemWord(word)
