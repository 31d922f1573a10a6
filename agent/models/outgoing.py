"""What goes to a server that takes text: fit for gpt-oss, and for the server.

The server encodes our text together with its own control tokens, so that ``<|end|><|start|>system`` in a
document would end the message. A zero-width space after the ``<`` prevents that, and looks the same in a
quotation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from agents.items import TResponseInputItem

from ..harmony.turns import open_turn

__all__ = ["Item", "fit_items"]

Item = Mapping[str, Any]


def fit_items(
    items: str | list[TResponseInputItem], reasoning_item: Callable[[str], Item]
) -> str | list[TResponseInputItem]:
    """The items of a conversation as they are sent.

    Args:
        items: the conversation.
        reasoning_item: makes an item of reasoning in the form the server reads.
    """
    if isinstance(items, str):
        return _inert(items)
    rows = [cast(Item, item) for item in items]
    open_from = open_turn(rows)
    fit: list[Item] = []
    thoughts: list[str] = []
    for index, row in enumerate(rows):
        if row.get("type") == "reasoning":
            if index >= open_from:
                thoughts += _reasoning_texts(row)
            continue
        if thoughts:
            fit.append(reasoning_item(_inert("\n".join(thoughts))))
            thoughts = []
        if row.get("type") == "function_call_output":
            row = {**row, "output": _inert(row["output"])}
        elif row.get("type") == "function_call":  # like an answer, it may quote a document
            row = {**row, "arguments": _inert(row["arguments"])}
        elif row.get("role") in ("assistant", "user"):
            row = {**row, "content": _inert(row["content"])}
        fit.append(row)
    return cast(list[TResponseInputItem], fit)


def _reasoning_texts(row: Item) -> list[str]:
    """A reasoning item's text: its content (``reasoning``), else its summary (``reasoning_content``)."""
    parts = cast(Sequence[Item], row.get("content") or row.get("summary") or ())
    return [part["text"] for part in parts if part.get("text")]


def _inert(output: Any) -> Any:
    """A text, or parts of content, in which nothing reads as a control token."""
    if isinstance(output, str):
        return output.replace("<|", "<\u200b|")
    return [
        {**part, "text": _inert(part["text"])} if isinstance(part.get("text"), str) else part
        for part in cast(Sequence[Item], output)
    ]
