"""Texts as tokens, each encoded once."""

from __future__ import annotations

import sys
import threading
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

from ..text import well_formed

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding

__all__ = ["EncodedTexts"]

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
        tokens = array("I", self._encoding.encode(well_formed(text), disallowed_special=()))
        size = sys.getsizeof(text) + sys.getsizeof(tokens)
        with self._lock:
            if size <= self._kept.maxsize:
                self._kept[text] = _Encoded(tokens, size)
        return tokens

    @property
    def kept_bytes(self) -> int:
        """Bytes kept now."""
        return int(self._kept.currsize)
