"""Making a conversation shorter: what was looked up goes, what is cited stays where it can be checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...tools.pages import Page, PageStack, format_page, parse_pages
from .values import Turn

__all__ = ["Compaction", "compacted"]


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """A conversation made shorter."""

    turns: Sequence[Turn]
    items: Sequence[Any]
    dropped_pages: int
    """Pages of documents of which nothing stays."""
    kept_lines: int
    """Lines that stay because they are cited."""
    characters: int
    """How much shorter the conversation is for the model."""


def compacted(turns: Sequence[Turn], items: Sequence[Any]) -> Compaction:
    """Leave out what the tools gave back, but for the lines that answers cite; questions and answers stay.

    The pages keep their cursors, and the last one is remembered, so that later pages go on counting.
    """
    cited: dict[str, set[int]] = {}
    for citation in (citation for turn in turns for citation in turn.citations if citation.verified):
        cited.setdefault(citation.source, set()).update(range(citation.start_line, citation.end_line + 1))
    outputs = [str(item["output"]) for item in items if item.get("type") == "function_call_output"]
    pages = PageStack.of_outputs(outputs).pages
    last = max((page.cursor for page in pages), default=-1)
    new_turns: list[Turn] = []
    new_items: list[Any] = []
    kept_lines = kept_pages = 0
    for turn in turns:
        first = len(new_items)
        rows = list(items[turn.first_item : turn.first_item + turn.items])
        shorter: dict[str, str] = {}
        for row in rows:
            if row.get("type") == "function_call_output":
                kept = _kept(str(row["output"]), cited, last)
                kept_lines += sum(len(page.lines) for page in kept)
                kept_pages += sum(bool(page.lines) for page in kept)
                if kept:
                    shorter[row["call_id"]] = "\n\n".join(map(format_page, kept))
        for row in rows:
            if row.get("type") == "function_call_output" and row["call_id"] in shorter:
                new_items.append({**row, "output": shorter[row["call_id"]]})
            elif (
                row.get("type") not in ("function_call", "function_call_output") or row["call_id"] in shorter
            ):
                new_items.append(row)
        new_turns.append(turn.model_copy(update={"first_item": first, "items": len(new_items) - first}))
    return Compaction(
        turns=new_turns,
        items=new_items,
        dropped_pages=len(pages) - kept_pages,
        kept_lines=kept_lines,
        characters=_characters(items) - _characters(new_items),
    )


def _kept(output: str, cited: Mapping[str, set[int]], last: int) -> list[Page]:
    """The pages with their cited lines; the last of all pages without any, where none is cited."""
    kept: list[Page] = []
    for page in parse_pages(output):
        lines = {number: text for number, text in page.lines.items() if number in cited.get(page.source, ())}
        if lines or page.cursor == last:
            kept.append(replace(page, lines=lines))
    return kept


def _characters(items: Sequence[Any]) -> int:
    return sum(
        len(str(item.get("output") or item.get("content") or item.get("arguments") or "")) for item in items
    )
