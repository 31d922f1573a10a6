"""What one run writes its trace through."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from pydantic import JsonValue

from ..errors import OssifrageError
from .events import (
    Answered,
    CitationsRejected,
    Event,
    ModelCalled,
    OutputRejected,
    RunEnded,
    RunStarted,
    Said,
    Thought,
    ToolCalled,
    ToolReturned,
    Usage,
)
from .store import TraceStore, new_reasoning_id, new_trace_id
from .trace import Trace

__all__ = ["Recorder"]

_logger = logging.getLogger(__name__)


class Recorder:
    """Records one run: numbers its steps, keeps its clocks, sums its tokens.

    A store that cannot be written stops no run. The failure is logged, once, and the rest of the run is kept
    in memory only: a trace that ends early is seen to be cut off, one with holes is not.

    For one run, on one event loop; :meth:`start` comes first.

    Args:
        store: where to write; None keeps everything in memory.
        listener: gets every event as it happens. What it raises, the run gets.
    """

    def __init__(self, store: TraceStore | None, *, listener: Callable[[Event], None] | None = None) -> None:
        self._store = store
        self._reasoning_store = store
        self._listener = listener
        self._trace_id = ""
        self._events: list[Event] = []
        self._reasoning: dict[str, str] = {}
        self._step = 0
        self._usage = Usage()
        self._run_began = self._model_began = time.monotonic()
        self._first_token_seconds: float | None = None
        self._tools_began: dict[str, float] = {}

    @property
    def trace_id(self) -> str:
        """The trace's id, also where nothing is stored; empty before :meth:`start`."""
        return self._trace_id

    @property
    def step(self) -> int:
        """The current model call, counted from 1; 0 before the first."""
        return self._step

    @property
    def usage(self) -> Usage:
        """The tokens of the model calls so far."""
        return self._usage

    @property
    def trace(self) -> Trace:
        """The run so far."""
        return Trace(trace_id=self._trace_id, events=tuple(self._events))

    @property
    def reasoning(self) -> Mapping[str, str]:
        """What was thought so far, by reasoning id."""
        return MappingProxyType(self._reasoning)

    def start(
        self,
        *,
        question: str,
        engine: str,
        model: str,
        output_type: str,
        knowledge: str | None = None,
        reasoning_effort: str | None = None,
    ) -> str:
        """The question is asked; returns the trace's id."""
        event = RunStarted(
            question=question,
            engine=engine,
            model=model,
            knowledge=knowledge,
            output_type=output_type,
            reasoning_effort=reasoning_effort,
            version=_own_version(),
        )
        self._run_began = time.monotonic()
        self._trace_id = self._begin(event) or new_trace_id(event.at)
        self._tell(event)
        return self._trace_id

    def model_asked(self, *, began: float | None = None) -> None:
        """The model is being asked: a new step begins.

        Args:
            began: when, on the monotonic clock, where that is known better than now.
        """
        self._step += 1
        self._model_began = time.monotonic() if began is None else began
        self._first_token_seconds = None

    def token_received(self) -> None:
        """A token has come; only the first of a step counts."""
        if self._first_token_seconds is None:
            self._first_token_seconds = time.monotonic() - self._model_began

    def model_called(
        self,
        *,
        prompt_tokens: int,
        completion_tokens: int,
        reasoning_tokens: int | None = None,
        cached_tokens: int | None = None,
        finish: str | None = None,
        repairs: Sequence[str] = (),
    ) -> None:
        """The completion has ended."""
        usage = self._usage
        self._usage = Usage(
            model_calls=usage.model_calls + 1,
            prompt_tokens=usage.prompt_tokens + prompt_tokens,
            completion_tokens=usage.completion_tokens + completion_tokens,
            reasoning_tokens=_plus(usage.reasoning_tokens, reasoning_tokens),
            cached_tokens=_plus(usage.cached_tokens, cached_tokens),
        )
        self._record(
            ModelCalled(
                step=self._step,
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                reasoning_tokens=reasoning_tokens,
                cached_tokens=cached_tokens,
                seconds=time.monotonic() - self._model_began,
                first_token_seconds=self._first_token_seconds,
                finish=finish,
                repairs=tuple(repairs),
            )
        )

    def thought(self, text: str) -> None:
        """The model reasoned. The text goes to the reasoning log; the event has its id and length only."""
        reasoning_id = self._keep_reasoning(text)
        self._reasoning[reasoning_id] = text
        self._record(Thought(step=self._step, reasoning_id=reasoning_id, characters=len(text)))

    def said(self, text: str) -> None:
        """The model told the user something on its way."""
        self._record(Said(step=self._step, text=text))

    def tool_called(self, *, call_id: str, tool: str, arguments: str) -> None:
        """A tool is called; several may be running at a time."""
        self._tools_began[call_id] = time.monotonic()
        self._record(ToolCalled(step=self._step, call_id=call_id, tool=tool, arguments=arguments))

    def tool_returned(
        self, *, call_id: str, tool: str, output: str, summary: str, error: bool = False
    ) -> None:
        """A tool came back; ``summary`` is one line for people."""
        now = time.monotonic()
        self._record(
            ToolReturned(
                step=self._step,
                call_id=call_id,
                tool=tool,
                output=output,
                error=error,
                summary=summary,
                seconds=now - self._tools_began.pop(call_id, now),
            )
        )

    def output_rejected(self, *, attempt: int, errors: str, text: str) -> None:
        """A final message did not match the output type."""
        self._record(OutputRejected(step=self._step, attempt=attempt, errors=errors, text=text))

    def citations_rejected(self, *, problems: str, text: str) -> None:
        """Citations of an answer could not be verified."""
        self._record(CitationsRejected(step=self._step, problems=problems, text=text))

    def answered(self, output: JsonValue, *, citations: Sequence[JsonValue] = ()) -> None:
        """The user gets the answer, as JSON values."""
        self._record(Answered(step=self._step, output=output, citations=tuple(citations)))

    def end(self, stop_reason: str, *, error: str | None = None) -> None:
        """The run is over; ``error`` is one line, and never text of the model's."""
        self._record(
            RunEnded(
                step=self._step,
                stop_reason=stop_reason,
                error=error,
                seconds=time.monotonic() - self._run_began,
                usage=self._usage,
            )
        )

    def _begin(self, event: RunStarted) -> str | None:
        if self._store is None:
            return None
        try:
            return self._store.start(event)
        except OssifrageError as error:
            self._store = self._reasoning_store = None
            _logger.warning("this run leaves no trace: %s", error)
            return None

    def _record(self, event: Event) -> None:
        if self._store is not None:
            try:
                self._store.append(self._trace_id, event)
            except OssifrageError as error:
                self._store = None
                _logger.warning("trace %s ends early: %s", self._trace_id, error)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        if self._listener is not None:
            self._listener(event)

    def _keep_reasoning(self, text: str) -> str:
        if self._reasoning_store is not None:
            try:
                return self._reasoning_store.append_reasoning(self._trace_id, self._step, text)
            except OssifrageError as error:
                self._reasoning_store = None
                _logger.warning("reasoning of trace %s ends early: %s", self._trace_id, error)
        return new_reasoning_id()


def _own_version() -> str:
    try:
        return version("ossifrage")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "unknown"


def _plus(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
