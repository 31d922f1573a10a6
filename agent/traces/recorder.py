"""What one run writes its trace through."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, TypeVar

from pydantic import JsonValue

from ..errors import OssifrageError
from .events import (
    Answered,
    ApprovalDecided,
    ApprovalRequested,
    CitationsRejected,
    Event,
    GuardrailTripped,
    LimitReached,
    ModelCalled,
    OutputRejected,
    PromptCompacted,
    Retrieved,
    RunEnded,
    RunLimits,
    RunStarted,
    Said,
    Steered,
    Thought,
    ToolCalled,
    ToolReturned,
    Usage,
)
from .store import TraceStore, new_reasoning_id, new_trace_id
from .tokens import CallLog, Packed

__all__ = ["Recorder"]

_logger = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)

_THOUGHT_SECONDS = 0.5
"""Longest time that what was thought waits to be written."""
_THOUGHT_CHARACTERS = 4_000
"""How much of it may wait."""


class Recorder:
    """Records one run: keeps its clocks, sums its tokens, writes its trace.

    Every method that records returns the event. A store that cannot be written does not stop the run: that is
    logged, once for each file, and the rest of the run is not stored. A trace that ends early is seen to be
    cut off, one with holes is not.

    For one run, on one event loop; :meth:`start` comes first.

    Args:
        store: where to write; None writes nothing.
        keep_reasoning: write what is thought to the reasoning log.
        told: is given the trace's id and each event, whether or not it can be stored; must be quick.
    """

    def __init__(
        self,
        store: TraceStore | None,
        *,
        keep_reasoning: bool = True,
        told: Callable[[str, Event], None] | None = None,
    ) -> None:
        self._told = told
        self._store = store
        self._keeps_reasoning = keep_reasoning
        self._thoughts = _ThoughtLog(store if keep_reasoning else None)
        self._calls = CallLog()
        self._unwritten: list[tuple[Event, Sequence[tuple[int, int, Packed]]]] = []
        self._writing: asyncio.Handle | None = None
        self._trace_id = ""
        self._step = 0
        self._usage = Usage()
        self._run_began = self._model_began = time.monotonic()
        self._began_at = datetime.now(UTC)
        self._first_token_seconds: float | None = None
        self._tools_began: dict[str, float] = {}

    @property
    def trace_id(self) -> str:
        """The trace's id, also where nothing is stored; empty before :meth:`start`."""
        return self._trace_id

    @property
    def calls(self) -> CallLog | None:
        """Takes the token ids of the model's calls; None where nothing is stored."""
        return None if self._store is None else self._calls

    @property
    def usage(self) -> Usage:
        """The tokens of the model calls so far."""
        return self._usage

    def start(
        self,
        *,
        question: str,
        engine: str,
        model: str,
        output_type: str,
        knowledge: str | None = None,
        reasoning_effort: str | None = None,
        limits: RunLimits | None = None,
        rerun_of: str | None = None,
        rerun_from: int | None = None,
        resumes: str | None = None,
        filters: Mapping[str, JsonValue] | None = None,
        step: int = 0,
    ) -> RunStarted:
        """The question is asked; ``step`` is where a run that waited goes on."""
        self._step = step
        event = RunStarted(
            question=question,
            engine=engine,
            model=model,
            knowledge=knowledge,
            output_type=output_type,
            reasoning_effort=reasoning_effort,
            version=_own_version(),
            limits=limits,
            reasoning_kept=self._keeps_reasoning and self._store is not None,
            rerun_of=rerun_of,
            rerun_from=rerun_from,
            resumes=resumes,
            filters=None if filters is None else dict(filters),
        )
        self._run_began, self._began_at = time.monotonic(), event.at
        self._trace_id = new_trace_id(event.at)
        if self._store is not None:
            try:
                self._trace_id = self._store.start(event)
            except OssifrageError as error:
                self._store, self._thoughts = None, _ThoughtLog(None)
                _logger.warning("this run leaves no trace: %s", error)
        if self._told is not None:
            self._told(self._trace_id, event)
        return event

    def model_asked(self, step: int, *, began: float | None = None) -> None:
        """The model is being asked.

        Args:
            step: which model call of the run it is, counted from 1.
            began: when, on the monotonic clock, where that is known better than now.
        """
        self._step = step
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
        response_id: str | None = None,
        replayed: bool = False,
    ) -> ModelCalled:
        """The completion has ended; ``response_id`` is what its calls were told with."""
        calls = self._calls.take(response_id) if response_id else []
        told = calls[-1][0] if calls else None
        usage = self._usage
        self._usage = Usage(
            model_calls=usage.model_calls + 1,
            prompt_tokens=usage.prompt_tokens + prompt_tokens,
            completion_tokens=usage.completion_tokens + completion_tokens,
            reasoning_tokens=_plus(usage.reasoning_tokens, reasoning_tokens),
            cached_tokens=_plus(usage.cached_tokens, cached_tokens),
        )
        return self._record(
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
                mended=() if told is None else tuple(told.mended),
                channels={} if told is None else dict(told.channels),
                sampled=None if told is None else told.sampled,
                attempts=max(1, len(calls)),
                tries=max((call.tries for call, _ in calls), default=1),
                has_tokens=bool(calls),
                replayed=replayed,
            ),
            [packed for _, packed in calls],
        )

    def thinking(self, delta: str) -> None:
        """Some more of a thought. It reaches the reasoning log within half a second, whatever comes next.

        Raises:
            RuntimeError: no event loop is running.
        """
        self._thoughts.add(self._trace_id, self._step, delta)

    def thought(self, text: str | None = None) -> Thought | None:
        """A thought has ended: the log gets what is missing of it. The event has its id and length only.

        Args:
            text: the whole thought; None where it broke off, and what has come is all there is.

        Returns:
            None where nothing was thought.
        """
        kept = self._thoughts.end(self._trace_id, self._step, text)
        if kept is None:
            return None
        reasoning_id, characters = kept
        return self._record(Thought(step=self._step, reasoning_id=reasoning_id, characters=characters))

    def said(self, text: str) -> Said:
        """The model told the user something on its way."""
        return self._record(Said(step=self._step, text=text))

    def steered(self, text: str) -> Steered:
        """The user said something meanwhile, which the next call of the model reads."""
        return self._record(Steered(step=self._step, text=text))

    def prompt_compacted(self, outputs: int) -> PromptCompacted:
        """Outputs of tools are shortened in the prompt, so that it fits the window."""
        return self._record(PromptCompacted(step=self._step, outputs=outputs))

    def tool_called(self, *, call_id: str, tool: str, arguments: str) -> ToolCalled:
        """A tool is called; several may be running at a time."""
        self._tools_began[call_id] = time.monotonic()
        return self._record(ToolCalled(step=self._step, call_id=call_id, tool=tool, arguments=arguments))

    def tool_returned(
        self,
        *,
        call_id: str,
        tool: str,
        output: str,
        summary: str,
        error: bool = False,
        retrieved: Retrieved | None = None,
    ) -> ToolReturned:
        """A tool came back; ``summary`` is one line for people."""
        now = time.monotonic()
        return self._record(
            ToolReturned(
                step=self._step,
                call_id=call_id,
                tool=tool,
                output=output,
                error=error,
                summary=summary,
                seconds=now - self._tools_began.pop(call_id, now),
                retrieved=retrieved,
            )
        )

    def approval_requested(self, *, call_id: str, tool: str, arguments: str) -> ApprovalRequested:
        """A call waits for somebody's word."""
        return self._record(
            ApprovalRequested(step=self._step, call_id=call_id, tool=tool, arguments=arguments)
        )

    def approval_decided(
        self, *, call_id: str, tool: str, approved: bool, reason: str | None = None
    ) -> ApprovalDecided:
        """Somebody has said whether a call is to be made."""
        return self._record(
            ApprovalDecided(step=self._step, call_id=call_id, tool=tool, approved=approved, reason=reason)
        )

    def guardrail_tripped(
        self, guardrail: str, *, refused: Literal["question", "answer"]
    ) -> GuardrailTripped:
        """A guardrail of the app has refused."""
        return self._record(GuardrailTripped(step=self._step, guardrail=guardrail, refused=refused))

    def limit_reached(self, limit: str) -> LimitReached:
        """A limit ended the search; the model is asked what it can say by now."""
        return self._record(LimitReached(step=self._step, limit=limit))

    def output_rejected(self, *, attempt: int, errors: str, text: str) -> OutputRejected:
        """A final message did not match the output type."""
        return self._record(OutputRejected(step=self._step, attempt=attempt, errors=errors, text=text))

    def citations_rejected(self, *, problems: str, text: str) -> CitationsRejected:
        """Citations of an answer could not be verified."""
        return self._record(CitationsRejected(step=self._step, problems=problems, text=text))

    def answered(self, output: JsonValue, *, citations: Sequence[JsonValue] = ()) -> Answered:
        """The user gets the answer, as JSON values."""
        return self._record(Answered(step=self._step, output=output, citations=tuple(citations)))

    def end(self, stop_reason: str, *, error: str | None = None) -> Sequence[Event]:
        """The run is over; ``error`` is one line, and never text of the model's.

        Returns:
            The thought that it broke off in, if it did, and the end.
        """
        unfinished = self.thought()
        ended = self._record(
            RunEnded(
                step=self._step,
                stop_reason=stop_reason,
                error=error,
                seconds=time.monotonic() - self._run_began,
                usage=self._usage,
            ),
            [packed for _, packed in self._calls.take()],
        )
        return [ended] if unfinished is None else [unfinished, ended]

    def _record(self, event: E, calls: Sequence[Packed] = ()) -> E:
        # By the clock that nobody sets: in a trace nothing happens before what led to it.
        passed = timedelta(seconds=time.monotonic() - self._run_began)
        event = event.model_copy(update={"at": self._began_at + passed})
        if self._store is not None:
            packed = [(self._step, attempt, call) for attempt, call in enumerate(calls)]
            self._unwritten.append((event, packed))
            if isinstance(event, RunEnded) or not self._write_soon():
                self._write()
        if self._told is not None:
            self._told(self._trace_id, event)
        return event

    def _write_soon(self) -> bool:
        """What happens at the same moment is written in one transaction; False where no loop is running."""
        if self._writing is None:
            try:
                self._writing = asyncio.get_running_loop().call_soon(self._write)
            except RuntimeError:
                return False
        return True

    def _write(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        waiting, self._unwritten = self._unwritten, []
        if self._store is None or not waiting:
            return
        try:
            self._store.append_all(self._trace_id, waiting)
        except OssifrageError as error:
            self._store = None
            _logger.warning("trace %s ends early: %s", self._trace_id, error)
        calls = [call for _, packed in waiting for call in packed]
        if calls or any(isinstance(event, RunEnded) for event, _ in waiting):
            self._thoughts.finish(self._trace_id, calls)


class _ThoughtLog:
    """Writes a thought while it comes, in few transactions; holds no more of it than waits to be written."""

    def __init__(self, store: TraceStore | None) -> None:
        self._store = store
        self._reasoning_id: str | None = None
        self._place = ("", 0)
        self._characters = 0
        self._waiting: list[str] = []
        self._waiting_characters = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ended: list[str] = []

    def add(self, trace_id: str, step: int, text: str) -> None:
        self._place = (trace_id, step)
        self._waiting.append(text)
        self._waiting_characters += len(text)
        self._characters += len(text)
        if self._waiting_characters >= _THOUGHT_CHARACTERS:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_THOUGHT_SECONDS, self._write)

    def end(self, trace_id: str, step: int, whole: str | None) -> tuple[str, int] | None:
        """The thought's id and its characters; None where there is none."""
        if whole is not None and (missing := whole[self._characters :]):
            self._place = (trace_id, step)
            self._waiting.append(missing)
            self._characters += len(missing)
        self._write()
        if self._reasoning_id is None:
            return None
        kept = self._reasoning_id, self._characters
        self._ended.append(self._reasoning_id)
        self._reasoning_id, self._characters = None, 0
        return kept

    def finish(self, trace_id: str, calls: Sequence[tuple[int, int, Packed]]) -> None:
        """What was thought up to now is whole; ``calls`` holds its tokens."""
        ended, self._ended = self._ended, []
        if self._store is not None:
            try:
                self._store.finish_reasoning(trace_id, ended, calls)
            except OssifrageError as error:
                self._failed(trace_id, error)

    def _failed(self, trace_id: str, error: OssifrageError) -> None:
        self._store = None
        _logger.warning("reasoning of trace %s ends early: %s", trace_id, error)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = "".join(self._waiting)
        self._waiting, self._waiting_characters = [], 0
        if not text:
            return
        trace_id, step = self._place
        if self._store is not None:
            try:
                if self._reasoning_id is None:
                    self._reasoning_id = self._store.append_reasoning(trace_id, step, text)
                else:
                    self._store.extend_reasoning(self._reasoning_id, text)
            except OssifrageError as error:
                self._failed(trace_id, error)
        if self._reasoning_id is None:
            self._reasoning_id = new_reasoning_id()


@functools.cache
def _own_version() -> str:
    try:
        return version("ossifrage")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "unknown"


def _plus(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
