"""The tool ``find``: the lines of one document that contain a text."""

from __future__ import annotations

import asyncio
from typing import Annotated

from agents import FunctionTool
from pydantic import BaseModel, Field, StringConstraints

from ..prompts import render
from .function import RunContext, ToolOutput, knowledge_tool
from .limits import LINE_CHARACTERS, OUTPUT_BYTES, about, fitting
from .open import source_of
from .pages import format_page

__all__ = ["find_tool"]


class FindArguments(BaseModel):
    document: Annotated[str | int, Field(union_mode="left_to_right")]
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    line: Annotated[int, Field(ge=1)] = 1


async def _find(context: RunContext, arguments: FindArguments) -> ToolOutput:
    source = source_of(context, arguments.document)
    found = await asyncio.to_thread(context.knowledge.find, source, arguments.pattern, line=arguments.line)
    if not found.lines:
        text = render("tools/no_match", source=found.source, pattern=arguments.pattern, line=arguments.line)
        return ToolOutput(text, f"no match in {found.source}")
    wanted = arguments.pattern.casefold()
    lines = {number: about(line, line.casefold().find(wanted)) for number, line in found.lines.items()}
    page = context.pages.show(
        source=found.source,
        title=found.title,
        heading=found.heading,
        total_lines=found.total_lines,
        lines=fitting(lines, OUTPUT_BYTES),
    )
    parts = [format_page(page)]
    shown = [number for number in found.matches if number in page.lines]
    if any(len(found.lines[number]) > LINE_CHARACTERS for number in page.lines):
        parts.append(render("tools/cut_line", column=None))
    if more := found.more_matches + len(found.matches) - len(shown):
        next_line = (*found.matches, found.matches[-1] + 1)[len(shown)]
        parts.append(render("tools/more_matches", more=more, next_line=next_line))
    count = f"{len(shown)} of {len(shown) + more} matches" if more else f"{len(shown)} matching lines"
    return ToolOutput("\n\n".join(parts), f"{count} in {found.source}")


find_tool: FunctionTool = knowledge_tool("find", FindArguments, _find)
