"""The tool ``find``: the lines of one document that contain a text."""

from __future__ import annotations

import asyncio
from typing import Annotated

from agents import FunctionTool
from pydantic import BaseModel, Field, StringConstraints

from ..prompts import render
from .function import RunContext, ToolOutput, knowledge_tool
from .open import source_of
from .pages import format_page

__all__ = ["find_tool"]


class FindArguments(BaseModel):
    document: Annotated[str | int, Field(union_mode="left_to_right")]
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)]


async def _find(context: RunContext, arguments: FindArguments) -> ToolOutput:
    source = source_of(context, arguments.document)
    found = await asyncio.to_thread(context.knowledge.find, source, arguments.pattern)
    if not found.lines:
        text = render("tools/no_match", source=found.source, pattern=arguments.pattern)
        return ToolOutput(text, f"no match in {found.source}")
    page = context.pages.show(
        source=found.source,
        title=found.title,
        heading=found.heading,
        total_lines=found.total_lines,
        lines=found.lines,
    )
    return ToolOutput(format_page(page), f"matches in {found.source}")


find_tool: FunctionTool = knowledge_tool("find", FindArguments, _find)
