"""A model that is asked only while the limits of its run allow it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from agents import (
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelResponse,
    ModelRetryAdvice,
    ModelRetryAdviceRequest,
    ModelSettings,
    Tool,
)
from agents.items import TResponseInputItem, TResponseStreamEvent

from ..answer import StopReason
from ..models.events import whole_response
from ..models.harmony import MAX_TOKENS, HarmonyModel
from ..models.writer import functions_of
from .limits import Meter

__all__ = ["MeteredModel"]

_CHARACTERS = 4
"""Of a token, about: what a server's prompts come to is known only when it has read them."""


class MeteredModel(Model):
    """Another model, held to the limits of a run.

    Args:
        inner: the model.
        meter: knows what is left.
    """

    def __init__(self, inner: Model, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def get_response(self, *request: Any, **more: Any) -> ModelResponse:
        """As the inner model."""
        return await whole_response(self.stream_response(*request, **more))

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff[Any, Any]],
        *request: Any,
        **more: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """As the inner model, with fewer tokens where fewer are left.

        Raises:
            LimitReachedError: it may not be asked any more.
        """
        size = 0
        if self._meter.counts_tokens:
            size = self._size(system_instructions, input, tools, output_schema, handoffs)
        room = self._meter.before_call(size)
        if room is not None and room < (model_settings.max_tokens or MAX_TOKENS):
            model_settings = replace(model_settings, max_tokens=room)
            self._meter.reason = StopReason.MAX_TOTAL_TOKENS
        else:
            self._meter.reason = None
        events = self._inner.stream_response(
            system_instructions, input, model_settings, tools, output_schema, handoffs, *request, **more
        )
        async with aclosing(cast("AsyncGenerator[TResponseStreamEvent, None]", events)):
            async for event in events:
                if event.type == "response.completed":
                    self._meter.after_call()
                yield event

    def get_retry_advice(self, request: ModelRetryAdviceRequest) -> ModelRetryAdvice | None:
        """As the inner model."""
        return self._inner.get_retry_advice(request)

    def _size(
        self,
        instructions: str | None,
        items: str | list[TResponseInputItem],
        tools: Sequence[Tool],
        schema: AgentOutputSchemaBase | None,
        handoffs: Sequence[Handoff[Any, Any]],
    ) -> int:
        if isinstance(self._inner, HarmonyModel):
            prompt = self._inner.writer.prompt(
                instructions, items, tools=tools, handoffs=handoffs, output_schema=schema
            )
            return len(prompt)
        told: list[object] = [instructions, items, functions_of(tools, handoffs)]
        if schema is not None and not schema.is_plain_text():
            told.append(schema.json_schema())
        return len(json.dumps(told, default=str)) // _CHARACTERS
