"""The tool ``list_sources``: which documents there are."""

from __future__ import annotations

import asyncio
from typing import Annotated

from agents import FunctionTool
from pydantic import BaseModel, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from ..prompts import render
from .function import RunContext, ToolOutput, knowledge_tool
from .knowledge import Document, FilterCheck, Filters
from .knowledge.filters import check_filters, passes
from .limits import OUTPUT_BYTES

__all__ = ["list_sources_tool"]

_MOST = 50

Pattern = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class ListSourcesArguments(BaseModel):
    pattern: Pattern | SkipJsonSchema[None] = None
    start: Annotated[int, Field(ge=1)] = 1


async def _list_sources(context: RunContext, arguments: ListSourcesArguments) -> ToolOutput:
    documents = {each.source: each for each in await asyncio.to_thread(context.knowledge.documents)}
    filters = Filters(sources=() if arguments.pattern is None else (arguments.pattern,))
    found = [document for document in documents.values() if passes(filters, document)]
    if arguments.start > len(found):
        check: FilterCheck = check_filters(filters, documents)
        near = check.unknown[0].near if check.unknown else ()
        text = render("tools/no_sources", pattern=arguments.pattern, total=len(found), near=near)
        return ToolOutput(text, "no document")
    shown: list[str] = []
    room = OUTPUT_BYTES
    for document in found[arguments.start - 1 :][:_MOST]:
        row = _row(document)
        room -= len(row.encode(errors="replace"))
        if shown and room < 0:
            break
        shown.append(row)
    last = arguments.start - 1 + len(shown)
    text = render(
        "tools/sources",
        rows=shown,
        total=len(found),
        first=arguments.start,
        last=last,
        pattern=arguments.pattern,
        unlisted=await asyncio.to_thread(lambda: context.knowledge.unlisted),
    )
    return ToolOutput(text, f"{len(shown)} of {len(found)} documents")


def _row(document: Document) -> str:
    return render("tools/source", document=document)


list_sources_tool: FunctionTool = knowledge_tool("list_sources", ListSourcesArguments, _list_sources)
