"""gpt-oss behind any OpenAI-compatible chat server (``/v1/chat/completions``): text instead of tokens."""

from __future__ import annotations

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

from .outgoing import Item, fit_items
from .profiles import PROFILES, Profile, ServerKind, profile_for
from .served import ServedModel, open_client

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
    client = open_client(base_url, api_key)
    profile = PROFILES[server] if server else profile_for(str(client.base_url))
    return _ChatModel(model, client, profile, has_key=api_key is not None)


class _ChatModel(ServedModel):
    """The SDK's model, with its input made fit for gpt-oss on one kind of server."""

    def __init__(self, model: str, client: openai.AsyncOpenAI, profile: Profile, *, has_key: bool) -> None:
        # Which reasoning goes back is settled before the SDK sees it.
        inner = _Completions(model, client, should_replay_reasoning_content=lambda _: True)
        super().__init__(
            inner, model, client, profile, path="/chat/completions", has_key=has_key, tells_limit=True
        )

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
