"""Keeping a long run inside the model's context window.

When the prompt nears its end, the oldest tool outputs give way first: what is left of a page is its citation,
with which it can be opened again. The newest output always stays.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, cast

from agents.items import TResponseInputItem
from openai_harmony import HarmonyEncoding

from ...prompts import render
from ...tools.pages import parse_pages

__all__ = ["PromptBudget"]

_READ = ("content", "summary", "text", "arguments", "output")
"""Fields of an item, and of its parts, that the model reads."""
_SHARE = 0.25
"""Share of the window kept free for instructions, tools and the completion, between two limits."""
_LEAST_KEPT_FREE = 2_000
_MOST_KEPT_FREE = 12_000
_HEADER = 12
"""Tokens of a message beside its text."""


class PromptBudget:
    """Fits conversation items into a window.

    Args:
        window: the model's context window, in tokens.
        encoding: counts tokens.
    """

    def __init__(self, window: int, encoding: HarmonyEncoding) -> None:
        kept_free = min(_MOST_KEPT_FREE, max(_LEAST_KEPT_FREE, int(window * _SHARE)))
        self._limit = window - kept_free
        # Items come back with every step; each text is counted once.
        self._count = functools.lru_cache(maxsize=4096)(self._encoded_length)
        self._encoding = encoding

    def fit(self, items: Sequence[TResponseInputItem]) -> list[TResponseInputItem]:
        """The items, with the oldest tool outputs compacted until all fit, or none is left to compact."""
        fitted = list(items)
        excess = sum(self._tokens(item) for item in fitted) - self._limit
        outputs = [index for index, item in enumerate(fitted) if item.get("type") == "function_call_output"]
        for index in outputs[:-1]:
            if excess <= 0:
                break
            compact = _compacted(fitted[index])
            excess -= self._tokens(fitted[index]) - self._tokens(compact)
            fitted[index] = compact
        return fitted

    def _encoded_length(self, text: str) -> int:
        return len(self._encoding.encode(text, disallowed_special=()))

    def _tokens(self, item: TResponseInputItem) -> int:
        return _HEADER + sum(self._count(text) for text in _texts(item))


def _compacted(item: TResponseInputItem) -> TResponseInputItem:
    row = cast(dict[str, Any], item)
    text = str(row["output"])
    pages = [
        {"page": page, "first": min(page.lines), "last": max(page.lines)}
        for page in parse_pages(text)
        if page.lines
    ]
    compact = render("tools/compacted", pages=pages)
    return cast(TResponseInputItem, {**row, "output": compact}) if len(compact) < len(text) else item


def _texts(value: object) -> list[str]:
    """Every text in an item that the model will read."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        parts = cast(dict[str, object], value)
        return [
            text
            for key in ("content", "summary", "text", "arguments", "output")
            for text in _texts(parts.get(key))
        ]
    if isinstance(value, list):
        return [text for part in cast(list[object], value) for text in _texts(part)]
    return []
