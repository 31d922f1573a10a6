"""Ask again: an engine around another one, for servers that fail now and then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from ..errors import EngineError, EngineResponseError, EngineTimeoutError, EngineUnreachableError
from .engine import Chunk, Constraint, Engine, Sampling

__all__ = ["TRIES", "RetryingEngine", "may_pass", "seconds_until_retry"]

TRIES = 3
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
"""A server that wants to be left alone for longer is not waited for: its error is for the user to see."""

_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class RetryingEngine:
    """Asks the engine again when its server is busy, breaks down or is lost.

    Only as long as nothing of the completion has come: what was shown once is never shown again. A server
    that fell silent is not asked again, because every silence takes as long as the first one did.

    Args:
        engine: the engine that is asked.
        tries: how often it is asked at most.
        first_wait: seconds before the second try; doubled for each one after it, up to half of it left to
            chance so that many clients do not come back at once. ``Retry-After`` counts where it is longer.
    """

    def __init__(self, engine: Engine, *, tries: int = TRIES, first_wait: float = FIRST_WAIT_SECONDS) -> None:
        self._engine = engine
        self._tries = tries
        self._first_wait = first_wait

    @property
    def name(self) -> str:
        """The kind of the engine that is asked."""
        return self._engine.name

    @property
    def model(self) -> str:
        """The model's name as the server gives it."""
        return self._engine.model

    @property
    def context_window(self) -> int:
        """Most tokens of prompt and completion together."""
        return self._engine.context_window

    @property
    def constraint(self) -> Constraint:
        """What the engine can be held to."""
        return self._engine.constraint

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """Stream the completion; see :class:`~.engine.Engine`.

        Raises:
            EngineError: the last try's, or the first that asking again does not mend.
        """
        for attempt in range(1, self._tries + 1):
            begun = False
            try:
                async with aclosing(self._engine.generate(prompt, sampling)) as chunks:
                    async for chunk in chunks:
                        yield chunk if begun or attempt == 1 else replace(chunk, tries=attempt)
                        begun = True
                return
            except EngineError as error:
                wait = seconds_until_retry(error, attempt, tries=self._tries, first_wait=self._first_wait)
                if begun or wait is None:
                    raise
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()


def seconds_until_retry(
    error: EngineError, attempt: int, *, tries: int = TRIES, first_wait: float = FIRST_WAIT_SECONDS
) -> float | None:
    """Seconds until the next try; None if there is none.

    Args:
        error: what the last try ended in.
        attempt: its number, from 1.
        tries: how many there are at most.
        first_wait: about the seconds before the second one.
    """
    if attempt >= tries or not may_pass(error):
        return None
    wait = first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
    if isinstance(error, EngineResponseError) and error.retry_after is not None:
        wait = max(wait, error.retry_after)
    return wait if wait <= LONGEST_WAIT_SECONDS else None


def may_pass(error: EngineError) -> bool:
    """Whether asking again may help."""
    if isinstance(error, EngineResponseError):
        return error.status in _PASSING
    return isinstance(error, EngineUnreachableError) and not isinstance(error, EngineTimeoutError)
