"""Events told one by one, as they happen: a line or a few for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..text import one_line, printable
from .events import (
    Answered,
    CitationsRejected,
    Event,
    LimitReached,
    ModelCalled,
    OutputRejected,
    RunEnded,
    RunStarted,
    Said,
    Steered,
    Thought,
    ToolCalled,
    ToolReturned,
)
from .trace import text_of

__all__ = ["Told", "told"]

_WIDTH = 160


class Told(NamedTuple):
    """One line, made fit for a terminal."""

    label: str
    text: str


def told(event: Event) -> Iterator[Told]:
    """What is said of an event while a run goes on. The text of thoughts is not among it."""
    match event:
        case ModelCalled() | Thought() | Said() | ToolCalled() | ToolReturned():
            yield from _worked(event)
        case RunStarted():
            yield Told("question", printable(event.question))
            yield Told("model", f"{one_line(event.model)} on {one_line(event.engine)}")
        case OutputRejected():
            yield Told("refused", f"attempt {event.attempt}: {one_line(event.errors, _WIDTH)}")
        case CitationsRejected():
            yield Told("refused", f"citations: {one_line(event.problems, _WIDTH)}")
        case Steered():
            yield Told("you said", printable(event.text))
        case LimitReached():
            yield Told("limit", one_line(event.limit).replace("_", " "))
        case Answered():
            yield Told("answer", printable(text_of(event.output)))
        case RunEnded():
            error = "" if event.error is None else f": {one_line(event.error)}"
            yield Told("end", f"{one_line(event.stop_reason)} after {event.seconds:.1f} s{error}")
        case _:
            fields = event.model_dump(exclude={"type", "at", "step"})
            yield Told(event.type.replace("_", " "), one_line(str(fields), _WIDTH))


def _worked(event: ModelCalled | Thought | Said | ToolCalled | ToolReturned) -> Iterator[Told]:
    match event:
        case ModelCalled():
            again = " (from the record)" if event.replayed else f", {event.seconds:.1f} s"
            yield Told("model", f"{event.prompt_tokens:,} -> {event.completion_tokens:,} tokens{again}")
            if event.repairs:
                yield Told(
                    "mended", ", ".join(one_line(repair).replace("_", " ") for repair in event.repairs)
                )
        case Thought():
            yield Told("thought", f"{event.characters:,} characters")
        case Said():
            yield Told("said", printable(event.text))
        case ToolCalled():
            yield Told("call", one_line(f"{event.tool} {event.arguments}", _WIDTH))
        case ToolReturned():
            summary = one_line(event.summary or event.output, _WIDTH)
            yield Told("failed" if event.error else "result", f"{summary} ({event.seconds:.2f} s)")
