"""One question, from the first model call to the checked answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from agents import Agent, MaxTurnsExceeded, Model, RunConfig, Runner, ToolErrorFormatterArgs
from agents.items import TResponseInputItem
from agents.run_config import CallModelData, ModelInputData

from ... import OssifrageError
from ...prompts import render
from ...tools.function import RunContext, ToolReport
from ..answer import RejectedOutput, Result, StopReason
from ..errors import ContextWindowError, EngineError, EngineResponseError, InvalidOutputError
from ..harmony import HarmonyParseError
from ..traces.events import Event
from ..traces.recorder import Recorder
from .budget import PromptBudget
from .citation_problems import describe_problems
from .citations import better_cited
from .conversation import added_items
from .draft import Draft, cut_off, in_prose, readable, whole
from .listening import ListenedModel
from .output import OutputSchema, as_json
from .partial import Form, PartialMessage
from .places import located, with_places
from .sample import Sample
from .steering import Interjections, Steering
from .stream import PartialOutput, ReasoningDelta, StreamItem, TextDelta
from .tracing import refuse_upload

__all__ = ["PartialOutput", "ReasoningDelta", "Run", "StreamItem", "TextDelta"]

_logger = logging.getLogger(__name__)

OUTPUT_ATTEMPTS = 3
"""How often the final message may be written: once, and twice again with the validation errors."""


class _StoppedError(Exception):
    """The user has ended the run."""


class Run:
    """Drives the SDK's ``Runner`` for one question and records what happens.

    Args:
        agent: the agent to run; its context is a :class:`RunContext`.
        model: what the agent asks.
        context: what the tools share.
        recorder: started already.
        max_steps: most model calls.
        history: the conversation before.
        budget: keeps the prompts inside the window; None where the window is not known.
        steering: what is said meanwhile.
        tracing: let the SDK's tracing processors see the run.
    """

    def __init__(
        self,
        agent: Agent[RunContext],
        model: Model,
        context: RunContext,
        recorder: Recorder,
        *,
        max_steps: int,
        history: Sequence[TResponseInputItem] = (),
        budget: PromptBudget | None = None,
        steering: Steering | None = None,
        tracing: bool = False,
    ) -> None:
        self._model = ListenedModel(model)
        self._agent = agent.clone(model=self._model)
        self._context = context
        self._recorder = recorder
        self._max_steps = max_steps
        self._history = list(history)
        self._budget = budget
        self._steering = steering or Steering()
        self._interjections = Interjections()
        self._listens = True
        self._compacted = 0  # outputs that are shortened in the last prompt
        self._meanwhile: list[Event] = []  # what happened while the SDK had the word
        self._form: Form = agent.output_type.form if isinstance(agent.output_type, OutputSchema) else "text"
        self._stop_reason = StopReason.ANSWERED
        self._error: str | None = None
        self._sample: Sample | None = None
        self._fallback: Draft | None = None  # what can be read of an answer that was rejected
        self._asked_for_form = False  # after prose
        self._draft: Draft | None = None
        if tracing:
            refuse_upload()
        self._config = RunConfig(
            tracing_disabled=not tracing,  # by default it would send the run to a third party
            workflow_name="Ossifrage",
            tool_not_found_behavior="return_error_to_model",
            tool_error_formatter=self._unknown_tool,
            call_model_input_filter=self._fitted,
        )

    async def answer(self, question: str) -> AsyncGenerator[StreamItem, None]:
        """Run until there is an answer of the output type, or something else that ends it.

        Yields:
            What the model says and thinks, and the events of the trace, as they happen.

        Raises:
            InvalidOutputError: no attempt matched the output type, and none can be read.
            EngineError, HarmonyParseError: the engine failed before anything of an answer came.
        """
        try:
            async with aclosing(self._attempts(question)) as items:
                async for item in items:
                    yield item
        except MaxTurnsExceeded:  # it called a tool that was no longer offered
            self._draft = self._fallback
        except _StoppedError:
            for item in self._interrupted():
                yield item
        except (EngineError, HarmonyParseError, InvalidOutputError) as error:
            saved = self._saved(error)
            if saved is None:
                raise
            for item in saved:
                yield item
        async with aclosing(self._fix_citations()) as items:
            async for item in items:
                yield item
        if self._draft is None:
            return
        draft = self._draft = await located(self._draft, self._context)
        if draft.not_found and self._stop_reason is StopReason.ANSWERED:
            self._stop_reason = StopReason.NOT_FOUND
        output = draft.text if draft.output is None else as_json(draft.output)
        citations = [citation.model_dump(mode="json") for citation in draft.citations]
        yield self._recorder.answered(output, citations=citations)

    def result(self, *, engine: str, model: str, seconds: float) -> Result:
        """What came out."""
        draft = self._draft
        return Result(
            output=None if draft is None else draft.output,
            text="" if draft is None else draft.text,
            citations=() if draft is None else draft.citations,
            stop_reason=self._stop_reason,
            usage=self._recorder.usage,
            seconds=seconds,
            trace_id=self._recorder.trace_id,
            engine=engine,
            model=model,
            unstructured=draft is not None and draft.unstructured,
            error=self._error,
        )

    def new_items(self) -> list[TResponseInputItem]:
        """What this question adds to the conversation."""
        return added_items(
            self._last,
            self._draft,
            before=len(self._history),
            interjections=self._interjections,
            interrupted=self._stop_reason is StopReason.CANCELLED,
        )

    async def _attempts(self, question: str) -> AsyncGenerator[StreamItem, None]:
        given: list[TResponseInputItem] = [*self._history, {"role": "user", "content": question}]
        for attempt in range(1, OUTPUT_ATTEMPTS + 1):
            async with aclosing(self._written(given)) as items:
                async for item in items:
                    yield item
            rejected = self._judged()
            if rejected is None:
                return
            yield self._recorder.output_rejected(attempt=attempt, errors=rejected.errors, text=rejected.text)
            if attempt == OUTPUT_ATTEMPTS or self._steps_left < 1:
                raise InvalidOutputError(
                    f"The model's answer was not valid {self._schema_name()}, also when asked again: "
                    f"see {self._trace_hint}, or try a simpler output type.",
                    errors=rejected.errors,
                    trace_id=self._recorder.trace_id,
                )
            given = self._next_input(
                render("invalid_output", name=self._schema_name(), errors=rejected.errors)
            )

    async def _written(self, given: list[TResponseInputItem]) -> AsyncGenerator[StreamItem, None]:
        """Sample a final message. At a limit one more call, without tools, gives what can be said by now."""
        try:
            async with aclosing(self._sampled(given, self._steps_left)) as items:
                async for item in items:
                    yield item
        except (MaxTurnsExceeded, ContextWindowError) as error:
            if self._stop_reason is not StopReason.ANSWERED:
                raise
            out_of_steps = isinstance(error, MaxTurnsExceeded)
            self._stop_reason = StopReason.MAX_STEPS if out_of_steps else StopReason.CONTEXT_WINDOW
            self._agent = self._agent.clone(tools=[])
            yield self._recorder.limit_reached(self._stop_reason.value)
            async with aclosing(self._sampled(self._next_input(render("answer_now")), 1)) as items:
                async for item in items:
                    yield item

    def _judged(self) -> RejectedOutput | None:
        """Take the final message for the answer, whole or cut off; what is wrong with it where it is none."""
        sample = self._last
        output: Any = sample.result.final_output
        whole_output = sample.text.strip() and self._form != "text" and not isinstance(output, RejectedOutput)
        if sample.incomplete and not whole_output:
            self._draft = self._fallback
            if self._draft is None:
                self._stop_reason = StopReason.MAX_TOKENS
                self._draft = self._cut_off(PartialMessage.of(self._form, sample.text))
            return None
        if not sample.text.strip():
            raise EngineResponseError(f"The model gave no answer: ask again, or see {self._trace_hint}.")
        if not isinstance(output, RejectedOutput):
            self._draft = whole(sample, output, self._context.pages)
            return None
        if self._form == "answer":
            text, prose = readable(sample.text)
            if text.strip():
                self._fallback = in_prose(sample, text, self._context.pages)
                if prose and self._asked_for_form:
                    self._draft = self._fallback
                    return None
            self._asked_for_form = self._asked_for_form or prose
        return output

    def _saved(self, error: OssifrageError) -> Sequence[StreamItem] | None:
        """Let what there is stand for the answer, though the run failed; None where there is nothing."""
        if self._fallback is not None:
            _logger.info("trace %s: the rejected answer stands: %s", self._recorder.trace_id, error)
            self._draft = self._fallback
            return ()
        message = None if isinstance(error, InvalidOutputError) else self._last.answer_so_far
        if message is None:
            return None
        shown = list(message.finish())
        self._stop_reason, self._error = StopReason.ENGINE_FAILED, str(error)
        self._draft = self._cut_off(message.partial)
        return shown

    def _interrupted(self) -> Sequence[StreamItem]:
        """Let what came so far stand for the answer."""
        message = self._last.answer_so_far
        shown = list(message.finish()) if message else []
        self._stop_reason = StopReason.CANCELLED
        self._draft = self._cut_off(message.partial) if message else self._fallback
        return shown

    def _cut_off(self, partial: PartialMessage) -> Draft | None:
        if not partial.text.strip() and partial.value is None:
            return None
        return cut_off(self._last, partial, self._form, self._context.pages)

    async def _fix_citations(self) -> AsyncGenerator[StreamItem, None]:
        """Ask once for better citations where some are not verified; the better answer stays."""
        first = self._draft
        if first is None or all(citation.verified for citation in first.citations):
            return
        if self._stop_reason is not StopReason.ANSWERED or self._steps_left < 1:
            return
        problems = describe_problems(first.citations, self._context.pages)
        yield self._recorder.citations_rejected(problems=problems, text=first.sample.text)
        self._listens = False  # whether this answer will stand is not known: what is said now comes next
        given = self._next_input(render("fix_citations", problems=problems))
        try:
            async with aclosing(self._sampled(given, self._steps_left)) as items:
                async for item in items:
                    # Whether this answer will stand is known when it is whole; the result has it then.
                    if not isinstance(item, TextDelta | PartialOutput):
                        yield item
        except (MaxTurnsExceeded, EngineError, HarmonyParseError, _StoppedError) as error:
            # There is an answer already, and it says what is not verified.
            _logger.info("citations of trace %s stay unverified: %s", self._recorder.trace_id, error)
            return
        sample = self._last
        output: Any = sample.result.final_output
        if sample.incomplete or not sample.text.strip() or isinstance(output, RejectedOutput):
            return
        second = whole(sample, output, self._context.pages)
        if better_cited(second.citations, first.citations):
            self._draft = second

    async def _sampled(self, given: list[TResponseInputItem], steps: int) -> AsyncGenerator[StreamItem, None]:
        before = self._sample
        self._sample = Sample(
            Runner.run_streamed(
                self._agent, given, context=self._context, max_turns=steps, run_config=self._config
            ),
            self._model,
            self._recorder,
            self._context,
            form=self._form,
            steps=0 if before is None else before.steps,
            messages=0 if before is None else before.messages,
        )
        loop = asyncio.get_running_loop()
        stop = self._sample.stop
        self._steering.on_stop(lambda: loop.call_soon_threadsafe(stop))
        try:
            async with aclosing(self._sample.items()) as items:
                async for item in items:
                    for event in self._happened():
                        yield event
                    if isinstance(item, TextDelta) and item.citations:
                        item = replace(item, citations=await with_places(item.citations, self._context))
                    yield item
        finally:
            self._steering.on_stop(None)
        for event in self._happened():
            yield event
        if self._steering.stopped and self._sample.result.final_output is None:
            raise _StoppedError

    @property
    def _last(self) -> Sample:
        if self._sample is None:
            raise RuntimeError("the run was not started")
        return self._sample

    @property
    def _steps_left(self) -> int:
        return self._max_steps - (0 if self._sample is None else self._sample.steps)

    @property
    def _trace_hint(self) -> str:
        return f"`ossifrage traces show {self._recorder.trace_id}`"

    def _schema_name(self) -> str:
        return getattr(self._agent.output_type, "name", lambda: "text")()

    def _next_input(self, message: str) -> list[TResponseInputItem]:
        """The conversation so far, and a message of the program's own."""
        return [*self._last.result.to_input_list(), {"role": "user", "content": message}]

    def _happened(self) -> Sequence[Event]:
        events, self._meanwhile = self._meanwhile, []
        return events

    def _fitted(self, data: CallModelData[Any]) -> ModelInputData:
        """The prompt's items, as they are before each call of the model."""
        given = data.model_data
        if self._listens and (said := self._steering.unread()):
            self._interjections.place(said, after=len(given.input))
            self._meanwhile += [self._recorder.steered(line) for line in said]
        items = self._interjections.woven(given.input)
        if self._budget is not None:
            whole_items, items = items, self._budget.fit(items)
            changed = sum(item is not before for item, before in zip(items, whole_items, strict=True))
            if changed > self._compacted:
                self._meanwhile.append(self._recorder.prompt_compacted(changed))
            self._compacted = changed
        return ModelInputData(input=items, instructions=given.instructions)

    def _unknown_tool(self, args: ToolErrorFormatterArgs[Any]) -> str | None:
        if args.kind != "tool_not_found":
            return None
        names = [tool.name for tool in self._agent.tools]
        self._context.reports[args.call_id] = ToolReport(f"there is no tool {args.tool_name}", error=True)
        return render("tools/unknown_tool", tool=args.tool_name, tools=names)
