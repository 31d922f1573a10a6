"""Keeping a long run inside the model's context window.

When the prompt nears its end, the oldest tool outputs give way first: what is left of a page is its citation,
with which it can be opened again. The newest output stays; where it alone is too long, its end is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from agents.items import TResponseInputItem

from ...prompts import render
from ...tools.pages import parse_pages
from ..models.writer import PromptWriter

__all__ = ["PromptBudget"]

_SHARE = 0.25
"""Share of the window kept free for instructions, tools and the completion, between two limits."""
_LEAST_KEPT_FREE = 2_000
_MOST_KEPT_FREE = 12_000


class PromptBudget:
    """Fits conversation items into a window.

    Args:
        window: the model's context window, in tokens.
        writer: writes the prompts; what it has encoded is not encoded again here.
    """

    def __init__(self, window: int, writer: PromptWriter) -> None:
        kept_free = min(_MOST_KEPT_FREE, max(_LEAST_KEPT_FREE, int(window * _SHARE)))
        self._limit = window - kept_free
        self._writer = writer

    def fit(self, items: Sequence[TResponseInputItem]) -> list[TResponseInputItem]:
        """The items, with the oldest tool outputs compacted until all fit, the newest cut if it must.

        Raises:
            agents.UserError: an item that gpt-oss cannot be given.
        """
        fitted = list(items)
        excess = sum(self._writer.sizes(fitted)) - self._limit
        outputs = [index for index, item in enumerate(fitted) if item.get("type") == "function_call_output"]
        for index in outputs[:-1]:
            if excess <= 0:
                break
            compact = _compacted(fitted[index])
            excess -= self._size(fitted[index]) - self._size(compact)
            fitted[index] = compact
        if excess > 0 and outputs:
            fitted[outputs[-1]] = self._cut(fitted[outputs[-1]], excess)
        return fitted

    def _cut(self, item: TResponseInputItem, excess: int) -> TResponseInputItem:
        row = cast(dict[str, Any], item)
        text = row["output"]
        if not isinstance(text, str):  # parts, an image among them
            return item
        note = "\n\n" + render("tools/cut_to_fit")
        whole = size = self._writer.text_size(text)
        room = max(0, size - excess - self._writer.text_size(note))
        while size > room:  # strictly shorter each time
            text = text[: len(text) * room // size]
            size = self._writer.text_size(text)
        cut = text + note
        fits_better = self._writer.text_size(cut) < whole
        return cast(TResponseInputItem, {**row, "output": cut}) if fits_better else item

    def _size(self, item: TResponseInputItem) -> int:
        return self._writer.text_size(str(cast(dict[str, Any], item)["output"]))


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
