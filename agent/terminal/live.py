"""What happens, as it happens, on stderr, where nothing can be drawn over: a line for each step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import click

from ..answer import Result
from ..run.stream import PartialOutput, ReasoningDelta, TextDelta
from ..traces import (
    CitationsRejected,
    ModelCalled,
    OutputRejected,
    RunStarted,
    Said,
    ToolCalled,
    ToolReturned,
    one_line,
    printable,
)

if TYPE_CHECKING:
    from ..assistant import Assistant
    from ..run.stream import StreamItem

__all__ = ["show_item", "show_run"]

_WIDTH = 160


async def show_run(
    assistant: Assistant[Any],
    question: str,
    *,
    show_reasoning: bool = False,
    quiet: bool = False,
) -> Result[Any]:
    """Run a question, telling what happens on stderr.

    Args:
        assistant: what answers.
        question: what to answer.
        show_reasoning: show what the model thinks, dimmed.
        quiet: show nothing.
    """
    if not quiet:
        _, model = await assistant.open()
        _say(one_line(model.why), fg="cyan")
    thinking = False
    async for item in assistant.run_stream(question):
        if isinstance(item, ReasoningDelta | TextDelta | PartialOutput):
            if show_reasoning and isinstance(item, ReasoningDelta):
                click.echo(click.style(printable(item.text), dim=True), err=True, nl=False)
                thinking = True
            continue
        if isinstance(item, Result):
            return item
        if thinking:
            click.echo(err=True)
            thinking = False
        if not quiet:
            show_item(item)
    raise RuntimeError("the run ended without a result")


def show_item(item: StreamItem) -> None:
    """A line on stderr for what happened, if it is worth one."""
    if line := _line(item):
        _say(line[0], **line[1])


def _line(item: StreamItem) -> tuple[str, dict[str, Any]] | None:
    match item:
        case Said(text=text):
            return one_line(text, _WIDTH), {}
        case ToolCalled(tool=tool, arguments=arguments):
            return f"→ {one_line(tool)} {_arguments(arguments)}", {"bold": True}
        case ToolReturned(summary=summary, seconds=seconds, error=error):
            return f"  ← {one_line(summary, _WIDTH)} ({seconds:.2f} s)", {"fg": "red"} if error else {
                "dim": True
            }
        case OutputRejected(attempt=attempt):
            return f"The answer did not fit its type (attempt {attempt}); asking again.", {"fg": "yellow"}
        case CitationsRejected():
            return "Some citations could not be verified; asking once for better ones.", {"fg": "yellow"}
        case ModelCalled(repairs=repairs) if repairs:
            counted = ", ".join(f"{count} {kind}" for kind, count in Counter(repairs).items())
            return f"  (the model's reply was mended: {counted})", {"dim": True}
        case RunStarted() | _:
            return None


def _arguments(raw: str) -> str:
    """Arguments in short: values only, where they are a JSON object."""
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        return one_line(raw, _WIDTH)
    if not isinstance(values, Mapping):
        return one_line(raw, _WIDTH)
    shown = [json.dumps(value, ensure_ascii=False) for value in cast(Mapping[str, Any], values).values()]
    return one_line(" ".join(shown), _WIDTH)


def _say(text: str, **style: Any) -> None:
    click.echo(click.style(text, **style), err=True)
