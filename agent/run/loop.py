"""One question, from the first model call to the checked answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from agents import (
    Agent,
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    Model,
    OutputGuardrail,
    RunConfig,
    RunHooks,
    Runner,
    RunState,
    ToolErrorFormatterArgs,
)
from agents.items import TResponseInputItem

from ...prompts import render
from ...tools.function import RunContext, ToolReport
from ..answer import PendingCall, RejectedOutput, Result, StopReason, Usage
from ..errors import ContextWindowError, EngineError, GuardrailError, InvalidOutputError
from ..harmony import HarmonyParseError
from ..traces.events import Event
from ..traces.recorder import Recorder
from .budget import PromptBudget
from .citation_problems import describe_problems
from .citations import better_cited
from .conversation import added_items
from .draft import whole
from .ending import Ending
from .handing_over import OwnModel
from .limits import LimitReachedError, Meter
from .listening import ListenedModel
from .metered import MeteredModel
from .output import OutputSchema, as_json
from .partial import Form
from .paused import Decisions, Paused, PausedFilters, pending_calls, sdk_state
from .places import located, with_places
from .prompting import Prompting
from .sample import Sample
from .steering import Steering
from .stream import PartialOutput, ReasoningDelta, StreamItem, TextDelta
from .tracing import refuse_upload

__all__ = ["PartialOutput", "ReasoningDelta", "Run", "StreamItem", "TextDelta"]

_logger = logging.getLogger(__name__)

OUTPUT_ATTEMPTS = 3
"""How often the final message may be written: once, and twice again with the validation errors."""


class _StoppedError(Exception):
    """The run was ended from outside: by the user, or because its time is over."""


@dataclass(frozen=True, kw_only=True)
class App:
    """What an app brings along for a run."""

    context: object = None
    """For its tools, hooks and guardrails."""
    hooks: RunHooks[Any] | None = None
    output_guardrails: Sequence[OutputGuardrail[Any]] = ()


class Run:
    """Drives the SDK's ``Runner`` for one question and records what happens.

    Args:
        agent: the agent to run; its tools share ``context``.
        model: what the agent asks.
        context: what the tools share.
        recorder: started already.
        meter: holds the run to its limits.
        max_steps: most model calls.
        app: what the app brings along.
        history: the conversation before.
        budget: keeps the prompts inside the window; None where the window is not known.
        steering: what is said meanwhile.
        tracing: let the SDK's tracing processors see the run.
        paused: the run that goes on.
    """

    def __init__(
        self,
        agent: Agent[Any],
        model: Model,
        context: RunContext,
        recorder: Recorder,
        *,
        meter: Meter,
        max_steps: int,
        app: App | None = None,
        history: Sequence[TResponseInputItem] = (),
        budget: PromptBudget | None = None,
        steering: Steering | None = None,
        tracing: bool = False,
        paused: Paused | None = None,
    ) -> None:
        self._model = ListenedModel(MeteredModel(model, meter))
        self._agent = agent.clone(model=self._model)
        self._context = context
        self._recorder = recorder
        self._meter = meter
        self._max_steps = max_steps
        self._app = app or App()
        self._history = list(history)
        self._before = len(self._history) if paused is None else paused.before
        self._steering = steering or Steering()
        said = () if paused is None else paused.said
        self._prompting = Prompting(recorder, self._steering, budget, said)
        form: Form = agent.output_type.form if isinstance(agent.output_type, OutputSchema) else "text"
        self._ending = Ending(form, context.pages, recorder.trace_id)
        self._paused = paused
        self._sample: Sample | None = None
        self._broken_off = False
        self._pending: tuple[PendingCall, ...] = ()
        if tracing:
            refuse_upload()
        self._config = RunConfig(
            model_provider=OwnModel(self._model),
            tracing_disabled=not tracing,  # by default it would send the run to a third party
            workflow_name="Ossifrage",
            tool_not_found_behavior="return_error_to_model",
            tool_error_formatter=self._unknown_tool,
            call_model_input_filter=self._prompting.fitted,
        )

    async def answer(
        self, question: str, decisions: Decisions | None = None
    ) -> AsyncGenerator[StreamItem, None]:
        """Run until there is an answer of the output type, or something else that ends it.

        Args:
            question: what to answer.
            decisions: what was said of the calls that a paused run waits for.

        Yields:
            What the model says and thinks, and the events of the trace, as they happen.

        Raises:
            InvalidOutputError: no attempt matched the output type, and none can be read.
            GuardrailError: a guardrail of the app refused the question or the answer.
            EngineError, HarmonyParseError: the engine failed before anything of an answer came.
        """
        try:
            async with aclosing(self._attempts(question, decisions)) as items:
                async for item in items:
                    yield item
        except (MaxTurnsExceeded, LimitReachedError):  # it called a tool that was no longer offered
            self._ending.draft = self._ending.fallback
        except _StoppedError:
            self._broken_off = True
            reason = StopReason.CANCELLED if self._steering.stopped else StopReason.MAX_SECONDS
            if reason is StopReason.MAX_SECONDS and self._ending.stop_reason is not reason:
                yield self._recorder.limit_reached(reason.value)
            for item in self._ending.interrupted(self._last, reason):
                yield item
        except InputGuardrailTripwireTriggered as error:
            tripped = error.guardrail_result
            name = tripped.guardrail.get_name()
            yield self._recorder.guardrail_tripped(name, refused="question")
            raise self._refused("question", name, tripped.output.output_info) from error
        except (EngineError, HarmonyParseError, InvalidOutputError) as error:
            saved = self._ending.saved(error, self._last)
            if saved is None:
                raise
            for item in saved:
                yield item
        async with aclosing(self._fix_citations()) as items:
            async for item in items:
                yield item
        for event in await self._found():
            yield event

    def result(self, *, engine: str, model: str, seconds: float) -> Result[Any]:
        """What came out."""
        draft = self._ending.draft
        return Result(
            output=None if draft is None else draft.output,
            text="" if draft is None else draft.text,
            citations=() if draft is None else draft.citations,
            stop_reason=self._ending.stop_reason,
            usage=self.usage,
            seconds=seconds,
            trace_id=self._recorder.trace_id,
            engine=engine,
            model=model,
            unstructured=draft is not None and draft.unstructured,
            error=self._ending.error,
            pending=self._pending,
        )

    @property
    def stop_reason(self) -> StopReason:
        """Why it ended, as far as that is known."""
        return self._ending.stop_reason

    @property
    def usage(self) -> Usage:
        """The tokens so far, those before a pause among them."""
        usage = self._recorder.usage
        return usage if self._paused is None else self._paused.usage + usage

    def paused(self, question: str, *, effort: Any, filters: PausedFilters | None) -> Paused | None:
        """What the run needs to go on; None where nothing waits."""
        if not self._pending:
            return None
        return Paused(
            question=question,
            trace_id=self._recorder.trace_id,
            output_type=self._schema_name(),
            effort=effort,
            before=self._before,
            steps=self._last.steps,
            messages=self._last.messages,
            calls=self._context.calls,
            seconds=self._meter.seconds,
            usage=self.usage,
            said=self._prompting.interjections.placed,
            limits=self._meter.limits,
            filters=filters,
            sdk=sdk_state(self._last.result),
        )

    def new_items(self) -> list[TResponseInputItem]:
        """What this question adds to the conversation; nothing while it waits."""
        if self._pending or self._sample is None:
            return []
        return added_items(
            self._last,
            self._ending.draft,
            before=self._before,
            interjections=self._prompting.interjections,
            interrupted=self._broken_off,
        )

    async def _attempts(self, question: str, decisions: Decisions | None) -> AsyncGenerator[StreamItem, None]:
        given: list[TResponseInputItem] | RunState[Any, Any]
        given = [*self._history, {"role": "user", "content": question}]
        if self._paused is not None and decisions is not None:
            given = await self._paused.restored(
                self._agent, self._app.context, steps_left=max(0, self._steps_left)
            )
            for event in self._decided(decisions.apply(given)):
                yield event
        for attempt in range(1, OUTPUT_ATTEMPTS + 1):
            async with aclosing(self._written(given)) as items:
                async for item in items:
                    yield item
            if waiting := self._last.result.interruptions:
                self._pending = pending_calls(waiting)
                self._ending.stop_reason = StopReason.PENDING
                for call in self._pending:
                    yield self._recorder.approval_requested(
                        call_id=call.call_id, tool=call.tool, arguments=call.arguments
                    )
                return
            rejected = self._ending.judged(self._last, limit=self._meter.reason)
            if rejected is None:
                return
            yield self._recorder.output_rejected(attempt=attempt, errors=rejected.errors, text=rejected.text)
            if attempt == OUTPUT_ATTEMPTS or self._steps_left < 1:
                raise InvalidOutputError(
                    f"The model's answer was not valid {self._schema_name()}, also when asked again: "
                    f"see `ossifrage traces show {self._recorder.trace_id}`, or try a simpler output type.",
                    errors=rejected.errors,
                    trace_id=self._recorder.trace_id,
                )
            given = self._next_input(
                render("invalid_output", name=self._schema_name(), errors=rejected.errors)
            )

    async def _written(
        self, given: list[TResponseInputItem] | RunState[Any, Any]
    ) -> AsyncGenerator[StreamItem, None]:
        """Sample a final message. At a limit one more call, without tools, gives what can be said by now."""
        try:
            async with aclosing(self._sampled(given, self._steps_left)) as items:
                async for item in items:
                    yield item
        except (MaxTurnsExceeded, ContextWindowError, LimitReachedError) as error:
            if self._meter.closing:
                raise
            reason = _reason(error)
            self._ending.limited(reason)
            self._meter.closing = True
            self._agent = self._agent.clone(tools=[], handoffs=[])
            yield self._recorder.limit_reached(reason.value)
            if self._sample is None:  # the time was over before anything was asked
                raise
            async with aclosing(self._sampled(self._next_input(render("answer_now")), 1)) as items:
                async for item in items:
                    yield item

    async def _fix_citations(self) -> AsyncGenerator[StreamItem, None]:
        """Ask once for better citations where some are not verified; the better answer stays."""
        first = self._ending.draft
        if first is None or all(citation.verified for citation in first.citations):
            return
        if self._ending.stop_reason is not StopReason.ANSWERED or self._steps_left < 1:
            return
        problems = describe_problems(first.citations, self._context.pages)
        yield self._recorder.citations_rejected(problems=problems, text=first.sample.text)
        self._prompting.listens = (
            False  # whether this answer will stand is not known: what is said now comes next
        )
        given = self._next_input(render("fix_citations", problems=problems))
        try:
            async with aclosing(self._sampled(given, self._steps_left)) as items:
                async for item in items:
                    # Whether this answer will stand is known when it is whole; the result has it then.
                    if not isinstance(item, TextDelta | PartialOutput):
                        yield item
        except (MaxTurnsExceeded, LimitReachedError, EngineError, HarmonyParseError, _StoppedError) as error:
            # There is an answer already, and it says what is not verified.
            _logger.info("citations of trace %s stay unverified: %s", self._recorder.trace_id, error)
            return
        sample = self._last
        output: Any = sample.result.final_output
        if sample.incomplete or not sample.text.strip() or isinstance(output, RejectedOutput):
            return
        second = whole(sample, output, self._context.pages)
        if better_cited(second.citations, first.citations):
            self._ending.draft = second

    async def _found(self) -> Sequence[Event]:
        """The answer as it stands, once the guardrails have passed it."""
        if self._ending.draft is None:
            return ()
        draft = self._ending.draft = await located(
            self._ending.draft, self._context, seconds=self._meter.seconds_left
        )
        if draft.not_found and self._ending.stop_reason is StopReason.ANSWERED:
            self._ending.stop_reason = StopReason.NOT_FOUND
        judged = draft.text if draft.output is None else draft.output
        wrapper = draft.sample.result.context_wrapper
        for guardrail in self._app.output_guardrails:
            said = await guardrail.run(wrapper, self._agent, judged)
            if said.output.tripwire_triggered:
                self._recorder.guardrail_tripped(guardrail.get_name(), refused="answer")
                raise self._refused("answer", guardrail.get_name(), said.output.output_info)
        output = draft.text if draft.output is None else as_json(draft.output)
        citations = [citation.model_dump(mode="json") for citation in draft.citations]
        return [self._recorder.answered(output, citations=citations)]

    async def _sampled(
        self, given: list[TResponseInputItem] | RunState[Any, Any], steps: int
    ) -> AsyncGenerator[StreamItem, None]:
        before = self._sample
        seconds = self._meter.seconds_left
        if seconds is not None and seconds <= 0:
            raise LimitReachedError(StopReason.MAX_SECONDS)
        steps_before, messages_before = (0, 0) if before is None else (before.steps, before.messages)
        waiting: Sequence[PendingCall] = ()
        if isinstance(given, RunState) and self._paused is not None:
            steps_before, messages_before = self._paused.steps, self._paused.messages
            waiting = pending_calls(given.get_interruptions())
        self._sample = Sample(
            Runner.run_streamed(
                self._agent,
                given,
                context=self._app.context,
                max_turns=steps,
                hooks=self._app.hooks,
                run_config=self._config,
            ),
            self._model,
            self._recorder,
            self._context,
            form=self._ending.form,
            steps=steps_before,
            messages=messages_before,
            waiting=waiting,
        )
        if self._agent.input_guardrails:  # what is asked for next is not the user's
            self._agent = self._agent.clone(input_guardrails=[])
        loop = asyncio.get_running_loop()
        stop = self._sample.stop
        self._steering.on_stop(lambda: loop.call_soon_threadsafe(stop))
        timer = None if seconds is None else loop.call_later(seconds, stop)
        try:
            async with aclosing(self._sample.items()) as items:
                async for item in items:
                    for event in self._prompting.happened():
                        yield event
                    if isinstance(item, TextDelta) and item.citations:
                        item = replace(item, citations=await with_places(item.citations, self._context))
                    yield item
        finally:
            self._steering.on_stop(None)
            if timer is not None:
                timer.cancel()
        for event in self._prompting.happened():
            yield event
        over = self._meter.seconds_left
        stopped = self._steering.stopped or (over is not None and over <= 0)
        if stopped and self._sample.result.final_output is None and not self._sample.result.interruptions:
            raise _StoppedError

    def _decided(self, decisions: Sequence[tuple[PendingCall, bool, str | None]]) -> Sequence[Event]:
        events: list[Event] = []
        for call, approved, reason in decisions:
            events.append(
                self._recorder.approval_decided(
                    call_id=call.call_id, tool=call.tool, approved=approved, reason=reason
                )
            )
            events.append(
                self._recorder.tool_called(call_id=call.call_id, tool=call.tool, arguments=call.arguments)
            )
            if not approved:
                self._context.reports[call.call_id] = ToolReport("not approved", error=True)
        return events

    def _refused(self, what: str, guardrail: str, info: object) -> GuardrailError:
        self._ending.stop_reason = StopReason.GUARDRAIL
        return GuardrailError(
            f"The guardrail {guardrail} refused the {what}.",
            guardrail=guardrail,
            info=info,
            trace_id=self._recorder.trace_id,
        )

    @property
    def _last(self) -> Sample:
        if self._sample is None:
            raise RuntimeError("the run was not started")
        return self._sample

    @property
    def _steps_left(self) -> int:
        steps = 0 if self._paused is None else self._paused.steps
        return self._max_steps - (steps if self._sample is None else self._sample.steps)

    def _schema_name(self) -> str:
        return getattr(self._agent.output_type, "name", lambda: "text")()

    def _next_input(self, message: str) -> list[TResponseInputItem]:
        """The conversation so far, and a message of the program's own."""
        return [*self._last.result.to_input_list(), {"role": "user", "content": message}]

    def _unknown_tool(self, args: ToolErrorFormatterArgs[Any]) -> str | None:
        if args.kind != "tool_not_found":
            return None
        names = [tool.name for tool in self._agent.tools]
        self._context.reports[args.call_id] = ToolReport(f"there is no tool {args.tool_name}", error=True)
        return render("tools/unknown_tool", tool=args.tool_name, tools=names)


def _reason(error: Exception) -> StopReason:
    match error:
        case LimitReachedError(reason=reason):
            return reason
        case MaxTurnsExceeded():
            return StopReason.MAX_STEPS
        case _:
            return StopReason.CONTEXT_WINDOW
