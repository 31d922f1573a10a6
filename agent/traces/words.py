"""Words for SQLite's full-text index, in any language.

FTS5's ``unicode61`` takes what stands between blanks for a word. Scripts that are written without blanks are
taken apart character by character; a word in a query is then a phrase of its characters.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["MOST_TEXT", "TOKENIZER", "as_indexed", "as_query", "has_words"]

TOKENIZER = "unicode61 remove_diacritics 2"
MOST_TEXT = 20_000
"""Characters of one text that are indexed."""

# Thai and Lao, Tibetan, Myanmar, Khmer, kana, Han, Hangul.
_UNSPACED = re.compile(
    "([\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff])"
)


def as_indexed(text: str) -> str:
    """A text as it goes into the index."""
    return _UNSPACED.sub(r" \1 ", _normal(text[:MOST_TEXT]))


def as_query(words: list[str]) -> str:
    """An FTS5 query for texts that hold all of ``words``; one with blanks in it is a phrase.

    A word also stands for those that begin with it; a phrase is taken as it is.
    """
    return " AND ".join(_phrase(word) for word in words if has_words(word)) or '""'


def has_words(text: str) -> bool:
    """Whether there is anything to look for."""
    return any(character.isalnum() for character in text)


def _phrase(word: str) -> str:
    quoted = '"' + as_indexed(word).replace('"', " ") + '"'
    return quoted if any(character.isspace() for character in word) else quoted + "*"


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("\0", " ")
