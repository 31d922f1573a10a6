"""What a question adds to its conversation."""

from __future__ import annotations

from typing import Any, cast

from agents.items import TResponseInputItem

from .draft import Draft
from .sample import Sample

__all__ = ["added_items"]


def added_items(sample: Sample, draft: Draft | None, *, before: int) -> list[TResponseInputItem]:
    """The question, what was looked up, and the answer.

    Not the program's own messages and the answers it rejected.

    Args:
        sample: the last one, where there is no answer.
        draft: the answer.
        before: how many items the conversation had.
    """
    sample = sample if draft is None else draft.sample
    rows = [cast(dict[str, Any], item) for item in sample.result.to_input_list()[before:]]
    kept = rows[:1] + [row for row in rows[1:] if row.get("role") != "user" and not _is_final(row)]
    if draft is not None:
        kept += [_said(draft.remembered)] if draft.remembered is not None else [_last_final(rows)]
    return cast(list[TResponseInputItem], [row for row in kept if row])


def _is_final(row: dict[str, Any]) -> bool:
    return row.get("role") == "assistant" and row.get("phase") != "commentary"


def _last_final(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next((row for row in reversed(rows) if _is_final(row)), dict[str, Any]())


def _said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text} if text.strip() else {}
