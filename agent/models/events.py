"""Messages, as they stream, to the SDK's response events in their legal order.

The order is the Responses API's own: created, in_progress, then for each item added, its deltas, its done
events, and completed at the end.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agents import ModelResponse, Usage
from agents.items import TResponseOutputItem, TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseFunctionToolCall,
    ResponseInProgressEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseReasoningTextDeltaEvent,
    ResponseReasoningTextDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
)
from openai.types.responses.response_reasoning_item import Content

from ..errors import EngineResponseError
from ..harmony.message import HarmonyMessage
from ..harmony.names import FunctionNames
from .interpreter import ItemKind
from .writer import TOKENS_KEY

__all__ = ["ResponseEvents", "whole_response"]


@dataclass
class _OpenItem:
    """The item whose deltas are being sent."""

    kind: ItemKind
    item_id: str
    call_id: str
    name: str
    sent: int = 0  # characters


async def whole_response(events: AsyncIterator[TResponseStreamEvent]) -> ModelResponse:
    """Read a stream of events to its end: what a model that streams returns when it is asked for the whole.

    Raises:
        EngineResponseError: there is no ``response.completed`` in it.
    """
    response: Response | None = None
    async for event in events:
        if isinstance(event, ResponseCompletedEvent):
            response = event.response
    if response is None:
        raise EngineResponseError("The model's stream ended without a response; ask again.")
    usage = Usage(requests=1)
    if (used := response.usage) is not None:
        usage = Usage(
            requests=1,
            input_tokens=used.input_tokens,
            input_tokens_details=used.input_tokens_details,
            output_tokens=used.output_tokens,
            output_tokens_details=used.output_tokens_details,
            total_tokens=used.total_tokens,
        )
    return ModelResponse(output=response.output, usage=usage, response_id=response.id)


class ResponseEvents:
    """Builds the events of one response.

    Args:
        model: the model's name.
        names: the way back from recipients to tool names.
    """

    def __init__(self, model: str, names: FunctionNames) -> None:
        self._names = names
        self._sequence = 0
        self._open: _OpenItem | None = None
        self._response = Response(
            id=f"resp_{uuid.uuid4().hex}",
            created_at=time.time(),
            model=model,
            object="response",
            output=[],
            parallel_tool_calls=False,
            tool_choice="auto",
            tools=[],
            status="in_progress",
        )

    @property
    def response_id(self) -> str:
        """The response's id."""
        return self._response.id

    @property
    def output(self) -> Sequence[TResponseOutputItem]:
        """The items that are complete."""
        return self._response.output

    @property
    def begun(self) -> bool:
        """Some text of an item has been told, and not yet its end."""
        return self._open is not None

    def begin(self, *, prompt_tokens: int | None = None) -> Iterator[TResponseStreamEvent]:
        """The events before the first item; the first has the length of the prompt in its metadata."""
        response = self._response.model_copy(deep=True)
        if prompt_tokens is not None:
            response.metadata = {"prompt_tokens": str(prompt_tokens)}
        yield ResponseCreatedEvent(type="response.created", response=response, sequence_number=self._next())
        yield ResponseInProgressEvent(
            type="response.in_progress", response=response, sequence_number=self._next()
        )

    def delta(self, kind: ItemKind, recipient: str | None, text: str) -> Iterator[TResponseStreamEvent]:
        """More text of an item; opens the item with its first text."""
        if self._open is None:
            yield from self._add(kind, recipient)
        item = cast(_OpenItem, self._open)
        item.sent += len(text)
        where: dict[str, Any] = {
            "item_id": item.item_id,
            "output_index": len(self._response.output),
            "delta": text,
            "sequence_number": self._next(),
        }
        if kind == "reasoning":
            yield ResponseReasoningTextDeltaEvent(
                type="response.reasoning_text.delta", content_index=0, **where
            )
        elif kind == "call":
            yield ResponseFunctionCallArgumentsDeltaEvent(
                type="response.function_call_arguments.delta", **where
            )
        else:
            yield ResponseTextDeltaEvent(
                type="response.output_text.delta", content_index=0, logprobs=[], **where
            )

    def done(
        self, kind: ItemKind, message: HarmonyMessage, *, complete: bool = True
    ) -> Iterator[TResponseStreamEvent]:
        """The end of an item, whether or not it was streamed before."""
        sent = 0 if self._open is None else self._open.sent
        if self._open is None or sent < len(message.content):
            yield from self.delta(kind, message.recipient, message.content[sent:])
        opened = cast(_OpenItem, self._open)
        item = self._item(opened, message, complete=complete)
        where: dict[str, Any] = {"item_id": opened.item_id, "output_index": len(self._response.output)}
        if kind == "reasoning":
            yield ResponseReasoningTextDoneEvent(
                type="response.reasoning_text.done",
                content_index=0,
                text=message.content,
                sequence_number=self._next(),
                **where,
            )
        elif kind == "call":
            yield ResponseFunctionCallArgumentsDoneEvent(
                type="response.function_call_arguments.done",
                arguments=message.content,
                sequence_number=self._next(),
                **where,
            )
        else:
            part = ResponseOutputText(type="output_text", text=message.content, annotations=[], logprobs=[])
            yield ResponseTextDoneEvent(
                type="response.output_text.done",
                content_index=0,
                text=message.content,
                logprobs=[],
                sequence_number=self._next(),
                **where,
            )
            yield ResponseContentPartDoneEvent(
                type="response.content_part.done",
                content_index=0,
                part=part,
                sequence_number=self._next(),
                **where,
            )
        yield ResponseOutputItemDoneEvent(
            type="response.output_item.done",
            item=item,
            output_index=len(self._response.output),
            sequence_number=self._next(),
        )
        self._response.output.append(item)
        self._open = None

    def abandon(self) -> None:
        """Forget an item that was begun and cannot be completed."""
        self._open = None

    def withdraw(self) -> None:
        """Mark what was told so far as ``incomplete``: no later prompt holds it.

        It stays in the output, since it was shown.
        """
        output = self._response.output
        output[:] = [item.model_copy(update={"status": "incomplete"}) for item in output]

    def complete(self, usage: ResponseUsage, metadata: dict[str, str]) -> ResponseCompletedEvent:
        """The last event, which carries the whole response."""
        response = self._response.model_copy(
            update={"status": "completed", "usage": usage, "metadata": metadata}
        )
        return ResponseCompletedEvent(
            type="response.completed", response=response, sequence_number=self._next()
        )

    def _add(self, kind: ItemKind, recipient: str | None) -> Iterator[TResponseStreamEvent]:
        unique = uuid.uuid4().hex
        prefix = {"reasoning": "rs", "call": "fc"}.get(kind, "msg")
        name = self._names.original(recipient) if recipient is not None else ""
        self._open = _OpenItem(kind, f"{prefix}_{unique}", f"call_{unique}", name)
        empty = HarmonyMessage(role="assistant", channel=None, content="")
        item = self._item(self._open, empty, complete=False)
        begun: dict[str, Any] = {"status": "in_progress"}
        if not isinstance(item, ResponseFunctionToolCall):
            begun["content"] = []
        item = item.model_copy(update=begun)
        yield ResponseOutputItemAddedEvent(
            type="response.output_item.added",
            item=item,
            output_index=len(self._response.output),
            sequence_number=self._next(),
        )
        if isinstance(item, ResponseOutputMessage):
            yield ResponseContentPartAddedEvent(
                type="response.content_part.added",
                item_id=item.id,
                content_index=0,
                output_index=len(self._response.output),
                part=ResponseOutputText(type="output_text", text="", annotations=[], logprobs=[]),
                sequence_number=self._next(),
            )

    def _item(
        self, opened: _OpenItem, message: HarmonyMessage, *, complete: bool
    ) -> ResponseReasoningItem | ResponseFunctionToolCall | ResponseOutputMessage:
        # What marks an item as this model's: the SDK sends no thought that has it to another provider's model
        # (OpenAIResponsesModel._remove_openai_responses_api_incompatible_fields), and any that lacks it.
        origin: dict[str, Any] = {"model": self._response.model}
        if message.tokens is not None and complete:
            origin[TOKENS_KEY] = list(message.tokens)
        own: dict[str, Any] = {
            "status": "completed" if complete else "incomplete",
            "provider_data": origin,
        }
        if opened.kind == "reasoning":
            return ResponseReasoningItem(
                id=opened.item_id,
                type="reasoning",
                summary=[],
                content=[Content(type="reasoning_text", text=message.content)],
                **own,
            )
        if opened.kind == "call":
            return ResponseFunctionToolCall(
                id=opened.item_id,
                call_id=opened.call_id,
                type="function_call",
                name=opened.name,
                arguments=message.content,
                **own,
            )
        return ResponseOutputMessage(
            id=opened.item_id,
            type="message",
            role="assistant",
            content=[
                ResponseOutputText(type="output_text", text=message.content, annotations=[], logprobs=[])
            ],
            phase="commentary" if opened.kind == "preamble" else "final_answer",
            **own,
        )

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence - 1
