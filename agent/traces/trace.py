"""A trace: the events of one run, whole or in one line."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, computed_field, model_validator

from .events import Answered, Event, RunEnded, RunStarted
from .steps import CitedPlace, Step, cited_places, steps_of

__all__ = ["Trace", "TraceSummary", "text_of"]


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
    steps: int = 0
    """Model calls so far."""
    tool_calls: int
    searches: int = 0
    """Tool calls that were searches."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    citations: int = 0
    """Citations of the answer."""
    unverified: int = 0
    """Those of them that could not be verified."""
    repairs: int = 0
    """How often a completion had to be mended."""

    @computed_field
    @property
    def tokens(self) -> int:
        """Prompt and completion tokens of all model calls so far."""
        return self.prompt_tokens + self.completion_tokens


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

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The model's calls, in order, each with what it led to."""
        return tuple(steps_of(self))

    @cached_property
    def citations(self) -> tuple[CitedPlace, ...]:
        """The answer's citations, each with the calls that found its lines."""
        return tuple(cited_places(self))

    @property
    def answer(self) -> Answered | None:
        """The answer, if there is one."""
        return next((event for event in reversed(self.events) if isinstance(event, Answered)), None)

    @property
    def answer_text(self) -> str:
        """The answer as people read it; empty where there is none."""
        return "" if self.answer is None else text_of(self.answer.output)

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


def text_of(output: Any) -> str:
    """An output as people read it: the ``answer`` of an Answer, text as it is, anything else as JSON."""
    if isinstance(output, dict):
        fields = cast("dict[str, Any]", output)
        if isinstance(answer := fields.get("answer"), str):
            return answer
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, indent=2)
