"""Conversations as Markdown, for files and the clipboard. What the model thought is in none of it."""

from __future__ import annotations

from collections.abc import Sequence

from ..conversations import Turn
from ..terminal.lines import arguments_in_short
from ..terminal.render import place_text
from ..text import one_line
from ..traces import ToolCalled, ToolReturned, Trace

__all__ = ["conversation_as_markdown", "turn_as_markdown"]


def conversation_as_markdown(turns: Sequence[Turn]) -> str:
    """Every question with its answer and what it cites."""
    return "\n\n".join(turn_as_markdown(turn, None).rstrip() for turn in turns) + "\n"


def turn_as_markdown(turn: Turn, trace: Trace | None) -> str:
    """One question, the steps of its trace, its answer, what it cites."""
    parts = [f"## {one_line(turn.question)}"]
    if "\n" in turn.question:
        parts.append("\n".join(f"> {line}" for line in turn.question.split("\n")))
    parts += [f"*Said meanwhile: {one_line(each)}*" for each in turn.said]
    if trace is not None and (steps := _steps(trace)):
        parts.append("\n".join(steps))
    if turn.text.strip():
        parts.append(turn.text.strip())
    if turn.unfinished:
        parts.append("*(unfinished)*")
    if turn.missing:
        parts.append("\n".join(f"- The sources do not say: {one_line(part)}" for part in turn.missing))
    places = [
        f"{number}. {place_text(each)}"
        + (f" “{one_line(each.quote)}”" if each.quote else "")
        + ("" if each.verified else " (not verified)")
        for number, each in enumerate(turn.citations, 1)
    ]
    if places:
        parts.append("\n".join(places))
    return "\n\n".join(parts) + "\n"


def _steps(trace: Trace) -> list[str]:
    returned = {event.call_id: event for event in trace.events if isinstance(event, ToolReturned)}
    steps: list[str] = []
    for event in trace.events:
        if isinstance(event, ToolCalled):
            back = returned.get(event.call_id)
            came = f": {one_line(back.summary)}" if back else ""
            steps.append(f"- `{one_line(event.tool)}` {arguments_in_short(event.arguments)}{came}")
    return steps
