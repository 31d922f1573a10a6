"""One question, from the first model call to the checked answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from agents import (
    Agent,
    MaxTurnsExceeded,
    ModelBehaviorError,
    RunConfig,
    Runner,
    RunResultStreaming,
    ToolErrorFormatterArgs,
)
from agents.items import ToolCallOutputItem, TResponseInputItem
from agents.run_config import CallModelData, ModelInputData
from agents.stream_events import RawResponsesStreamEvent, RunItemStreamEvent, StreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseReasoningItem,
    ResponseReasoningSummaryTextDeltaEvent,
    ResponseReasoningTextDeltaEvent,
    ResponseTextDeltaEvent,
)

from ...prompts import render
from ...tools.function import RunContext, ToolReport
from ..answer import Citation, RejectedOutput, Result, StopReason
from ..errors import (
    ContextWindowError,
    EngineError,
    EngineResponseError,
    InvalidOutputError,
)
from ..harmony import HarmonyParseError
from ..traces.events import Event
from ..traces.recorder import Recorder
from .budget import PromptBudget
from .citation_problems import describe_problems
from .citations import better_cited, check_citations
from .output import as_json

__all__ = ["ReasoningDelta", "Run", "StreamItem", "TextDelta"]

_logger = logging.getLogger(__name__)

OUTPUT_ATTEMPTS = 3
"""How often the final message may be written: once, and twice again with the validation errors."""


@dataclass(frozen=True)
class TextDelta:
    """Some more of what the model says: a preamble, or the final message as it is being written."""

    text: str


@dataclass(frozen=True)
class ReasoningDelta:
    """Some more of what the model thinks. Not for end users: it is not trained to be shown."""

    text: str


@dataclass(frozen=True)
class _Answered:
    """A final message of the output type."""

    run: RunResultStreaming
    text: str
    output: Any
    """With its citations checked."""
    citations: tuple[Citation, ...]


StreamItem = Event | TextDelta | ReasoningDelta | Result


class Run:
    """Drives the SDK's ``Runner`` for one question and records what happens.

    Args:
        agent: the agent to run; its context is a :class:`RunContext`.
        context: what the tools share.
        recorder: started already.
        max_steps: most model calls.
        history: the conversation before.
        budget: keeps the prompts inside the window; None where the window is not known.
    """

    def __init__(
        self,
        agent: Agent[RunContext],
        context: RunContext,
        recorder: Recorder,
        *,
        max_steps: int,
        history: Sequence[TResponseInputItem] = (),
        budget: PromptBudget | None = None,
    ) -> None:
        self._agent = agent
        self._context = context
        self._recorder = recorder
        self._max_steps = max_steps
        self._history = list(history)
        self.stop_reason = StopReason.ANSWERED
        self._result: RunResultStreaming | None = None
        self._text = ""  # the last final message
        self._answered: _Answered | None = None
        self._unanswered = False
        self._boundary = time.monotonic()  # when the model could be asked: the start, or the last tool output
        self._tool_names: dict[str, str] = {}
        self._budget = budget
        self._config = RunConfig(
            tracing_disabled=True,  # the SDK's own tracing would send the run to a third party
            tool_not_found_behavior="return_error_to_model",
            tool_error_formatter=self._unknown_tool,
            call_model_input_filter=self._fitted,
        )

    async def answer(self, question: str) -> AsyncGenerator[TextDelta | ReasoningDelta | None, None]:
        """Run until there is an answer of the output type.

        Yields:
            What the model says and thinks as it does; None whenever something was recorded.

        Raises:
            InvalidOutputError: no attempt matched the output type.
            EngineError: the engine failed.
        """
        agent = self._agent
        given: list[TResponseInputItem] = [*self._history, {"role": "user", "content": question}]
        for attempt in range(1, OUTPUT_ATTEMPTS + 1):
            try:
                async with aclosing(self._sample(agent, given, self._steps_left)) as items:
                    async for item in items:
                        yield item
            except (MaxTurnsExceeded, ContextWindowError) as error:
                if self.stop_reason is not StopReason.ANSWERED:
                    raise
                # One more call, without tools, gives what can be said by now.
                out_of_steps = isinstance(error, MaxTurnsExceeded)
                self.stop_reason = StopReason.MAX_STEPS if out_of_steps else StopReason.CONTEXT_WINDOW
                agent = agent.clone(tools=[])
                given = self._next_input(render("answer_now"))
                try:
                    async with aclosing(self._sample(agent, given, 1)) as items:
                        async for item in items:
                            yield item
                except MaxTurnsExceeded:  # it called a tool that was no longer offered
                    self._unanswered = True
                    return
            if self._unanswered:
                self.stop_reason = StopReason.MAX_TOKENS
                return
            output = self._done.final_output
            if not self._text.strip():
                raise EngineResponseError(f"The model gave no answer: ask again, or see {self._trace_hint}.")
            if not isinstance(output, RejectedOutput):
                self._answered = self._checked()
                async with aclosing(self._fix_citations(agent, self._answered)) as items:
                    async for item in items:
                        yield item
                return
            self._recorder.output_rejected(attempt=attempt, errors=output.errors, text=output.text)
            yield None
            if self._steps_left < 1:
                break
            name = self._schema_name()
            given = self._next_input(render("invalid_output", name=name, errors=output.errors))
        raise InvalidOutputError(
            f"The model's answer was not valid {self._schema_name()}, also when asked again: "
            f"see {self._trace_hint}, or try a simpler output type.",
            errors=cast(RejectedOutput, self._done.final_output).errors,
            trace_id=self._recorder.trace_id,
        )

    def result(self, *, engine: str, model: str, seconds: float) -> Result:
        """The result, with its citations checked; records the answer."""
        output, citations = None, tuple[Citation, ...]()
        if self._answered is not None:
            output, citations = self._answered.output, self._answered.citations
            citations_json = [citation.model_dump(mode="json") for citation in citations]
            self._recorder.answered(as_json(output), citations=citations_json)
        return Result(
            output=output,
            text=self._text,
            citations=citations,
            stop_reason=self.stop_reason,
            usage=self._recorder.usage,
            seconds=seconds,
            trace_id=self._recorder.trace_id,
            engine=engine,
            model=model,
        )

    def new_items(self) -> list[TResponseInputItem]:
        """What this question adds to the conversation.

        The question, what was looked up and the answer; not the program's own messages and the answers it
        rejected.
        """
        rows = [cast(dict[str, Any], item) for item in self._done.to_input_list()[len(self._history) :]]
        final = [row for row in rows if row.get("role") == "assistant" and row.get("phase") != "commentary"]
        kept = [row for row in rows[1:] if row.get("role") != "user" and row not in final[:-1]]
        return cast(list[TResponseInputItem], [*rows[:1], *kept])

    @property
    def _done(self) -> RunResultStreaming:
        if self._result is None:
            raise RuntimeError("the run was not started")
        return self._result

    def _next_input(self, message: str) -> list[TResponseInputItem]:
        """The conversation so far, and a message of the program's own."""
        return [*self._done.to_input_list(), {"role": "user", "content": message}]

    @property
    def _steps_left(self) -> int:
        return self._max_steps - self._recorder.step

    @property
    def _trace_hint(self) -> str:
        return f"`ossifrage traces show {self._recorder.trace_id}`"

    def _schema_name(self) -> str:
        return getattr(self._agent.output_type, "name", lambda: "text")()

    def _checked(self) -> _Answered:
        output, citations = check_citations(self._done.final_output, self._context.pages)
        return _Answered(self._done, self._text, output, citations)

    async def _fix_citations(
        self, agent: Agent[RunContext], first: _Answered
    ) -> AsyncGenerator[TextDelta | ReasoningDelta | None, None]:
        """Ask once for better citations where some are not verified; the better answer stays."""
        if all(citation.verified for citation in first.citations):
            return
        if self.stop_reason is not StopReason.ANSWERED or self._steps_left < 1:
            return
        problems = describe_problems(first.citations, self._context.pages)
        self._recorder.citations_rejected(problems=problems, text=first.text)
        yield None
        given = self._next_input(render("fix_citations", problems=problems))
        try:
            async with aclosing(self._sample(agent, given, self._steps_left)) as items:
                async for item in items:
                    # Whether this answer will stand is known when it is whole; the result has it then.
                    yield None if isinstance(item, TextDelta) else item
        except (MaxTurnsExceeded, EngineError, HarmonyParseError) as error:
            # There is an answer already, and it says what is not verified.
            _logger.info("citations of trace %s stay unverified: %s", self._recorder.trace_id, error)
        else:
            valid = not self._unanswered and self._text.strip()
            if valid and not isinstance(self._done.final_output, RejectedOutput):
                second = self._checked()
                if better_cited(second.citations, first.citations):
                    self._answered = second
                    return
        self._result, self._text, self._unanswered = first.run, first.text, False

    async def _sample(
        self, agent: Agent[RunContext], given: list[TResponseInputItem], steps: int
    ) -> AsyncGenerator[TextDelta | ReasoningDelta | None, None]:
        self._text, self._unanswered = "", False
        self._boundary = time.monotonic()
        self._result = Runner.run_streamed(
            agent,
            given,
            context=self._context,
            max_turns=steps,
            run_config=self._config,
        )
        try:
            async for event in self._result.stream_events():
                if (item := self._take(event)) is not None:
                    yield item
                elif isinstance(event, RunItemStreamEvent | RawResponsesStreamEvent):
                    yield None
        except ModelBehaviorError as error:
            # Raised by the SDK; its text may hold what the model wrote.
            raise EngineResponseError("The model's reply could not be used: ask again.") from error
        finally:
            await _stopped(self._result)

    def _take(self, event: StreamEvent) -> TextDelta | ReasoningDelta | None:
        if isinstance(event, RunItemStreamEvent):
            if isinstance(event.item, ToolCallOutputItem):
                self._tool_returned(event.item)
            return None
        if not isinstance(event, RawResponsesStreamEvent):
            return None
        data = event.data
        if data.type == "response.created":
            self._recorder.model_asked(began=self._boundary)
        elif isinstance(data, ResponseTextDeltaEvent):
            self._recorder.token_received()
            return TextDelta(data.delta)
        elif isinstance(data, ResponseReasoningTextDeltaEvent | ResponseReasoningSummaryTextDeltaEvent):
            self._recorder.token_received()
            return ReasoningDelta(data.delta)
        elif isinstance(data, ResponseFunctionCallArgumentsDeltaEvent):
            self._recorder.token_received()
        elif isinstance(data, ResponseCompletedEvent):
            self._model_called(data.response)
        return None

    def _model_called(self, response: Response) -> None:
        metadata = response.metadata or {}
        usage = response.usage
        repairs = metadata.get("repairs", "")
        self._recorder.model_called(
            prompt_tokens=usage.input_tokens if usage else 0,
            completion_tokens=usage.output_tokens if usage else 0,
            reasoning_tokens=usage.output_tokens_details.reasoning_tokens if usage else None,
            cached_tokens=_cached(response),
            finish=metadata.get("finish_reason"),
            repairs=repairs.split(",") if repairs else [],
        )
        calls = [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]
        for item in response.output:
            if isinstance(item, ResponseReasoningItem):
                parts = [part.text for part in item.content or item.summary or ()]
                if any(parts):
                    self._recorder.thought("\n".join(parts))
            elif isinstance(item, ResponseOutputMessage):
                text = "".join(part.text for part in item.content if part.type == "output_text")
                if calls or item.phase == "commentary":
                    self._recorder.said(text)
                else:
                    self._text = text
                    self._unanswered = item.status == "incomplete"
        for call in calls:
            self._tool_names[call.call_id] = call.name
            self._recorder.tool_called(call_id=call.call_id, tool=call.name, arguments=call.arguments)

    def _tool_returned(self, item: ToolCallOutputItem) -> None:
        call_id = item.call_id or ""
        output = str(item.output)
        report = self._context.reports.get(call_id) or ToolReport(_first_line(output), error=False)
        self._recorder.tool_returned(
            call_id=call_id,
            tool=self._tool_names.get(call_id, ""),
            output=output,
            summary=report.summary,
            error=report.error,
        )
        self._boundary = time.monotonic()

    def _fitted(self, data: CallModelData[Any]) -> ModelInputData:
        given = data.model_data
        if self._budget is None:
            return given
        return ModelInputData(input=self._budget.fit(given.input), instructions=given.instructions)

    def _unknown_tool(self, args: ToolErrorFormatterArgs[Any]) -> str | None:
        if args.kind != "tool_not_found":
            return None
        names = [tool.name for tool in self._agent.tools]
        self._context.reports[args.call_id] = ToolReport(f"there is no tool {args.tool_name}", error=True)
        return render("tools/unknown_tool", tool=args.tool_name, tools=names)


def _cached(response: Response) -> int | None:
    """Prompt tokens from the server's cache; None where it does not tell, which the SDK makes a 0 of."""
    told = (response.metadata or {}).get("cached_tokens")
    if told is not None:
        return int(told)
    return (response.usage.input_tokens_details.cached_tokens or None) if response.usage else None


async def _stopped(result: RunResultStreaming) -> None:
    """Stop a run that was left early, and wait until it has let go of the engine."""
    if result.is_complete:
        return
    result.cancel(mode="immediate")
    if result.run_loop_task is not None:
        await asyncio.wait([result.run_loop_task])


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= 100 else f"{line[:99]}…"
