"""gpt-oss behind a server of the Responses API (``/v1/responses``): items instead of tokens."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal

import openai
from agents import AgentOutputSchemaBase, Model, ModelSettings, OpenAIResponsesModel
from agents.items import TResponseInputItem
from pydantic import Field, ValidationError

from ..engines.client import Client
from ..engines.http import MOST, Count, Payload, read_as
from ..errors import EngineResponseError
from .outgoing import Item, fit_items
from .profiles import PROFILES, Profile, ServerKind, profile_for
from .served import ServedModel
from .served_client import open_client

__all__ = ["responses_model"]


def responses_model(
    *, base_url: str, model: str, api_key: str | None = None, server: ServerKind | None = None
) -> Model:
    """A model of the OpenAI Agents SDK for a server with ``/v1/responses``.

    Args:
        base_url: the address of the API; ``/v1`` is added when it has no path.
        model: the model's name on the server.
        api_key: the server's key. Keys, organisations and projects that the environment names for OpenAI are
            not sent.
        server: the kind of server, where known; else it is guessed from the address.

    Raises:
        UsageError: ``base_url`` is no address.
    """
    client = open_client(base_url, api_key, fit=_fit)
    profile = PROFILES[server] if server else profile_for(str(client.base_url))
    return _ResponsesModel(model, client, profile)


class _ResponsesModel(ServedModel):
    """The SDK's model, with its input made fit for gpt-oss on one kind of server."""

    def __init__(self, model: str, client: openai.AsyncOpenAI, profile: Profile) -> None:
        inner = OpenAIResponsesModel(model, client)
        # llama.cpp calls every response completed.
        super().__init__(inner, model, client, profile, tells_limit=False)

    def _sendable(self, items: str | list[TResponseInputItem]) -> str | list[TResponseInputItem]:
        return fit_items(items, self._reasoning_item)

    def _reasoning_item(self, text: str) -> Item:
        item: dict[str, Any] = {"type": "reasoning", "id": f"rs_{uuid.uuid4().hex}", "summary": []}
        if self._profile.reasoning_item == "encrypted_content":
            return {**item, "encrypted_content": text}
        return {**item, "content": [{"type": "reasoning_text", "text": text}]}

    def _settings(self, settings: ModelSettings) -> ModelSettings:
        return settings

    def _schema(self, schema: AgentOutputSchemaBase | None, *, tools: bool) -> AgentOutputSchemaBase | None:
        return schema if self._profile.schema_in_responses else None


# What a server sends, as far as the SDK reads it: it takes every field for what the API promises.

_Status = Literal["in_progress", "completed", "incomplete"]


class _Part(Payload):
    type: str = ""
    text: str = ""
    refusal: str = ""


class _Item(Payload):
    type: str = ""
    id: str = ""
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    content: list[_Part] | None = Field(default=None, max_length=MOST)
    summary: list[_Part] | None = Field(default=None, max_length=MOST)
    encrypted_content: str | None = None
    status: str | None = None
    phase: str | None = None


class _Incomplete(Payload):
    reason: str | None = None


class _Failure(Payload):
    code: object = None
    message: object = None


class _Response(Payload):
    id: str = ""
    status: str | None = None
    output: list[_Item] = Field(default_factory=list[_Item], max_length=MOST)
    usage: object = None
    incomplete_details: _Incomplete | None = None
    error: _Failure | None = None


class _Event(Payload):
    type: str
    item_id: str | None = None
    output_index: int | None = None
    content_index: int = 0
    summary_index: int = 0
    delta: str | None = None
    text: str | None = None
    arguments: str | None = None
    refusal: str | None = None
    item: _Item | None = None
    part: _Part | None = None
    response: _Response | None = None
    code: object = None
    message: object = None


class _InputDetails(Payload):
    cached_tokens: Count = None


class _OutputDetails(Payload):
    reasoning_tokens: Count = None


class _Usage(Payload):
    input_tokens: Count = None
    output_tokens: Count = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


_PARTS = frozenset({"reasoning_text", "summary_text"})
_ITEMS = frozenset({"message", "reasoning", "function_call"})
_OPENING = frozenset({"response.created", "response.in_progress"})
_ENDING = frozenset({"response.completed", "response.incomplete"})
_FAILING = frozenset({"response.failed", "response.cancelled", "response.error", "error"})
# The field that an event of a kind must have.
_NEEDED: Mapping[str, str] = {
    "response.output_item.added": "item",
    "response.output_item.done": "item",
    "response.content_part.added": "part",
    "response.content_part.done": "part",
    "response.output_text.delta": "delta",
    "response.output_text.done": "text",
    "response.refusal.delta": "delta",
    "response.refusal.done": "refusal",
    "response.reasoning_text.delta": "delta",
    "response.reasoning_text.done": "text",
    "response.reasoning_summary_part.added": "part",
    "response.reasoning_summary_part.done": "part",
    "response.reasoning_summary_text.delta": "delta",
    "response.reasoning_summary_text.done": "text",
    "response.function_call_arguments.delta": "delta",
    "response.function_call_arguments.done": "arguments",
}


async def _fit(
    client: Client, path: str, events: AsyncGenerator[Mapping[str, Any], None]
) -> AsyncGenerator[Mapping[str, Any], None]:
    """The events of one response with nothing in them but what the SDK reads, each field of its type.

    Raises:
        EngineError: one is no event, the response failed, or has no end.
    """
    async for payload in events:
        event = read_as(_Event, payload, client, path)
        if event.type in _FAILING:
            failure = (event.response and event.response.error) or _Failure(
                code=event.code, message=event.message
            )
            message = failure.message if isinstance(failure.message, str) else ""
            raise client.failed_inside(failure.code, message, path=path)
        if event.type in _OPENING and event.response is not None:
            yield {"type": event.type, "response": _response(event.response, "in_progress")}
        elif event.type in _ENDING and event.response is not None:
            yield _ended(event.type, event.response, client)
            return
        elif (fitting := _fitting(event)) is not None:
            yield fitting
    raise EngineResponseError(f"{client.address} broke its answer off: ask again.")


def _ended(kind: str, response: _Response, client: Client) -> Mapping[str, Any]:
    """The last event; an answer that something else than the token limit cut short is none."""
    if kind == "response.incomplete" or response.status == "incomplete":
        reason = response.incomplete_details and response.incomplete_details.reason
        if reason in (None, "max_output_tokens"):
            return {"type": "response.incomplete", "response": _response(response, "incomplete")}
    elif response.status in (None, "completed"):
        return {"type": kind, "response": _response(response, "completed")}
    raise EngineResponseError(f"{client.address} broke its answer off: ask again.")


def _fitting(event: _Event) -> Mapping[str, Any] | None:
    """An event between the first and the last; None where nobody reads it."""
    needed = _NEEDED.get(event.type)
    value = None if needed is None else getattr(event, needed)
    if isinstance(value, _Item):
        value = _item(value)
    elif isinstance(value, _Part):
        value = _part(value)
    if needed is None or value is None:
        return None
    told: dict[str, Any] = {"type": event.type, needed: value, "logprobs": []}
    told |= {"content_index": event.content_index, "summary_index": event.summary_index}
    where = {"item_id": event.item_id, "output_index": event.output_index}
    return told | {name: place for name, place in where.items() if place is not None}


def _response(response: _Response, status: _Status) -> Mapping[str, Any]:
    return {
        "id": response.id,
        "object": "response",
        "created_at": 0,
        "model": "",
        "status": status,
        "output": _each(map(_item, response.output)),
        "usage": _usage(response.usage),
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "error": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }


def _item(item: _Item) -> Mapping[str, Any] | None:
    """An item of the output; None where nobody reads its kind."""
    if item.type not in _ITEMS:
        return None
    told: dict[str, Any] = {"type": item.type, "id": item.id}
    if item.status in ("in_progress", "completed", "incomplete"):
        told["status"] = item.status
    if item.type == "function_call":
        # Some servers give only one of the two, and the SDK needs one for each call.
        return told | {
            "call_id": item.call_id or item.id or f"call_{uuid.uuid4().hex}",
            "name": item.name,
            "arguments": item.arguments,
        }
    if item.content is not None or item.type == "message":
        told["content"] = _each(map(_part, item.content or ()))
    if item.type == "message":
        phase = {"phase": item.phase} if item.phase in ("commentary", "final_answer") else {}
        return told | {"role": "assistant"} | phase
    told["summary"] = _each(map(_part, item.summary or ()))
    return told | ({"encrypted_content": item.encrypted_content} if item.encrypted_content else {})


def _part(part: _Part) -> Mapping[str, Any] | None:
    if part.type == "refusal":
        return {"type": part.type, "refusal": part.refusal}
    if part.type == "output_text":
        return {"type": part.type, "text": part.text, "annotations": [], "logprobs": []}
    return {"type": part.type, "text": part.text} if part.type in _PARTS else None


def _each(values: Any) -> Sequence[Mapping[str, Any]]:
    return [value for value in values if value is not None]


def _usage(told: object) -> Mapping[str, Any] | None:
    """The usage as far as it can be true; None where nothing is told."""
    try:
        usage = _Usage.model_validate(told)
    except ValidationError:
        return None
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    if not read and not written:
        return None
    cached = usage.input_tokens_details and usage.input_tokens_details.cached_tokens
    thought = usage.output_tokens_details and usage.output_tokens_details.reasoning_tokens
    return {
        "input_tokens": read,
        "output_tokens": written,
        "total_tokens": read + written,
        "input_tokens_details": {"cached_tokens": cached or 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": thought or 0},
    }
