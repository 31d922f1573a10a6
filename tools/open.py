"""The tool ``open``: read a document from a line on."""

from __future__ import annotations

import asyncio
from typing import Annotated

from agents import FunctionTool
from pydantic import BaseModel, Field

from ..prompts import render
from .function import RunContext, ToolOutput, knowledge_tool
from .pages import format_page

__all__ = ["open_tool", "source_of"]


class OpenArguments(BaseModel):
    document: Annotated[str | int, Field(union_mode="left_to_right")]
    line: Annotated[int, Field(ge=1)] = 1
    num_lines: Annotated[int, Field(ge=1, le=200)] = 40


async def _open(context: RunContext, arguments: OpenArguments) -> ToolOutput:
    source = source_of(context, arguments.document)
    excerpt = await asyncio.to_thread(
        context.knowledge.open, source, line=arguments.line, num_lines=arguments.num_lines
    )
    if not excerpt.lines:
        text = render(
            "tools/past_the_end",
            source=excerpt.source,
            total_lines=excerpt.total_lines,
            line=arguments.line,
        )
        return ToolOutput(text, f"{excerpt.source} ends at line {excerpt.total_lines}")
    page = context.pages.show(
        source=excerpt.source,
        title=excerpt.title,
        heading=excerpt.heading,
        total_lines=excerpt.total_lines,
        lines=excerpt.lines,
    )
    text = format_page(page)
    first, last = min(page.lines), max(page.lines)
    if last < page.total_lines:
        text += "\n\n" + render("tools/more_lines", next_line=last + 1)
    return ToolOutput(text, f"{page.source} lines {first}-{last} of {page.total_lines}")


def source_of(context: RunContext, document: str | int) -> str:
    """A document's source, from a source or from the cursor of a page that was shown."""
    page = context.pages.named(str(document))
    return str(document).strip() if page is None else page.source


open_tool: FunctionTool = knowledge_tool("open", OpenArguments, _open)
