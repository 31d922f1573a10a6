"""A run that begins as another one did: its first steps are taken from the record."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from agents import Agent, FunctionTool, Model, ModelResponse, Tool
from agents.items import TResponseStreamEvent
from agents.tool_context import ToolContext
from openai.types.responses import ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from ...tools.function import RunContext, ToolReport
from ..errors import UsageError
from ..harmony.message import HarmonyMessage
from ..harmony.names import FunctionNames
from ..models.events import ResponseEvents, whole_response
from ..traces import CitationsRejected, OutputRejected, Trace
from ..traces.events import ToolReturned
from ..traces.steps import Step

__all__ = ["REPLAYED", "Recorded"]

REPLAYED = "replayed"
"""Key in a response's metadata: the model was not asked."""


@dataclass(frozen=True)
class Recorded:
    """The first steps of another run.

    Attributes:
        trace: the other run.
        from_step: the first step that is asked anew, counted from 1.
        thoughts: what was thought in it, by reasoning id; what is missing is left out of the prompts.
    """

    trace: Trace
    from_step: int = 1
    thoughts: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if not 1 <= self.from_step <= max(1, len(self.trace.steps)):
            raise UsageError(
                f"There is no step {self.from_step} in {self.trace.trace_id}: it has {len(self.trace.steps)}."
            )

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that are not asked again."""
        return self.trace.steps[: self.from_step - 1]

    def model(self, inner: Model) -> Model:
        """A model that says what was said in these steps, and then asks ``inner``."""
        return _RecordedModel(inner, self)

    def agent(self, agent: Agent[Any], context: RunContext) -> Agent[Any]:
        """The agent, with tools that give what they gave in these steps, and then work again."""
        outputs: dict[tuple[str, str], list[ToolReturned]] = {}
        for step in self.steps:
            for use in step.tools:
                if use.returned is not None:
                    outputs.setdefault((use.call.tool, use.call.arguments), []).append(use.returned)
        return agent.clone(tools=[_recorded_tool(tool, outputs, context) for tool in agent.tools])


class _RecordedModel(Model):
    def __init__(self, inner: Model, recorded: Recorded) -> None:
        self._inner = inner
        self._recorded = recorded
        self._waiting = list(recorded.steps)

    async def get_response(self, *request: Any, **more: Any) -> ModelResponse:
        return await whole_response(self.stream_response(*request, **more))

    async def stream_response(self, *request: Any, **more: Any) -> AsyncIterator[TResponseStreamEvent]:
        if self._waiting:
            for event in self._said(self._waiting.pop(0)):
                yield event
            return
        events = self._inner.stream_response(*request, **more)
        async with aclosing(cast("AsyncGenerator[TResponseStreamEvent, None]", events)):
            async for event in events:
                yield event

    def _said(self, step: Step) -> list[TResponseStreamEvent]:
        names = FunctionNames(use.call.tool for use in step.tools)
        events = ResponseEvents(self._recorded.trace.started.model, names)
        told = list(events.begin())
        for thought in step.thoughts:
            if text := self._recorded.thoughts.get(thought.reasoning_id):
                told += events.done("reasoning", _message("analysis", text))
        for said in step.said:
            told += events.done("preamble", _message("commentary", said.text))
        for use in step.tools:
            recipient = f"functions.{names.shown(use.call.tool)}"
            told += events.done("call", _message("commentary", use.call.arguments, recipient))
        if not step.tools:
            refused = [each for each in step.notes if isinstance(each, OutputRejected | CitationsRejected)]
            told += events.done("answer", _message("final", refused[0].text if refused else ""))
        model = step.model
        read, written = (model.prompt_tokens, model.completion_tokens) if model is not None else (0, 0)
        usage = ResponseUsage(
            input_tokens=read,
            input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
            output_tokens=written,
            output_tokens_details=OutputTokensDetails(
                reasoning_tokens=(model.reasoning_tokens or 0) if model is not None else 0
            ),
            total_tokens=read + written,
        )
        return [*told, events.complete(usage, {REPLAYED: "1", "repairs": ""})]


def _message(channel: str, text: str, recipient: str | None = None) -> HarmonyMessage:
    return HarmonyMessage(role="assistant", channel=channel, content=text, recipient=recipient)


def _recorded_tool(
    tool: Tool, outputs: dict[tuple[str, str], list[ToolReturned]], run_context: RunContext
) -> Tool:
    if not isinstance(tool, FunctionTool):
        return tool
    live = tool.on_invoke_tool

    async def invoke(context: ToolContext[Any], raw: str) -> Any:
        waiting = outputs.get((tool.name, raw))
        if not waiting:
            return await live(context, raw)
        returned = waiting.pop(0)
        run_context.pages.read(returned.output)
        run_context.reports[context.tool_call_id] = ToolReport(returned.summary, error=returned.error)
        return returned.output

    copied = copy.copy(tool)
    copied.on_invoke_tool = invoke
    return copied
