"""What comes back from a server that reads harmony itself, put right where the server did not.

Some servers let a completion through as the text of one message: ``analysis…assistantfinal…`` or
``<|channel|>analysis…``. Such a message is held back until it ends, and split into what it was. A message
that begins with any other word streams as it comes.

Others take too much of a header for a tool's name: ``search<|channel|>commentary``. What is on offer is found
in it; a role or the hidden channel in its place is nobody that can be called, and the call is a thought.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from agents import FunctionTool, Handoff, Tool
from agents.items import TResponseOutputItem, TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseIncompleteEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseReasoningItem,
    ResponseTextDeltaEvent,
)
from openai.types.responses.response_reasoning_item import Content

from ..harmony.header import split_type
from ..harmony.message import CHANNELS, HIDDEN, ROLES, HarmonyMessage, RepairKind
from ..harmony.names import FunctionNames
from ..harmony.unread import begins_unread, may_be_unread, read_unread
from .events import ResponseEvents
from .interpreter import Interpreter
from .tool_choice import ToolChoice

__all__ = ["Incoming"]


class Incoming:
    """Takes the events of one response and tells what they are to the SDK.

    Args:
        model: the model's name.
        tools: what can be called.
        handoffs: what else can be called.
        max_tokens: the token limit that was asked for, where the server does not tell that it was met.
    """

    def __init__(
        self,
        model: str,
        tools: Sequence[Tool],
        handoffs: Sequence[Handoff[Any, Any]],
        *,
        max_tokens: int | None = None,
    ) -> None:
        self._max_tokens = max_tokens
        self._schemas: dict[str, Any] = {
            tool.name: tool.params_json_schema for tool in tools if isinstance(tool, FunctionTool)
        } | {handoff.tool_name: handoff.input_json_schema for handoff in handoffs}
        self._names = FunctionNames(self._schemas)
        self._model = model
        self._held: list[TResponseStreamEvent] = []
        self._text = ""
        self._split: dict[str, Sequence[TResponseOutputItem]] = {}
        self._repairs: list[RepairKind] = []
        self._no_calls: set[int] = set()  # output indexes
        self._sequence = 0
        self.acted = False
        """There is a call, or an answer; known once the response has ended."""

    def take(self, event: TResponseStreamEvent) -> Iterator[TResponseStreamEvent]:
        """The next event of the server."""
        for passed in self._take(event):
            yield self._numbered(passed)

    def finish(
        self, event: ResponseCompletedEvent | ResponseIncompleteEvent
    ) -> Iterator[TResponseStreamEvent]:
        """The end of the response, as ``response.completed``.

        Where the token limit came first the message is ``incomplete``, and a call that is not whole is left
        out; ``metadata["finish_reason"]`` is ``length``.
        """
        for passed in (*self._release(), *self._completed(event.response)):
            yield self._numbered(passed)

    def _take(self, event: TResponseStreamEvent) -> Iterator[TResponseStreamEvent]:
        if isinstance(event, ResponseOutputItemAddedEvent | ResponseOutputItemDoneEvent):
            item = self._called(event.item)
            if isinstance(item, ResponseReasoningItem) and isinstance(event.item, ResponseFunctionToolCall):
                self._no_calls.add(event.output_index)
            event = event.model_copy(update={"item": item})
        if getattr(event, "output_index", None) in self._no_calls:
            return  # the item is in the response, and told there
        if not self._held:
            if isinstance(event, ResponseOutputItemAddedEvent) and event.item.type == "message":
                self._held.append(event)
                self._text = ""
            else:
                yield event
            return
        if isinstance(event, ResponseTextDeltaEvent):
            self._text += event.delta
            if isinstance(self._held[-1], ResponseTextDeltaEvent):  # a long text is held once
                event = self._held.pop().model_copy(update={"delta": self._text})
        self._held.append(event)
        ended = isinstance(event, ResponseOutputItemDoneEvent) and event.item.type == "message"
        if ended or not may_be_unread(self._text):
            yield from self._release()

    def _release(self) -> Iterator[TResponseStreamEvent]:
        """What was held back: as it came, or split."""
        held, self._held = self._held, []
        if not held:
            return
        index = getattr(held[0], "output_index", 0)
        split = self._as_items(self._text, index) if begins_unread(self._text) else []
        if not split:
            yield from held
            return
        yield from split
        yield from (event for event in held if _item_of(event) != _item_of(held[0]))

    def _as_items(self, text: str, index: int) -> list[TResponseStreamEvent]:
        """The events of what an unread message was; its items are remembered."""
        events = ResponseEvents(self._model, self._names)
        told: list[TResponseStreamEvent] = []
        interpreter = Interpreter(self._names, ToolChoice(()), self._schemas)
        messages, repair = read_unread(text, offered=self._names)
        for message in messages:
            if (read := interpreter.read(message)) is not None:
                told += events.done(read.kind, read.message, complete=read.goes_back)
        for event in told:
            event.output_index += index  # type: ignore[union-attr]
        if told:
            self._split[text] = events.output
            self._repairs.append(repair)
        return told

    def _called(self, item: TResponseOutputItem) -> TResponseOutputItem:
        """A call by the name of what is on offer; a thought where nobody that can be called was named."""
        if not isinstance(item, ResponseFunctionToolCall) or item.name in self._schemas:
            return item
        bare, *rest = (part.strip() for part in item.name.split("<|"))
        name, _ = split_type(bare, self._names)
        if self._names.offers(name):
            return item.model_copy(update={"name": self._names.original(name)})
        if bare not in (*ROLES, *CHANNELS) and not any(HIDDEN in part for part in rest):
            return item  # the model is told what there is
        return ResponseReasoningItem(
            id=f"rs_{uuid.uuid4().hex}",
            type="reasoning",
            summary=[],
            content=[Content(type="reasoning_text", text=item.arguments)],
            status="incomplete",
            provider_data={"model": self._model},  # type: ignore[call-arg]
        )

    def _completed(self, response: Response) -> Iterator[TResponseStreamEvent]:
        output: list[TResponseOutputItem] = []
        for item in map(self._called, response.output):
            text = _text(item)
            if text not in self._split and begins_unread(text):  # it was not streamed
                yield from self._as_items(text, len(output))
            output += self._split.get(text, [item])
        cut = self._was_cut(response)
        if cut:
            output = [item for item in output if not _is_broken_call(item)]
        called = any(isinstance(item, ResponseFunctionToolCall) for item in output)
        if cut and not called and not _mark_incomplete(output):
            events = ResponseEvents(self._model, self._names)
            empty = HarmonyMessage(role="assistant", channel="final", content="")
            yield from events.done("answer", empty, complete=False)
            output += events.output
        self.acted = cut or called or any(_text(item).strip() for item in output)
        metadata = {
            **(response.metadata or {}),
            "finish_reason": "length" if cut else "stop",
            "repairs": ",".join(repair.value for repair in self._repairs),
        }
        response = response.model_copy(update={"output": output, "status": "completed", "metadata": metadata})
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)

    def _was_cut(self, response: Response) -> bool:
        if response.incomplete_details is not None:
            return response.incomplete_details.reason == "max_output_tokens"
        if self._max_tokens is not None and response.usage is not None:
            return response.usage.output_tokens >= self._max_tokens
        return (response.metadata or {}).get("finish_reason") == "length"

    def _numbered(self, event: TResponseStreamEvent) -> TResponseStreamEvent:
        event.sequence_number = self._sequence
        self._sequence += 1
        return event


def _text(item: TResponseOutputItem) -> str:
    if not isinstance(item, ResponseOutputMessage):
        return ""
    return "".join(part.text for part in item.content if part.type == "output_text")


def _item_of(event: TResponseStreamEvent) -> tuple[object, object]:
    """What tells one item's events from another's: some servers leave out the index, the SDK the id."""
    item = getattr(event, "item", None)
    return getattr(event, "output_index", None), getattr(item, "id", None) or getattr(event, "item_id", None)


def _is_broken_call(item: TResponseOutputItem) -> bool:
    if not isinstance(item, ResponseFunctionToolCall):
        return False
    try:
        json.loads(item.arguments)
    except (ValueError, RecursionError):
        return True
    return False


def _mark_incomplete(output: list[TResponseOutputItem]) -> bool:
    """Mark the answer among the items; tells whether there is one."""
    for index, item in enumerate(output):
        if isinstance(item, ResponseOutputMessage) and item.phase != "commentary" and _text(item):
            output[index] = item.model_copy(update={"status": "incomplete"})
            return True
    return False
