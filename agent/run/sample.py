"""One run of the SDK's loop, as stream items and events of the trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, cast

from agents import ModelBehaviorError, RunResultStreaming
from agents.items import HandoffOutputItem, ToolCallOutputItem, TResponseStreamEvent
from agents.stream_events import RawResponsesStreamEvent, RunItemStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseReasoningItem,
    ResponseReasoningSummaryTextDeltaEvent,
    ResponseReasoningTextDeltaEvent,
    ResponseTextDeltaEvent,
)

from ...tools.function import Found, RunContext, ToolReport
from ...tools.guarded import cut_output
from ..answer import PendingCall
from ..errors import EngineResponseError
from ..text import one_line
from ..traces.events import Event, Retrieved, RetrievedPassage, Thought
from ..traces.recorder import Recorder
from .listening import ListenedModel
from .partial import Form
from .recorded import REPLAYED
from .shown import ShownMessage
from .stream import ModelAsked, ReasoningDelta, StreamItem

__all__ = ["Sample"]

_SUMMARY = 100
_ENDING_SECONDS = 10.0
"""Longest wait for a model that was told to stop."""


class Sample:
    """Calls of the model and of tools until there is a final message, or no step is left.

    Args:
        result: the SDK's run, just begun.
        model: what it asks.
        recorder: of the whole run.
        context: what the tools share.
        form: what the final message is to be.
        steps: model calls made before.
        messages: messages begun before.
        waiting: calls made before, that have not returned.
    """

    def __init__(
        self,
        result: RunResultStreaming,
        model: ListenedModel,
        recorder: Recorder,
        context: RunContext,
        *,
        form: Form,
        steps: int = 0,
        messages: int = 0,
        waiting: Sequence[PendingCall] = (),
    ) -> None:
        self.result = result
        self.steps = steps
        """Model calls so far, those before among them."""
        self.messages = messages
        """Messages so far, those before among them."""
        self.text = ""
        """The final message as the model wrote it."""
        self.incomplete = False
        """The token limit ended it."""
        self._model = model
        self._is_empty = False
        self._recorder = recorder
        self._context = context
        self._form: Form = form
        self._message: ShownMessage | None = None  # the one that is being written
        self._answer: ShownMessage | None = None  # the last that may be the answer
        self._is_final = False  # the model said so
        self._asked = False
        self._boundary = time.monotonic()  # when the model could be asked: the start, or the last tool output
        self._thought: tuple[object, int] | None = None  # which one is coming, and which part of it
        self._thoughts = self._ended = 0  # thoughts and messages of this response that came to their end
        self._tools = {call.call_id: call.tool for call in waiting}  # calls that have not returned

    @property
    def answer_so_far(self) -> ShownMessage | None:
        """The answer as far as it came; None where nothing of it did, or it may have been a preamble."""
        message = self._answer
        if message is None or not (message.partial.text.strip() or message.partial.value):
            return None
        return message if self._is_final or self._form == "text" or message.partial.is_json else None

    def stop(self) -> None:
        """End the run now; :meth:`items` ends soon after. To be called on the run's event loop."""
        self.result.cancel(mode="immediate")

    async def items(self) -> AsyncGenerator[StreamItem, None]:
        """What the model says and thinks, and what happens, as it does.

        Raises:
            MaxTurnsExceeded: no step is left.
            EngineError: the engine failed.
            HarmonyParseError: nothing in the completion could be acted on.
        """
        try:
            async for event in self.result.stream_events():
                if isinstance(event, RawResponsesStreamEvent):
                    self._model.heard(event.data)
                    for item in self._heard(event.data):
                        yield item
                    if self._is_empty:  # the SDK would ask again and again
                        return
                elif isinstance(event, RunItemStreamEvent) and isinstance(
                    event.item, ToolCallOutputItem | HandoffOutputItem
                ):
                    yield self._tool_returned(event.item)
        except Exception as error:
            for event in self._model.unheard():
                for item in self._heard(event):
                    yield item
            for call_id in list(self._tools):  # a tool's own exception may end the run
                if (report := self._context.reports.get(call_id)) is not None:
                    yield self._returned(call_id, "", report)
            if isinstance(error, ModelBehaviorError):  # of the SDK; its text may hold what the model wrote
                raise EngineResponseError("The model's reply could not be used: ask again.") from error
            raise
        finally:
            await _stopped(self.result)

    def _heard(self, event: TResponseStreamEvent) -> Iterator[StreamItem]:
        match event:
            case ResponseCreatedEvent(response=response):
                self._asks()
                tokens = (response.metadata or {}).get("prompt_tokens")
                yield ModelAsked(self.steps, None if tokens is None else int(tokens))
            case ResponseOutputItemAddedEvent(item=ResponseOutputMessage() as message):
                self._begin(message)
            case ResponseTextDeltaEvent(delta=delta):
                self._recorder.token_received()
                yield from (self._message or self._begin(None)).feed(delta)
            case (
                ResponseReasoningTextDeltaEvent(content_index=part)
                | ResponseReasoningSummaryTextDeltaEvent(summary_index=part)
            ):
                self._recorder.token_received()
                yield from self._thinks((event.item_id, event.output_index), part, event.delta)
            case ResponseFunctionCallArgumentsDeltaEvent():
                self._recorder.token_received()
            case ResponseOutputItemDoneEvent(item=ResponseReasoningItem() as item):
                yield from self._thinks_no_more(item)
            case ResponseOutputItemDoneEvent(item=ResponseOutputMessage() as item):
                yield from self._end(item)
            case ResponseCompletedEvent(response=response):
                yield from self._completed(response)
            case _:
                pass

    def _asks(self) -> None:
        if not self._asked:
            self._asked = True
            self._thoughts = self._ended = 0
            self._message = self._answer = None
            self.steps += 1
            self._recorder.model_asked(self.steps, began=self._boundary)

    def _begin(self, item: ResponseOutputMessage | None) -> ShownMessage:
        preamble = item is not None and item.phase == "commentary"
        # JSON in a preamble is a call whose recipient is missing, and nothing for people.
        form: Form = "answer" if preamble else self._form
        self.messages += 1
        self._message = ShownMessage(
            form, number=self.messages, pages=None if preamble else self._context.pages
        )
        self._answer = None if preamble else self._message
        self._is_final = item is not None and item.phase == "final_answer"
        return self._message

    def _end(self, item: ResponseOutputMessage) -> Iterator[StreamItem]:
        """A message is whole; what of it was not streamed is shown now."""
        message, self._message = self._message or self._begin(item), None
        self._ended += 1
        yield from message.feed(_text(item)[message.characters :])
        yield from message.finish()

    def _thinks(self, item: object, part: int, delta: str) -> Iterator[StreamItem]:
        if self._thought is not None and self._thought[0] != item:  # what came before broke off
            yield from self._recorded(self._recorder.thought())
        elif self._thought is not None and self._thought[1] != part:
            delta = f"\n{delta}"
        self._thought = item, part
        self._recorder.thinking(delta)
        yield ReasoningDelta(delta)

    def _thinks_no_more(self, item: ResponseReasoningItem) -> Iterator[StreamItem]:
        self._thoughts += 1
        self._thought = None
        parts = [part.text for part in item.content or item.summary or ()]
        yield from self._recorded(self._recorder.thought("\n".join(parts)))

    def _recorded(self, event: Thought | None) -> Iterator[StreamItem]:
        if event is not None:
            yield event

    def _completed(self, response: Response) -> Iterator[StreamItem]:
        self._asks()  # not every model says when it begins
        self._asked = False
        yield self._model_called(response)
        thoughts = [item for item in response.output if isinstance(item, ResponseReasoningItem)]
        for thought in thoughts[self._thoughts :]:
            yield from self._thinks_no_more(thought)
        messages = [item for item in response.output if isinstance(item, ResponseOutputMessage)]
        for message in messages[self._ended :]:
            yield from self._end(message)
        calls = [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]
        for message in messages:
            if calls or message.phase == "commentary":
                yield self._recorder.said(_text(message))
            else:
                self.text, self.incomplete = _text(message), message.status == "incomplete"
        self._is_empty = not calls and not self.text.strip()
        for call in calls:
            self._answer = None  # what was said before a call is no answer
            self._tools[call.call_id] = call.name
            yield self._recorder.tool_called(call_id=call.call_id, tool=call.name, arguments=call.arguments)

    def _model_called(self, response: Response) -> Event:
        metadata = response.metadata or {}
        usage = response.usage
        repairs = metadata.get("repairs", "")
        return self._recorder.model_called(
            prompt_tokens=usage.input_tokens if usage else 0,
            completion_tokens=usage.output_tokens if usage else 0,
            reasoning_tokens=usage.output_tokens_details.reasoning_tokens if usage else None,
            cached_tokens=_cached(response),
            finish=metadata.get("finish_reason"),
            repairs=repairs.split(",") if repairs else [],
            response_id=response.id,
            replayed=REPLAYED in metadata,
        )

    def _tool_returned(self, item: ToolCallOutputItem | HandoffOutputItem) -> Event:
        row = cast("dict[str, Any]", item.to_input_item())
        call_id = str(row.get("call_id") or "")
        whole = item.output if isinstance(item, ToolCallOutputItem) else row.get("output")
        output = cut_output(str(whole), self._tools.get(call_id, ""))
        report = self._context.reports.get(call_id) or ToolReport(_first_line(output), error=False)
        self._boundary = time.monotonic()
        return self._returned(call_id, output, report)

    def _returned(self, call_id: str, output: str, report: ToolReport) -> Event:
        return self._recorder.tool_returned(
            call_id=call_id,
            tool=self._tools.pop(call_id, ""),
            output=output,
            summary=report.summary,
            error=report.error,
            retrieved=None if report.found is None else _retrieved(report.found),
        )


async def _stopped(result: RunResultStreaming) -> None:
    """Stop a run that was left early, and wait until it has let go of the engine."""
    if result.is_complete:
        return
    result.cancel(mode="immediate")
    if result.run_loop_task is not None:
        await asyncio.wait([result.run_loop_task], timeout=_ENDING_SECONDS)


def _retrieved(found: Found) -> Retrieved:
    return Retrieved(
        queries=found.queries,
        top_k=found.top_k,
        filters=found.filters,
        passages=tuple(
            RetrievedPassage(
                passage_id=passage.passage_id,
                source=passage.source,
                title=passage.title,
                start_line=passage.start_line,
                end_line=passage.end_line,
                score=passage.score,
                new=new,
            )
            for passage, new in found.passages
        ),
    )


def _text(message: ResponseOutputMessage) -> str:
    return "".join(part.text for part in message.content if part.type == "output_text")


def _cached(response: Response) -> int | None:
    """Prompt tokens from the server's cache; None where it does not tell, which the SDK makes a 0 of."""
    told = (response.metadata or {}).get("cached_tokens")
    if told is not None:
        return int(told)
    return (response.usage.input_tokens_details.cached_tokens or None) if response.usage else None


def _first_line(text: str) -> str:
    start = text[: 10 * _SUMMARY].lstrip().splitlines()
    return one_line(start[0], _SUMMARY) if start else ""
