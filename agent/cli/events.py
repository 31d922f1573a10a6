"""A run as JSON lines, for other programs: ``ossifrage ask --events``.

Each line is an object with ``v``, the version of this format, and ``type``. The types are those of the trace
(:mod:`..traces.events`), and while the model writes ``text_delta``, ``partial_output`` and, if it is asked
for, ``reasoning_delta``; ``result`` or ``error`` comes last.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..answer import Result
    from ..assistant import Assistant

__all__ = ["VERSION", "print_run"]

VERSION = 1
"""Counts up when a type or a field is removed or changes its meaning; new ones may come at any time."""


async def print_run(assistant: Assistant[Any], question: str, *, show_reasoning: bool) -> Result[Any]:
    """Run a question and print each event on stdout as it happens.

    Raises:
        The errors of :meth:`Assistant.run`, after the line that tells of them.
    """
    from pydantic import BaseModel

    from ... import OssifrageError
    from ..answer import Result
    from ..run.stream import ModelAsked, PartialOutput, ReasoningDelta, TextDelta, TraceBegun
    from .ask import result_as_json

    try:
        async for item in assistant.run_stream(question):
            match item:
                case TextDelta():
                    _print("text_delta", {"text": item.text, "message": item.message})
                case TraceBegun():
                    _print("trace_begun", dataclasses.asdict(item))
                case ModelAsked():
                    _print("model_asked", dataclasses.asdict(item))
                case PartialOutput():
                    _print("partial_output", dataclasses.asdict(item))
                case ReasoningDelta():
                    if show_reasoning:
                        _print("reasoning_delta", dataclasses.asdict(item))
                case Result():
                    _print("result", result_as_json(item))
                    return item
                case BaseModel():
                    _print(item.type, item.model_dump(mode="json"))
    except OssifrageError as error:
        _print("error", {"error_type": type(error).__name__, "error": str(error)})
        raise
    raise RuntimeError("the run ended without a result")


def _print(kind: str, values: dict[str, Any]) -> None:
    import click

    # Kept in ASCII: JSON alone would let C1 controls through to the terminal. click flushes each line.
    click.echo(json.dumps({"v": VERSION, "type": kind, **values}))
