"""How long a server is waited for: long before the model's first word, not so long between two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

from ..errors import EngineTimeoutError

__all__ = ["FIRST_SECONDS", "IDLE_SECONDS", "patient"]

FIRST_SECONDS = 600.0
"""Longest wait for a sign of progress before the first token: a server may have other work to do first, the
model to load, or one batch of a long prompt to read on a slow machine."""

IDLE_SECONDS = 120.0
"""Longest silence once the model writes."""

T = TypeVar("T")


async def patient(
    events: AsyncIterator[T],
    *,
    address: str,
    writes: Callable[[T], bool],
    first_seconds: float = FIRST_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncGenerator[T, None]:
    """The events, as long as they come.

    A connection that is kept alive says nothing of the model behind it: what counts is events.

    Args:
        events: what the server sends, without its signs of life.
        address: the server, for messages.
        writes: whether an event shows that the model has begun to write.
        first_seconds: the longest wait for an event until then.
        idle_seconds: the longest wait for an event afterwards.

    Raises:
        EngineTimeoutError: an event did not come in time.
    """
    seconds = first_seconds
    while True:
        try:
            async with asyncio.timeout(seconds):
                event = await anext(events)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise EngineTimeoutError(
                f"{address} sent nothing of its answer for {seconds:.3g} s: it may be overloaded; ask again."
            ) from error
        if writes(event):
            seconds = idle_seconds
        yield event
