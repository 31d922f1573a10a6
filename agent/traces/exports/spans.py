"""A run as spans, before they get a dialect: one for the run, one a model call, one a tool call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from ..events import ModelCalled
from ..steps import Step, ToolUse, passage_texts
from .shared import SharedRun

__all__ = [
    "DIALECTS",
    "Attributes",
    "Dialect",
    "DialectName",
    "Span",
    "SpanEvent",
    "dialect",
    "run_span",
    "step_spans",
]

Attributes = Mapping[str, str | bool | int | float | Sequence[str]]
DialectName = Literal["openinference", "genai"]
DIALECTS: tuple[DialectName, ...] = ("openinference", "genai")


@dataclass(frozen=True)
class SpanEvent:
    """Something that is told of a span beside its attributes."""

    name: str
    at: datetime
    attributes: Attributes


@dataclass(frozen=True)
class Span:
    """One span; ids are made of the trace's id, so that a run sent twice is the same spans."""

    name: str
    key: str
    """Tells it apart within its trace."""
    parent: str | None
    """The parent's key; None for the run's own."""
    start: datetime
    end: datetime
    attributes: Attributes
    events: tuple[SpanEvent, ...] = ()
    error: str | None = None
    kind: Literal["internal", "client"] = "internal"

    def span_id(self, trace_id: str) -> int:
        """Its id, of 64 bits."""
        return id_of(trace_id, self.key, 8)


class Dialect(Protocol):
    """How the parts of a run are named."""

    def run(self, run: SharedRun) -> tuple[str, Attributes, tuple[SpanEvent, ...]]:
        """Name, attributes and events of the run's own span."""
        ...

    def model(self, run: SharedRun, step: Step, before: Step | None) -> tuple[str, Attributes]:
        """Of a model call; ``before`` is the step that it goes on from."""
        ...

    def tool(self, run: SharedRun, use: ToolUse) -> tuple[str, Attributes]:
        """Of a tool call."""
        ...

    def retrieval(self, run: SharedRun, use: ToolUse, texts: Sequence[str]) -> tuple[str, Attributes]:
        """Of the search in a tool call; ``texts`` is what was shown of each passage."""
        ...


def dialect(name: DialectName) -> Dialect:
    """The dialect of that name."""
    if name == "genai":
        from .genai import GenAI

        return GenAI()
    from .openinference import OpenInference

    return OpenInference()


def id_of(trace_id: str, key: str, size: int) -> int:
    """A number of so many bytes, never 0."""
    digest = hashlib.sha256(f"{trace_id}\0{key}".encode()).digest()
    return int.from_bytes(digest[:size], "big") or 1


def run_span(run: SharedRun, speaks: Dialect) -> Span:
    """The span of a whole run."""
    trace = run.trace
    name, attributes, events = speaks.run(run)
    error = None if trace.ended is None else trace.ended.error
    return Span(name, "run", None, trace.started.at, trace.events[-1].at, attributes, events, error)


def step_spans(run: SharedRun, speaks: Dialect, numbers: Sequence[int] | None = None) -> Iterator[Span]:
    """The spans of the steps with these numbers; None: of all."""
    texts = passage_texts(run.trace)
    before: Step | None = None
    for step in run.trace.steps:
        if numbers is None or step.number in numbers:
            if step.model is not None:
                yield _model_span(run, speaks, step, step.model, before)
            for use in step.tools:
                yield from _tool_spans(run, speaks, step, use, texts.get(use.call.call_id))
        before = step


def _model_span(run: SharedRun, speaks: Dialect, step: Step, model: ModelCalled, before: Step | None) -> Span:
    name, attributes = speaks.model(run, step, before)
    start = model.at - timedelta(seconds=model.seconds)
    return Span(name, f"step {step.number}", "run", start, model.at, attributes, kind="client")


def _tool_spans(
    run: SharedRun, speaks: Dialect, step: Step, use: ToolUse, texts: Sequence[str] | None
) -> Iterator[Span]:
    name, attributes = speaks.tool(run, use)
    key = f"step {step.number} {use.call.call_id}"
    returned = use.returned
    end = use.call.at if returned is None else returned.at
    error = None if returned is None or not returned.error else returned.summary
    yield Span(name, key, "run", use.call.at, end, attributes, error=error)
    if returned is not None and returned.retrieved is not None:
        name, attributes = speaks.retrieval(run, use, texts or ())
        yield Span(name, f"{key} retrieval", key, use.call.at, end, attributes)
