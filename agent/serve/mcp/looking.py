"""The tools that look things up: ``search``, ``open``, ``find``, ``list_sources``. They need no model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ....tools.knowledge import Excerpt, Filters, Knowledge, Passage
from ....tools.knowledge.filters import passes
from ....tools.limits import OUTPUT_BYTES, about, clipped, fitting, telling
from .resources import address_of
from .values import (
    FindArguments,
    Found,
    Line,
    ListArguments,
    Listed,
    Listing,
    OpenArguments,
    Opened,
    SearchArguments,
    Searched,
)

__all__ = ["find", "list_sources", "open_", "search"]

_MOST_LISTED = 200
_SHARED = ("source", "title", "heading", "total_lines", "page", "sheet", "slide", "location")


async def search(knowledge: Knowledge, arguments: SearchArguments) -> Searched:
    """Passages, best first; as many as have room."""
    found = await asyncio.to_thread(
        knowledge.search, arguments.queries, top_k=arguments.top_k, filters=arguments.filters()
    )
    room, passages = OUTPUT_BYTES * 2, list[dict[str, Any]]()
    for passage in found:
        rows = {
            number: telling(line, arguments.queries)
            for number, line in enumerate(passage.text.split("\n"), passage.start_line)
        }
        lines = fitting(rows, room)
        if passages and len(lines) < len(rows):
            break
        room -= sum(len(line.encode(errors="replace")) for line in lines.values())
        passages.append({**_part(passage, lines), "score": passage.score})
    return Searched.model_validate({"passages": passages, "left_out": len(found) - len(passages)})


async def open_(knowledge: Knowledge, arguments: OpenArguments) -> Opened:
    """Lines of a document, from one on."""
    excerpt = await asyncio.to_thread(
        knowledge.open, arguments.source, line=arguments.line, num_lines=arguments.num_lines
    )
    lines = fitting({number: clipped(line) for number, line in excerpt.lines.items()}, OUTPUT_BYTES)
    last = max(lines, default=0)
    further = last + 1 if last < excerpt.total_lines else None
    return Opened.model_validate({**_part(excerpt, lines), "next_line": further})


async def find(knowledge: Knowledge, arguments: FindArguments) -> Found:
    """The lines of a document that contain a text."""
    found = await asyncio.to_thread(knowledge.find, arguments.source, arguments.pattern, line=arguments.line)
    wanted = arguments.pattern.casefold()
    lines = fitting(
        {number: about(line, line.casefold().find(wanted)) for number, line in found.lines.items()},
        OUTPUT_BYTES,
    )
    matches = [number for number in found.matches if number in lines]
    more = found.more_matches + len(found.matches) - len(matches)
    return Found.model_validate(
        {
            **_part(found, lines),
            "matches": matches,
            "more_matches": more,
            "next_line": (*found.matches, max(found.matches, default=0) + 1)[len(matches)] if more else None,
        }
    )


async def list_sources(knowledge: Knowledge, arguments: ListArguments) -> Listing:
    """The documents, some at a time."""
    documents = await asyncio.to_thread(knowledge.documents)
    if arguments.pattern is not None:
        wanted = Filters(sources=(arguments.pattern,))
        documents = [document for document in documents if passes(wanted, document)]
    shown = documents[arguments.start - 1 :][:_MOST_LISTED]
    after = arguments.start + len(shown)
    return Listing(
        documents=[
            Listed(
                source=document.source,
                uri=address_of(document.source),
                title=document.title,
                lines=document.lines,
                modified=document.modified,
                tags=list(document.tags),
            )
            for document in shown
        ],
        total=len(documents),
        next_start=after if shown and after <= len(documents) else None,
    )


def _part(found: Passage | Excerpt, lines: Mapping[int, str]) -> dict[str, Any]:
    numbers: Sequence[int] = sorted(lines) or [0]
    return {
        **{name: getattr(found, name) for name in _SHARED},
        "uri": address_of(found.source),
        "start_line": numbers[0],
        "end_line": numbers[-1],
        "lines": [Line(line=number, text=text) for number, text in sorted(lines.items())],
    }
