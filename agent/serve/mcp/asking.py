"""The tool ``ask``: a whole question, with what happens told as progress, and an end when it is cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import anyio

from ...answer import Answer, Result
from ...text import one_line
from ...traces import CitationsRejected, LimitReached, OutputRejected, RunStarted, ToolCalled, ToolReturned
from .resources import address_of
from .values import AskArguments, Asked, Cited

if TYPE_CHECKING:
    from ...assistant import Assistant
    from ...run.stream import StreamItem

__all__ = ["Report", "ask"]

Report = Callable[[float, str], Awaitable[None]]
"""Told how far a question has come: a number that only grows, and one line for people."""

_WIDTH = 200


async def ask(assistant: Assistant, arguments: AskArguments, report: Report) -> Asked:
    """Answer a question. Cancelled, the run has ended when this has.

    Raises:
        OssifrageError: there is no answer.
    """
    # A task of its own: where a client cancels, the library interrupts every wait of the request, also those
    # in which a run closes what it had opened.
    task = asyncio.create_task(_run(assistant, arguments, report))
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait({task})
    return task.result()


async def _run(assistant: Assistant, arguments: AskArguments, report: Report) -> Asked:
    happened = 0
    async with aclosing(assistant.run_stream(arguments.question, reasoning=arguments.reasoning)) as items:
        async for item in items:
            if isinstance(item, Result):
                return _asked(item)
            if line := _line(item):
                happened += 1
                await report(happened, line)
    raise RuntimeError("the run ended without a result")


def _line(item: StreamItem) -> str | None:
    match item:
        case RunStarted(model=model, engine=engine):
            return one_line(f"asking {model} ({engine})", _WIDTH)
        case ToolCalled(tool=tool, arguments=arguments):
            return one_line(f"{tool} {_values(arguments)}", _WIDTH)
        case ToolReturned(tool=tool, summary=summary):
            return one_line(f"{tool}: {summary}", _WIDTH)
        case LimitReached(limit=limit):
            return one_line(f"limit reached: {limit}", _WIDTH)
        case OutputRejected():
            return "the answer did not fit its type; asking again"
        case CitationsRejected():
            return "some citations could not be verified; asking once for better ones"
        case _:
            return None


def _values(arguments: str) -> str:
    """The values of a call alone, where they are a JSON object."""
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(values, dict):
        return arguments
    shown = cast("dict[str, Any]", values).values()
    return " ".join(json.dumps(value, ensure_ascii=False) for value in shown)


def _asked(result: Result[Any]) -> Asked:
    return Asked(
        answer=result.text,
        citations=[
            Cited(uri=address_of(citation.source), **citation.model_dump()) for citation in result.citations
        ],
        missing=result.output.missing if isinstance(result.output, Answer) else [],
        stop_reason=result.stop_reason.value,
        partial=result.partial,
        engine=result.engine,
        model=result.model,
        seconds=round(result.seconds, 3),
        trace_id=result.trace_id,
    )
