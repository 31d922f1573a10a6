"""A model whose last words are not lost."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from agents import Model, ModelResponse, ModelRetryAdvice, ModelRetryAdviceRequest
from agents.items import TResponseStreamEvent

__all__ = ["ListenedModel"]


class ListenedModel(Model):
    """Another model, whose events are kept until they were heard.

    When a stream fails, the SDK throws away what it had not handed on yet: the end of what was written.

    Args:
        inner: the model.
    """

    def __init__(self, inner: Model) -> None:
        self._inner = inner
        self._unheard: deque[TResponseStreamEvent] = deque()

    def heard(self, event: TResponseStreamEvent) -> None:
        """The SDK has handed on an event, and all before it."""
        while self._unheard and self._unheard.popleft() is not event:
            pass

    def unheard(self) -> list[TResponseStreamEvent]:
        """The events that were not handed on; they count as heard now."""
        events = list(self._unheard)
        self._unheard.clear()
        return events

    async def get_response(self, *request: Any, **more: Any) -> ModelResponse:
        """As the inner model."""
        return await self._inner.get_response(*request, **more)

    async def stream_response(self, *request: Any, **more: Any) -> AsyncIterator[TResponseStreamEvent]:
        """As the inner model."""
        events = self._inner.stream_response(*request, **more)
        async with aclosing(cast(AsyncGenerator[TResponseStreamEvent, None], events)):
            async for event in events:
                self._unheard.append(event)
                yield event

    def get_retry_advice(self, request: ModelRetryAdviceRequest) -> ModelRetryAdvice | None:
        """As the inner model."""
        return self._inner.get_retry_advice(request)
