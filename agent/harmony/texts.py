"""Texts as tokens, each encoded once."""

from __future__ import annotations

import re
import sys
import threading
from array import array
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

from ..text import well_formed

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding

__all__ = ["EncodedTexts"]

# The vocabulary's pattern takes a run of letters, blanks or signs as one piece, and the time to encode a
# piece grows with the square of its length: 1.6 s for 20,000 Chinese characters without a comma.
_LONG_RUN = re.compile(r"\w{1000}|\s{1000}|[^\w\s]{1000}")

MAX_BYTES = 16 * 2**20
"""Several times a prompt of 131,072 tokens, with its text."""


class _Encoded(NamedTuple):
    tokens: Sequence[int]
    size: int
    """Bytes, with the text."""


class EncodedTexts:
    """Encodes texts, and keeps those used last: the items of a run come back with each of its steps.

    Special tokens in a text stay text. Threads may share one.

    Args:
        encoding: the harmony encoding.
        max_bytes: most bytes kept, texts and tokens together.
    """

    def __init__(self, encoding: HarmonyEncoding, *, max_bytes: int = MAX_BYTES) -> None:
        self._encoding = encoding
        self._kept: LRUCache[str, _Encoded] = LRUCache(max_bytes, getsizeof=lambda encoded: encoded.size)
        self._lock = threading.Lock()

    def tokens(self, text: str) -> Sequence[int]:
        """The text's tokens; lone surrogates are replaced."""
        with self._lock:
            if (kept := self._kept.get(text)) is not None:
                return kept.tokens
        # Four bytes a token, where a list of numbers takes 36.
        tokens = array("I")
        for part in _parts(well_formed(text)):
            tokens.extend(self._encoding.encode(part, disallowed_special=()))
        size = sys.getsizeof(text) + sys.getsizeof(tokens)
        with self._lock:
            if size <= self._kept.maxsize:
                self._kept[text] = _Encoded(tokens, size)
        return tokens

    @property
    def kept_bytes(self) -> int:
        """Bytes kept now."""
        return int(self._kept.currsize)


def _parts(text: str) -> Generator[str, None, None]:
    """The text, cut inside runs that are too long; nearly every text is one part."""
    start = 0
    for run in _LONG_RUN.finditer(text):
        yield text[start : run.end()]
        start = run.end()
    yield text[start:]
