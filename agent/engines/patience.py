"""How long a server is waited for: long before the model's first word, not so long between two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal, TypeVar

from ..errors import EngineTimeoutError

__all__ = ["FIRST_SECONDS", "IDLE_SECONDS", "Sign", "patient"]

FIRST_SECONDS = 600.0
"""Longest wait for a sign of progress before the first token: a server may have other work to do first, the
model to load, or one batch of a long prompt to read on a slow machine."""

IDLE_SECONDS = 120.0
"""Longest silence once the model writes."""

Sign = Literal["nothing", "progress", "text"]
"""What an event shows: nothing (it keeps the connection alive), that the prompt is being read, or more of
what the model writes."""

T = TypeVar("T")


async def patient(
    events: AsyncGenerator[T, None],
    *,
    address: str,
    sign: Callable[[T], Sign],
    first_seconds: float = FIRST_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncGenerator[T, None]:
    """The events, as long as the model behind them gets on; closes them.

    The time in which nobody asks for the next event is not the server's.

    Args:
        events: what the server sends, from the request on.
        address: the server, for messages.
        sign: what an event shows.
        first_seconds: the longest wait for progress, until the model writes.
        idle_seconds: the longest wait for more text, afterwards.

    Raises:
        EngineTimeoutError: nothing that counts came in time.
    """
    clock = asyncio.get_running_loop().time
    limit, waited = first_seconds, 0.0
    async with aclosing(events):
        while True:
            asked = clock()
            try:
                async with asyncio.timeout(limit - waited):
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise EngineTimeoutError(
                    f"{address} sent nothing of its answer for {limit:.3g} s: it may be overloaded; "
                    "ask again."
                ) from error
            waited += clock() - asked
            shown = sign(event)
            if shown != "nothing":
                waited = 0.0
            if shown == "text":
                limit = idle_seconds
            yield event
