"""What a question adds to its conversation."""

from __future__ import annotations

from typing import Any, cast

from agents.items import TResponseInputItem

from .draft import Draft
from .sample import Sample
from .steering import Interjections

__all__ = ["added_items"]


def added_items(
    sample: Sample,
    draft: Draft | None,
    *,
    before: int,
    interjections: Interjections,
    interrupted: bool = False,
) -> list[TResponseInputItem]:
    """The question, what was looked up, what was said meanwhile, and the answer.

    Not the program's own messages and the answers it rejected.

    Args:
        sample: the last one, where there is no answer.
        draft: the answer.
        before: how many items the conversation had.
        interjections: what was said meanwhile.
        interrupted: there will be no answer: calls that did not return, and thoughts that led nowhere, are
            left out.
    """
    sample = sample if draft is None else draft.sample
    rows = [cast(dict[str, Any], item) for item in sample.result.to_input_list()[before:]]
    returned = {row["call_id"] for row in rows if row.get("type") == "function_call_output"}
    kept: list[dict[str, Any]] = []
    for index, row in enumerate([*rows, dict[str, Any]()]):
        kept += [cast(dict[str, Any], item) for item in interjections.before(before + index)]
        if index and (row.get("role") == "user" or _is_final(row)):
            continue
        if interrupted and _leads_nowhere(row, returned):
            continue
        kept.append(row)
    if draft is not None:
        kept += [_said(draft.remembered)] if draft.remembered is not None else [_last_final(rows)]
    return cast(list[TResponseInputItem], [row for row in kept if row])


def _leads_nowhere(row: dict[str, Any], returned: set[str]) -> bool:
    kind = row.get("type")
    return kind == "reasoning" or (kind == "function_call" and row["call_id"] not in returned)


def _is_final(row: dict[str, Any]) -> bool:
    return row.get("role") == "assistant" and row.get("phase") != "commentary"


def _last_final(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next((row for row in reversed(rows) if _is_final(row)), dict[str, Any]())


def _said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text} if text.strip() else {}
