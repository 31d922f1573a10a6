"""What every model here shares: how the SDK asks, and how a whole response is a stream that was read out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agents import (
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelResponse,
    ModelRetryAdvice,
    ModelRetryAdviceRequest,
    ModelRetryNormalizedError,
    ModelSettings,
    ModelTracing,
    Tool,
)
from agents.items import TResponseInputItem, TResponseStreamEvent
from openai.types.responses.response_prompt_param import ResponsePromptParam

from ..engines.retrying import may_pass
from ..errors import (
    EngineError,
    EngineResponseError,
    EngineTimeoutError,
    EngineUnreachableError,
    OssifrageError,
)
from .events import whole_response

__all__ = ["ModelRequest", "StreamedModel"]


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """One request of the SDK, as ``agents.Model.stream_response`` is given it."""

    system_instructions: str | None
    input: str | list[TResponseInputItem]
    model_settings: ModelSettings
    tools: list[Tool]
    output_schema: AgentOutputSchemaBase | None
    handoffs: list[Handoff[Any, Any]]
    tracing: ModelTracing
    previous_response_id: str | None
    conversation_id: str | None
    prompt: ResponsePromptParam | None


class StreamedModel(Model):
    """A model of the OpenAI Agents SDK that only streams."""

    @abstractmethod
    def stream(self, request: ModelRequest) -> AsyncGenerator[TResponseStreamEvent, None]:
        """Stream one response, ending with ``response.completed``."""

    def get_retry_advice(self, request: ModelRetryAdviceRequest) -> ModelRetryAdvice | None:
        """Whether a runner that retries should ask again.

        A request changes nothing on a server, so it may always be sent again. It was, by the time there is an
        error: servers that fail in passing are asked three times here.
        """
        error = request.error
        if not isinstance(error, OssifrageError):
            return None
        status, retry_after = None, None
        if isinstance(error, EngineResponseError):
            status, retry_after = error.status, error.retry_after
        return ModelRetryAdvice(
            suggested=may_pass(error) if isinstance(error, EngineError) else False,
            retry_after=retry_after,
            replay_safety="safe",
            reason=str(error),
            normalized=ModelRetryNormalizedError(
                status_code=status,
                message=str(error),
                retry_after=retry_after,
                is_network_error=isinstance(error, EngineUnreachableError),
                is_timeout=isinstance(error, EngineTimeoutError),
            ),
        )

    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """Sample one response and return it whole; takes what :meth:`stream_response` takes.

        Raises:
            EngineResponseError: there is no ``response.completed`` in the stream.
        """
        return await whole_response(self.stream_response(*given, **named))

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff[Any, Any]],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Stream one response; see :meth:`stream`."""
        request = ModelRequest(
            system_instructions=system_instructions,
            input=input,
            model_settings=model_settings,
            tools=tools,
            output_schema=output_schema,
            handoffs=handoffs,
            tracing=tracing,
            previous_response_id=previous_response_id,
            conversation_id=conversation_id,
            prompt=prompt,
        )
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                yield event
