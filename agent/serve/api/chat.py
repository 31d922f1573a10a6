"""``/v1/chat/completions``."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ..problems import Problem
from ..service import Client, Service
from ..sse import EventStream, WholeAnswer, event_chunk
from .answering import ENDS, answered, answered_or_failed
from .asked import ASSISTANT, Asked, Outcome, schema_of
from .items import chat_items, with_thoughts
from .kept import Kept
from .reading import ignored_headers, read
from .requests import ChatFormat, ChatRequest, Format, FunctionTool, NamedTool
from .stored import Stored
from .tools import ClientTools
from .writer import Event, ResponseWriter

__all__ = ["chat_routes"]

_CORRECTED = "\n\n**Corrected answer:**\n\n"
_FINISH = {
    "response.completed": "stop",
    "response.incomplete": "length",
}


def chat_routes(service: Service, kept: Kept) -> list[BaseRoute]:
    """Chat completions: the same answers as ``/v1/responses`` gives, in the older form."""

    async def create(request: Request) -> Any:
        given = await read(request, ChatRequest)
        return _Asking(service, kept, service.client(request), given).response()

    return [Route("/v1/chat/completions", create, methods=["POST"])]


class _Asking:
    """One request for a completion."""

    def __init__(self, service: Service, kept: Kept, client: Client, given: ChatRequest) -> None:
        self._service = service
        self._given = given
        self._store = kept.store(client)
        self._seal = kept.seal(client)
        tools = [
            FunctionTool(
                type="function",
                name=each.function.name,
                description=each.function.description,
                parameters=each.function.parameters,
            )
            for each in given.tools or ()
        ]
        choice: Any = given.tool_choice
        if choice is not None and not isinstance(choice, str):
            choice = NamedTool(type="function", name=choice.function.name)
        wanted: frozenset[Any] = frozenset({"content"} if given.include_reasoning else ())
        self._asked = Asked(
            client=client,
            model=given.model,
            items=with_thoughts(chat_items(given.messages), self._store),
            tools=ClientTools(tools, None if choice == "auto" else choice),
            schema=schema_of(_format(given.response_format)),
            effort=given.reasoning_effort,
            temperature=given.temperature,
            top_p=given.top_p,
            max_tokens=given.max_completion_tokens or given.max_tokens,
            seed=given.seed,
            thoughts=wanted,
        )
        self._writer = ResponseWriter({"model": given.model}, thoughts=wanted)
        self._outcome = Outcome()
        self._completion = _Completion(given.model)

    def response(self) -> ASGIApp:
        headers = ignored_headers(self._ignored())
        if self._given.stream:
            return EventStream(self._stream(), headers=headers)
        return WholeAnswer(self._whole(), headers=headers)

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        events = answered_or_failed(self._service, self._asked, self._writer, self._seal, self._outcome)
        options = self._given.stream_options
        usage = options is not None and bool(options.include_usage)
        async with aclosing(events) as told:
            async for event in told:
                self._keep(event)
                for chunk in self._completion.take(event):
                    yield event_chunk({**chunk, "usage": None} if usage else chunk)
                if event["type"] == "response.failed":
                    error = event["response"]["error"]
                    yield event_chunk({"error": {**error, "type": "server_error", "param": None}})
                    return
        if usage:
            yield event_chunk(self._completion.usage_chunk())
        yield event_chunk("[DONE]")

    async def _whole(self) -> dict[str, Any]:
        events = answered(self._service, self._asked, self._writer, self._seal, self._outcome)
        async with aclosing(events) as told:
            async for event in told:
                self._keep(event)
                for _ in self._completion.take(event):
                    pass
                if event["type"] == "response.failed":
                    error = event["response"]["error"]
                    raise Problem(502, error["message"], code=error["code"])
        return self._completion.whole()

    def _keep(self, event: Event) -> None:
        """Keep what was thought before a call: clients of this API have no way to give it back."""
        calls = any(item.get("type") == "function_call" for item in self._outcome.items)
        if event["type"] in ENDS and calls and self._given.store is not False:
            self._store.add(Stored(response_id=self._completion.completion_id, items=self._outcome.items))

    def _ignored(self) -> list[str]:
        given = self._given
        ignored = list(given.model_extra or {})
        if given.model == ASSISTANT:
            names = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed")
            ignored += [name for name in names if getattr(given, name) is not None]
        return ignored


class _Completion:
    """The events of a response as chunks of a chat completion, and as a whole one."""

    def __init__(self, model: str) -> None:
        self.completion_id = f"chatcmpl-{uuid.uuid4().hex}"
        self._model = model
        self._created = int(time.time())
        self._begun = False
        self._item: str | None = None  # the message that was told last
        self._offset = 0  # where in the content it begins
        self._length = 0
        self._superseded = False
        self._calls: list[dict[str, Any]] = []
        self._thoughts: list[str] = []
        self._response: dict[str, Any] = {}
        self._finish = "stop"

    def take(self, event: Event) -> Iterator[dict[str, Any]]:
        """What one event adds."""
        match event["type"]:
            case "response.created":
                yield self._chunk({"role": "assistant", "content": ""})
            case "response.output_text.delta":
                yield from self._text(event["item_id"], event["delta"])
            case "response.reasoning_text.delta":
                self._thoughts.append(event["delta"])
                yield self._chunk({"reasoning_content": event["delta"]})
            case "response.output_item.done":
                yield from self._done(event["item"])
            case kind if kind in ENDS:
                self._response = event["response"]
                self._finish = "tool_calls" if self._calls else _FINISH.get(kind, "stop")
                if kind != "response.failed":
                    yield self._chunk({}, finish=self._finish)
            case _:
                pass

    def usage_chunk(self) -> dict[str, Any]:
        """The chunk after the last that tells what was used."""
        return {**self._frame("chat.completion.chunk"), "choices": [], "usage": self._usage()}

    def whole(self) -> dict[str, Any]:
        """The whole completion."""
        messages = [
            item for item in self._response["output"] if item["type"] == "message" and item["content"]
        ]
        texts = [item["content"][0]["text"] for item in messages]
        offset = 0
        cited: list[dict[str, Any]] = []
        for item, text in zip(messages, texts, strict=True):
            cited += _url_citations(item, offset)
            offset += len(text) + 2
        content = "\n\n".join(texts)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": content if content or not self._calls else None,
            "refusal": None,
        }
        if cited:
            message["annotations"] = cited
        if self._thoughts:
            message["reasoning_content"] = "".join(self._thoughts)
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        whole = {**self._frame("chat.completion"), "choices": [choice], "usage": self._usage()}
        if "ossifrage" in self._response:
            whole["ossifrage"] = self._response["ossifrage"]
        return whole

    def _text(self, item_id: str, delta: str) -> Iterator[dict[str, Any]]:
        if item_id != self._item:
            if self._item is not None and self._length:
                between = _CORRECTED if self._superseded else "\n\n"
                self._length += len(between)
                yield self._chunk({"content": between})
            self._item, self._offset, self._superseded = item_id, self._length, False
        self._length += len(delta)
        yield self._chunk({"content": delta})

    def _done(self, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
        match item["type"]:
            case "message":
                self._superseded = not item["content"]
                if cited := _url_citations(item, self._offset):
                    yield self._chunk({"annotations": cited})
            case "function_call":
                function = {"name": item["name"], "arguments": item["arguments"]}
                call = {"id": item["call_id"], "type": "function", "function": function}
                self._calls.append(call)
                yield self._chunk({"tool_calls": [{"index": len(self._calls) - 1, **call}]})
            case _:
                pass

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._frame("chat.completion.chunk"), "choices": [choice]}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.completion_id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": None,
        }

    def _usage(self) -> dict[str, Any] | None:
        used = self._response.get("usage")
        if used is None:
            return None
        return {
            "prompt_tokens": used["input_tokens"],
            "completion_tokens": used["output_tokens"],
            "total_tokens": used["total_tokens"],
            "prompt_tokens_details": used["input_tokens_details"],
            "completion_tokens_details": used["output_tokens_details"],
        }


def _url_citations(item: dict[str, Any], offset: int) -> list[dict[str, Any]]:
    """The citations that chat completions have a form for, where they stand in the whole content."""
    found: list[dict[str, Any]] = []
    for part in item["content"]:
        for annotation in part.get("annotations", ()):
            if annotation["type"] == "url_citation":
                place = {name: annotation[name] for name in ("url", "title")}
                place |= {name: annotation[name] + offset for name in ("start_index", "end_index")}
                found.append({"type": "url_citation", "url_citation": place})
    return found


def _format(given: ChatFormat | None) -> Format | None:
    if given is None:
        return None
    schema = given.json_schema
    if schema is None:
        return Format(type=given.type)
    return Format.model_validate(
        {
            "type": given.type,
            "name": schema.name,
            "description": schema.description,
            "schema": schema.schema_,
        }
    )
