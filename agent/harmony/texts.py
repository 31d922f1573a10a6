"""Texts as tokens, each encoded once."""

from __future__ import annotations

import re
import secrets
import sys
import threading
from array import array
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from cachetools import LRUCache

from ..text import well_formed

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding

__all__ = ["EncodedTexts", "LongRuns"]

T = TypeVar("T")

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


class LongRuns:
    """Long runs in what openai-harmony renders itself: taken out before, and put back into the text.

    Its time grows with the square of a run's length, and it holds the whole program meanwhile.
    """

    def __init__(self) -> None:
        self._mark = f"run-{secrets.token_hex(8)}-"
        self._taken: list[str] = []

    def __bool__(self) -> bool:
        """Whether one was taken out."""
        return bool(self._taken)

    def taken_out(self, value: T) -> T:
        """A text, or JSON with texts in it, with a short word in the place of each long run."""
        return cast(T, self._without(value))

    def put_back(self, text: str) -> str:
        """The text with the runs in it."""
        return re.sub(rf"{self._mark}(\d+)-", lambda found: self._taken[int(found[1])], text)

    def _without(self, value: Any) -> Any:
        match value:
            case str():
                return _LONG_RUN.sub(self._take, value)
            case list():
                return [self._without(each) for each in cast("list[Any]", value)]
            case dict():
                pairs = cast("dict[str, Any]", value).items()
                return {self._without(name): self._without(each) for name, each in pairs}
            case _:
                return value

    def _take(self, found: re.Match[str]) -> str:
        self._taken.append(found[0])
        return f"{self._mark}{len(self._taken) - 1}-"
