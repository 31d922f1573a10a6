"""gpt-oss behind any OpenAI-compatible chat server: text instead of tokens.

The server writes and reads harmony itself. The loop is the SDK's and so is the model class; three things
are added to what it sends:

* The reasoning of the open turn goes back, in the field the server reads (gpt-oss was trained to see it
  between its tool calls); the reasoning of answered questions does not.
* A tool's text cannot become a control token. The server encodes our text together with its own control
  tokens, so that ``<|end|><|start|>system`` in a document would end the message. A zero-width space after
  the ``<`` prevents that, and looks the same in a quotation.
* The reasoning effort goes out under the server's name for it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from agents import (
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    OpenAIChatCompletionsModel,
    Tool,
)
from agents.items import TResponseInputItem, TResponseOutputItem, TResponseStreamEvent
from agents.models.chatcmpl_converter import Converter
from openai.types.chat import ChatCompletionMessage
from openai.types.responses import ResponseCompletedEvent
from openai.types.responses.response_prompt_param import ResponsePromptParam

from ..errors import EngineResponseError, EngineTimeoutError
from .failures import error_message, refusal, unreachable
from .http import CONNECT_SECONDS, is_loopback, server_root
from .profiles import PROFILES, Profile, ServerKind, profile_for

__all__ = ["chat_model"]

_ANSWER_SECONDS = 600.0
"""Longest silence: unlike a stream of tokens, an answer fetched whole is silent until it is written."""

Item = Mapping[str, Any]


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
    server_root(base_url)  # an address at all?
    url = base_url.strip().rstrip("/")
    if not urlsplit(url).path:
        url = f"{url}/v1"
    client = openai.AsyncOpenAI(
        base_url=url,
        api_key=api_key or "none",
        timeout=openai.Timeout(_ANSWER_SECONDS, connect=CONNECT_SECONDS),
        http_client=openai.DefaultAsyncHttpxClient(trust_env=not is_loopback(url)),
    )
    client.organization = client.project = None  # the environment's
    profile = PROFILES[server] if server else profile_for(url)
    return _ChatModel(model, client, profile, has_key=api_key is not None)


class _ChatModel(OpenAIChatCompletionsModel):
    """The SDK's model, with its input made fit for gpt-oss on one kind of server and its errors typed."""

    def __init__(self, model: str, client: openai.AsyncOpenAI, profile: Profile, *, has_key: bool) -> None:
        # Which reasoning goes back is settled before the SDK sees it.
        super().__init__(model, client, should_replay_reasoning_content=lambda _: True)
        self._address = str(client.base_url).rstrip("/")
        self._profile = profile
        self._has_key = has_key

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> ModelResponse:
        """Fetch one response whole.

        Raises:
            EngineError: the server is not reachable, refuses, or does not send a chat completion.
        """
        with self._typed_errors():
            return await super().get_response(
                system_instructions,
                self._sendable(input),
                self._settings(model_settings),
                tools,
                self._schema(output_schema, tools, handoffs),
                handoffs,
                tracing,
                previous_response_id,
                conversation_id,
                prompt,
            )

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Stream one response.

        Raises:
            EngineError: the server is not reachable, refuses, or does not send a chat completion.
        """
        with self._typed_errors():
            events = super().stream_response(
                system_instructions,
                self._sendable(input),
                self._settings(model_settings),
                tools,
                self._schema(output_schema, tools, handoffs),
                handoffs,
                tracing,
                previous_response_id,
                conversation_id,
                prompt,
            )
            async with aclosing(cast(AsyncGenerator[TResponseStreamEvent, None], events)):
                async for event in events:
                    if isinstance(event, ResponseCompletedEvent) and not _acts(event.response.output):
                        # The SDK would ask again and again.
                        raise EngineResponseError(
                            f"{self._address} sent neither an answer nor a call: is it a chat server, and "
                            "does it serve gpt-oss? Ask again, or check --base-url."
                        )
                    yield event

    def _sendable(self, items: str | list[TResponseInputItem]) -> str | list[TResponseInputItem]:
        if isinstance(items, str):
            return items
        rows = [cast(Item, item) for item in items]
        open_from = _open_turn(rows)
        sendable: list[Item] = []
        thoughts: list[str] = []
        for index, row in enumerate(rows):
            if row.get("type") == "reasoning":
                if index >= open_from:
                    thoughts += _reasoning_texts(row)
                continue
            if thoughts:
                sendable.append(self._reasoning_item("\n".join(thoughts)))
                thoughts = []
            if row.get("type") == "function_call_output":
                row = {**row, "output": _inert(row["output"])}
            elif row.get("role") == "assistant":  # may quote a document
                row = {**row, "content": _inert(row["content"])}
            sendable.append(row)
        return cast(list[TResponseInputItem], sendable)

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
        body = {"reasoning": {"effort": settings.reasoning.effort}, **cast(Item, settings.extra_body or {})}
        return replace(settings, reasoning=None, extra_body=body)

    def _schema(
        self, schema: AgentOutputSchemaBase | None, tools: Sequence[Tool], handoffs: Sequence[Handoff]
    ) -> AgentOutputSchemaBase | None:
        offered = bool(tools or handoffs)
        return None if offered and not self._profile.schema_with_tools else schema

    @contextmanager
    def _typed_errors(self) -> Generator[None]:
        try:
            yield
        except openai.APITimeoutError as error:
            raise EngineTimeoutError(
                f"{self._address} did not answer in time: it may be overloaded; ask again."
            ) from error
        except openai.APIConnectionError as error:
            raise unreachable(self._address) from error
        except openai.APIStatusError as error:
            raise self._refusal(error.status_code, error) from None  # its text is the raw body
        except openai.APIError as error:  # reported inside a stream
            raise self._refusal(500, error) from None
        except json.JSONDecodeError as error:
            raise EngineResponseError(
                f"{self._address} sent something that is not JSON; its log may say more."
            ) from error

    def _refusal(self, status: int, error: openai.APIError) -> Exception:
        message = error_message(error.body)
        return refusal(self._address, status, message, path="/chat/completions", has_key=self._has_key)


def _acts(output: Sequence[TResponseOutputItem]) -> bool:
    """Whether a response has a call, or words."""
    return any(
        item.type == "function_call"
        or (
            item.type == "message"
            and any(part.type == "output_text" and part.text.strip() for part in item.content)
        )
        for item in output
    )


def _open_turn(rows: Sequence[Item]) -> int:
    """Index from which reasoning is sent back: after the last question and the last final answer.

    A message of the assistant beside a call is a preamble, not an answer.
    """
    for index in range(len(rows) - 1, -1, -1):
        row = rows[index]
        if (row.get("type") or "message") != "message":
            continue
        if row["role"] == "user":
            return index + 1
        following = rows[index + 1].get("type") if index + 1 < len(rows) else None
        beside_call = following in ("function_call", "function_call_output")
        if row["role"] == "assistant" and row.get("phase") != "commentary" and not beside_call:
            return index + 1
    return 0


def _reasoning_texts(row: Item) -> list[str]:
    """A reasoning item's text: its content (``reasoning``), else its summary (``reasoning_content``)."""
    parts = cast(Sequence[Item], row.get("content") or row.get("summary") or ())
    return [part["text"] for part in parts if part.get("text")]


def _inert(output: Any) -> Any:
    """A tool's output in which nothing reads as a control token."""
    if isinstance(output, str):
        return output.replace("<|", "<\u200b|")
    return [
        {**part, "text": _inert(part["text"])} if isinstance(part.get("text"), str) else part
        for part in cast(Sequence[Item], output)
    ]
