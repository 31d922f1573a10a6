"""The real harmony encoding, with a count of what was encoded."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from openai_harmony import HarmonyEncoding


class CountingEncoding:
    """Passes everything on to an encoding."""

    def __init__(self, encoding: HarmonyEncoding) -> None:
        self._encoding = encoding
        self.encoded: Counter[str] = Counter()

    @property
    def as_encoding(self) -> HarmonyEncoding:
        """This object, as what it stands for."""
        return cast(HarmonyEncoding, self)

    def encode(self, text: str, **options: Any) -> list[int]:
        self.encoded[text] += 1
        return self._encoding.encode(text, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoding, name)
