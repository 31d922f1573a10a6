"""The tool ``search``: several queries at once, passages back as pages."""

from __future__ import annotations

import asyncio
from typing import Annotated

from agents import FunctionTool
from pydantic import BaseModel, Field, StringConstraints

from ..prompts import render
from .function import RunContext, ToolOutput, knowledge_tool
from .knowledge import Passage
from .pages import Page, format_page

__all__ = ["search_tool"]

Query = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class SearchArguments(BaseModel):
    queries: Annotated[list[Query], Field(min_length=1, max_length=5)]
    top_k: Annotated[int, Field(ge=1, le=20)] = 5


async def _search(context: RunContext, arguments: SearchArguments) -> ToolOutput:
    passages = await asyncio.to_thread(context.knowledge.search, arguments.queries, top_k=arguments.top_k)
    if not passages:
        return ToolOutput(render("tools/nothing_found", queries=arguments.queries), "nothing found")
    pages: list[Page] = []
    known: list[dict[str, object]] = []
    for passage in passages:
        lines = _lines(passage)
        if (shown := _shown_before(context, passage.source, lines)) is not None:
            known.append(
                {
                    "cursor": shown.cursor,
                    "source": passage.source,
                    "first": passage.start_line,
                    "last": passage.end_line,
                }
            )
            continue
        pages.append(
            context.pages.show(
                source=passage.source,
                title=passage.title,
                heading=passage.heading,
                total_lines=passage.total_lines,
                lines=lines,
            )
        )
    parts = [format_page(page) for page in pages]
    if known:
        parts.append(render("tools/already_shown", pages=known, nothing_new=not pages))
    return ToolOutput("\n\n".join(parts), _summary(passages, new=len(pages)))


def _lines(passage: Passage) -> dict[int, str]:
    return {passage.start_line + offset: text for offset, text in enumerate(passage.text.split("\n"))}


def _shown_before(context: RunContext, source: str, lines: dict[int, str]) -> Page | None:
    for page in context.pages.pages:
        if page.source == source and lines.keys() <= page.lines.keys():
            return page
    return None


def _summary(passages: list[Passage], *, new: int) -> str:
    sources = list(dict.fromkeys(passage.source for passage in passages))
    named = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    count = f"{len(passages)} passage" + ("s" if len(passages) != 1 else "")
    return f"{count} ({new} new) from {named}"


search_tool: FunctionTool = knowledge_tool("search", SearchArguments, _search)
