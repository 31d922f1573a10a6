"""gpt-oss behind a server of the Responses API (``/v1/responses``): items instead of tokens."""

from __future__ import annotations

import uuid
from typing import Any

import openai
from agents import AgentOutputSchemaBase, Model, ModelSettings, OpenAIResponsesModel
from agents.items import TResponseInputItem

from .outgoing import Item, fit_items
from .profiles import PROFILES, Profile, ServerKind, profile_for
from .served import ServedModel, open_client

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
    client = open_client(base_url, api_key)
    profile = PROFILES[server] if server else profile_for(str(client.base_url))
    return _ResponsesModel(model, client, profile, has_key=api_key is not None)


class _ResponsesModel(ServedModel):
    """The SDK's model, with its input made fit for gpt-oss on one kind of server."""

    def __init__(self, model: str, client: openai.AsyncOpenAI, profile: Profile, *, has_key: bool) -> None:
        inner = OpenAIResponsesModel(model, client)
        # llama.cpp calls every response completed.
        super().__init__(inner, model, client, profile, path="/responses", has_key=has_key, tells_limit=False)

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
