"""gpt-oss behind any OpenAI-compatible chat server (``/v1/chat/completions``): text instead of tokens."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any, cast

import openai
from agents import (
    AgentOutputSchemaBase,
    Model,
    ModelSettings,
    OpenAIChatCompletionsModel,
)
from agents.items import TResponseInputItem
from agents.models.chatcmpl_converter import Converter
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessage
from openai.types.responses import Response
from pydantic import Field, ValidationError

from ..engines.client import Client
from ..engines.http import MOST, Count, Payload, read_as, usage_after
from ..errors import EngineResponseError
from .outgoing import Item, fit_items
from .profiles import PROFILES, Profile, ServerKind, profile_for
from .served import ServedModel
from .served_client import open_client

__all__ = ["chat_model"]


def chat_model(
    *, base_url: str, model: str, api_key: str | None = None, server: ServerKind | None = None
) -> Model:
    """A model of the OpenAI Agents SDK for a chat server.

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
    return _ChatModel(model, client, profile)


class _ChatModel(ServedModel):
    """The SDK's model, with its input made fit for gpt-oss on one kind of server."""

    def __init__(self, model: str, client: openai.AsyncOpenAI, profile: Profile) -> None:
        # Which reasoning goes back is settled before the SDK sees it.
        inner = _Completions(model, client, should_replay_reasoning_content=lambda _: True)
        super().__init__(inner, model, client, profile, tells_limit=True)

    def _sendable(self, items: str | list[TResponseInputItem]) -> str | list[TResponseInputItem]:
        return fit_items(items, self._reasoning_item)

    def _reasoning_item(self, text: str) -> Item:
        """The item the SDK itself would have made of ``text`` in the server's field."""
        message = ChatCompletionMessage.model_validate(
            {"role": "assistant", "content": None, self._profile.reasoning_field: text}
        )
        (item,) = Converter.message_to_output_items(message, provider_data={"model": self.model})
        return item.model_dump(exclude_unset=True)

    def _settings(self, settings: ModelSettings) -> ModelSettings:
        if settings.include_usage is None:
            settings = replace(settings, include_usage=True)
        if self._profile.effort == "reasoning_effort" or settings.reasoning is None:
            return settings
        body = {
            "reasoning": {"effort": settings.reasoning.effort},
            **cast(Mapping[str, Any], settings.extra_body or {}),
        }
        return replace(settings, reasoning=None, extra_body=body)

    def _schema(self, schema: AgentOutputSchemaBase | None, *, tools: bool) -> AgentOutputSchemaBase | None:
        return None if tools and not self._profile.schema_with_tools else schema


class _Completions(OpenAIChatCompletionsModel):
    """The SDK's model, which tells nobody why a completion ended."""

    async def _fetch_response(self, *args: Any, **more: Any) -> Any:
        fetched = cast(Any, await super()._fetch_response(*args, **more))
        response, stream = fetched  # never the whole: only streams are asked for
        return response, _noting_the_end(response, stream)


async def _noting_the_end(
    response: Response, stream: openai.AsyncStream[ChatCompletionChunk]
) -> AsyncGenerator[ChatCompletionChunk, None]:
    """The stream, with ``finish_reason`` put where the response keeps it: the SDK tells nobody of it."""
    async with stream:
        async for chunk in stream:
            for choice in chunk.choices:
                if choice.finish_reason == "length":
                    response.metadata = {"finish_reason": "length"}
                    choice.finish_reason = "stop"  # the SDK takes `length` without a text for an error
            yield chunk


# What a server sends, as far as the SDK reads it: it takes every field for what the API promises.


class _Function(Payload):
    name: str | None = None
    arguments: str | None = None


class _Call(Payload):
    index: int = 0
    id: str | None = None
    function: _Function = Field(default_factory=_Function)


class _Delta(Payload):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = Field(default=None, max_length=MOST)


class _Choice(Payload):
    index: int = 0
    delta: _Delta = Field(default_factory=_Delta)
    finish_reason: str | None = None


class _Chunk(Payload):
    choices: list[_Choice] = Field(default_factory=list[_Choice], max_length=MOST)
    usage: object = None


class _PromptDetails(Payload):
    cached_tokens: Count = None


class _CompletionDetails(Payload):
    reasoning_tokens: Count = None


class _Usage(Payload):
    prompt_tokens: Count = None
    completion_tokens: Count = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


_WHOLE = frozenset({"stop", "length", "tool_calls", "function_call"})
_BROKEN_OFF = frozenset({"abort", "content_filter", "error"})
_HEAD: Mapping[str, Any] = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}


async def _fit(
    client: Client, path: str, events: AsyncGenerator[Mapping[str, Any], None]
) -> AsyncGenerator[Mapping[str, Any], None]:
    """The chunks of one answer with nothing in them but what the SDK reads, each field of its type.

    Raises:
        EngineResponseError: one is no chunk, or the answer has no end.
    """
    named: dict[int, str] = {}
    async for event in events:
        chunk = read_as(_Chunk, event, client, path)
        usage = _usage(chunk.usage)
        choice = next((choice for choice in chunk.choices if choice.index == 0), None)
        if choice is None:
            continue
        for call in choice.delta.tool_calls or ():
            # Some servers give none, and the SDK needs one for each call.
            call.id = named.setdefault(call.index, call.id or f"call_{uuid.uuid4().hex}")
        if len(named) > MOST:
            raise client.foreign(path, f"more than {MOST} calls")
        ended = choice.finish_reason = choice.finish_reason or None
        if ended is not None and ended not in _WHOLE:
            why = f" ({ended})" if ended in _BROKEN_OFF else ""
            raise EngineResponseError(f"{client.address} broke its answer off{why}: ask again.")
        told = choice.model_dump(exclude_none=True)
        yield {**_HEAD, "choices": [told], "usage": usage if ended else None}
        if ended is not None:
            if usage is None:
                yield {**_HEAD, "choices": [], "usage": _usage(await usage_after(events))}
            return
    raise EngineResponseError(f"{client.address} broke its answer off: ask again.")


def _usage(told: object) -> Mapping[str, Any] | None:
    """The usage as far as it can be true; None where nothing is told."""
    try:
        usage = _Usage.model_validate(told)
    except ValidationError:
        return None
    read, written = usage.prompt_tokens or 0, usage.completion_tokens or 0
    if not read and not written:
        return None
    counted = usage.model_dump(exclude_none=True)
    return counted | {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
