"""A trace: the events of one run, whole or in one line."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from .events import Event, RunEnded, RunStarted

__all__ = ["Trace", "TraceSummary"]


class TraceSummary(BaseModel):
    """One line of a list of traces."""

    model_config = ConfigDict(frozen=True)

    trace_id: str
    started: datetime
    """When the question was asked, in UTC."""
    question: str
    engine: str
    model: str
    stop_reason: str | None
    """None for a run that was cut off or is still going on."""
    seconds: float | None
    """How long the run took; None while it has not ended."""
    tool_calls: int
    tokens: int
    """Prompt and completion tokens of all model calls so far."""


class Trace(BaseModel):
    """What happened in one run, in order. Holds no reasoning."""

    model_config = ConfigDict(frozen=True)

    trace_id: str
    events: tuple[Event, ...]
    """The first is a :class:`RunStarted`; the last is a :class:`RunEnded`, if the run has ended."""

    @model_validator(mode="after")
    def _begins_with_the_question(self) -> Self:
        if not self.events or not isinstance(self.events[0], RunStarted):
            raise ValueError("a trace begins with run_started")
        return self

    @property
    def started(self) -> RunStarted:
        """The first event."""
        first = self.events[0]
        assert isinstance(first, RunStarted)  # the validator's promise
        return first

    @property
    def ended(self) -> RunEnded | None:
        """The last event, if the run has ended."""
        last = self.events[-1]
        return last if isinstance(last, RunEnded) else None
