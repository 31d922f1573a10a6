"""The bare model with the client's own tools: harmony for every client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

from agents import ModelSettings, ModelTracing
from agents.items import TResponseOutputItem, TResponseStreamEvent
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseIncompleteEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseReasoningItem,
    ResponseReasoningSummaryTextDeltaEvent,
    ResponseReasoningTextDeltaEvent,
    ResponseTextDeltaEvent,
)
from openai.types.shared import Reasoning

from ...models.harmony import HarmonyModel
from ..metrics import Operation
from ..service import Service
from .asked import Asked, Outcome
from .items import split_instructions
from .sealed import Seal
from .writer import Event, Phase, ResponseWriter, new_id

__all__ = ["bare_answer"]


async def bare_answer(
    service: Service, asked: Asked, writer: ResponseWriter, seal: Seal, operation: Operation, outcome: Outcome
) -> AsyncGenerator[Event, None]:
    """Sample one response of the model.

    Raises:
        EngineError, HarmonyParseError, agents.UserError: as the model does.
    """
    _, opened = await service.opened()
    model = opened.model
    if isinstance(model, HarmonyModel):
        model = model.for_run()
    instructions, items = split_instructions(asked.items)
    stream: Any = model.stream_response(
        instructions,
        items,  # pyright: ignore[reportArgumentType]  # made here, in the SDK's form
        _settings(asked),
        asked.tools.tools,
        asked.schema,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    telling = _Telling(asked, writer, seal, operation, outcome)
    begun = False
    async with aclosing(stream) as events:
        async for event in events:
            if not begun:  # what is wrong with a request is told before anything is begun
                begun = True
                for told in writer.begin():
                    yield told
            for told in telling.take(event):
                yield told


def _settings(asked: Asked) -> ModelSettings:
    return ModelSettings(
        temperature=asked.temperature,
        top_p=asked.top_p,
        max_tokens=asked.max_tokens,
        tool_choice=asked.tools.choice,
        reasoning=Reasoning(effort=asked.effort) if asked.effort is not None else None,  # pyright: ignore
        extra_args=None if asked.seed is None else {"seed": asked.seed},
    )


class _Telling:
    """The SDK's events, told by the writer.

    Items are known by their place: not every model gives them ids.
    """

    def __init__(
        self, asked: Asked, writer: ResponseWriter, seal: Seal, operation: Operation, outcome: Outcome
    ) -> None:
        self._asked = asked
        self._writer = writer
        self._seal = seal
        self._operation = operation
        self._outcome = outcome
        self._ids: dict[int, str] = {}

    def take(self, event: TResponseStreamEvent) -> Iterator[Event]:
        match event:
            case ResponseOutputItemAddedEvent(item=ResponseOutputMessage() as item):
                yield from self._writer.text(self._id(event.output_index, item), "", phase=_phase(item))
            case ResponseOutputItemAddedEvent(item=ResponseReasoningItem() as item):
                yield from self._writer.thought(self._id(event.output_index, item))
            case ResponseTextDeltaEvent():
                yield from self._writer.text(self._id(event.output_index), event.delta)
            case ResponseReasoningTextDeltaEvent() | ResponseReasoningSummaryTextDeltaEvent():
                yield from self._writer.thought(self._id(event.output_index), event.delta)
            case ResponseOutputItemDoneEvent():
                yield from self._done(event.output_index, event.item)
            case ResponseCompletedEvent() | ResponseIncompleteEvent():
                yield from self._completed(event.response)
            case _:
                pass

    def _done(self, index: int, item: TResponseOutputItem) -> Iterator[Event]:
        identity = self._id(index, item)
        match item:
            case ResponseOutputMessage():
                text = "".join(getattr(part, "text", "") for part in item.content)
                complete = item.status == "completed"
                yield from self._writer.end_text(identity, text, phase=_phase(item), complete=complete)
            case ResponseReasoningItem():
                text = "\n".join(part.text for part in item.content or item.summary)
                sealed = self._seal.close(text) if self._asked.sealed and text else None
                yield from self._writer.end_thought(identity, text, sealed=sealed)
            case ResponseFunctionToolCall():
                call = {
                    "id": identity,
                    "type": "function_call",
                    "call_id": item.call_id,
                    "name": item.name,
                    "arguments": item.arguments,
                }
                yield from self._writer.call(self._asked.tools.wire(call))
            case _:
                pass

    def _completed(self, response: Response) -> Iterator[Event]:
        items: list[dict[str, Any]] = []
        for index, item in enumerate(response.output):
            if getattr(item, "status", None) == "incomplete" and index in self._ids:
                self._writer.withdraw(self._ids[index])
            row = item.model_dump(mode="json", exclude_none=True)
            if index in self._ids:
                row["id"] = self._ids[index]
            items.append(row)
        self._outcome.items = items
        told = response.metadata or {}
        self._operation.repaired(kind for kind in told.get("repairs", "").split(",") if kind)
        usage = None
        if (used := response.usage) is not None:
            self._operation.used(used.input_tokens, used.output_tokens)
            usage = {
                "input_tokens": used.input_tokens,
                "input_tokens_details": {"cached_tokens": used.input_tokens_details.cached_tokens},
                "output_tokens": used.output_tokens,
                "output_tokens_details": {"reasoning_tokens": used.output_tokens_details.reasoning_tokens},
                "total_tokens": used.total_tokens,
            }
        cut = response.status == "incomplete" or told.get("finish_reason") == "length"
        acted = any(isinstance(item, ResponseFunctionToolCall) for item in response.output)
        status = "incomplete" if cut and not acted else "completed"
        yield from self._writer.complete(status, usage=usage)

    def _id(self, index: int, item: Any = None) -> str:
        if index not in self._ids:
            given = getattr(item, "id", None)
            prefix = "rs" if isinstance(item, ResponseReasoningItem) else "msg"
            if isinstance(item, ResponseFunctionToolCall):
                prefix = "fc"
            self._ids[index] = given if given and given != FAKE_RESPONSES_ID else new_id(prefix)
        return self._ids[index]


def _phase(item: ResponseOutputMessage) -> Phase | None:
    phase = getattr(item, "phase", None)
    return phase if phase in ("commentary", "final_answer") else None
