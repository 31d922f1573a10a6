"""Other tasks get their turn while a server sends as fast as it is read."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import httpx

from ossifrage.agent.engines.client import Client
from ossifrage.agent.engines.limits import STREAM, Bounded
from ossifrage.agent.engines.listing import served_models
from ossifrage.agent.errors import EngineError


class _TinyChunks(httpx.AsyncByteStream):
    """What one read of the network may hold: chunks of one byte, which come without waiting."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(200):
            time.sleep(0.001)  # noqa: ASYNC251 - the parser's work for each
            yield b"\n"


async def _turns_during(work: Awaitable[object]) -> int:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    before = turns
    await work
    counting.cancel()
    return turns - before


async def test_tiny_chunks_leave_others_their_turn() -> None:
    async def read() -> None:
        async for _ in Bounded(_TinyChunks(), STREAM, EngineError("too large")):
            pass

    assert await _turns_during(read()) >= 10


class _Listing(Client):
    """Answers at once."""

    async def request(self, *_: Any, **__: Any) -> httpx.Response:
        return httpx.Response(200, content=json.dumps({"data": [{"id": "m"}] * 10_000}))


async def test_a_long_list_of_models_leaves_others_their_turn() -> None:
    async with _Listing("http://127.0.0.1:1") as client:
        assert await _turns_during(served_models(client)) >= 10
