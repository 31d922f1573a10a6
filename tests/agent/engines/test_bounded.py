"""A completion ends where it was to end, whatever the server sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from ossifrage.agent.engines import bounded as module
from ossifrage.agent.engines.bounded import bounded
from ossifrage.agent.engines.engine import Chunk
from ossifrage.agent.errors import EngineUnreachableError
from ossifrage.agent.harmony.vocabulary import CALL, END, ENDOFTEXT, RETURN


class Server:
    """Sends chunks, and remembers how many were taken and whether it was closed."""

    def __init__(self, *chunks: Chunk | Exception | float) -> None:
        self.chunks = chunks
        self.taken = 0
        self.closed = False

    async def stream(self) -> AsyncGenerator[Chunk, None]:
        try:
            for chunk in self.chunks:
                self.taken += 1
                if isinstance(chunk, Exception):
                    raise chunk
                if isinstance(chunk, Chunk):
                    yield chunk
                else:
                    await asyncio.sleep(chunk)
        finally:
            self.closed = True


async def read(server: Server, max_tokens: int = 100) -> tuple[list[int], list[Chunk]]:
    """The tokens, and the chunks that tell something else."""
    chunks = [chunk async for chunk in bounded(server.stream(), max_tokens)]
    assert server.closed
    return [token for chunk in chunks for token in chunk.tokens], [c for c in chunks if not c.tokens]


@pytest.mark.parametrize("stop", [RETURN, CALL, ENDOFTEXT])
async def test_nothing_is_taken_after_a_stop_token(stop: int) -> None:
    server = Server(Chunk(tokens=[1, END, 2, stop, 3]), Chunk(tokens=[4]), Chunk(tokens=[5]))
    tokens, (last,) = await read(server)
    assert tokens == [1, END, 2, stop]
    assert last.finish_reason == "stop"
    assert server.taken == 2


async def test_what_a_server_tells_of_the_prompt_is_taken_after_the_stop_token() -> None:
    server = Server(Chunk(tokens=[1, RETURN]), Chunk(), Chunk(finish_reason="stop", cached_tokens=7))
    assert (await read(server))[1] == [Chunk(finish_reason="stop", cached_tokens=7)]


async def test_no_more_tokens_than_were_asked_for() -> None:
    tokens, (last,) = await read(Server(Chunk(tokens=[1, 2]), Chunk(tokens=range(1000)), Chunk()), 5)
    assert len(tokens) == 5
    assert last.finish_reason == "length"


async def test_a_stop_token_kept_back_at_the_limit_is_the_end_all_the_same() -> None:
    tokens, (last,) = await read(Server(Chunk(tokens=[1, 2]), Chunk(finish_reason="stop")), 2)
    assert tokens == [1, 2]
    assert last.finish_reason == "stop"


@pytest.mark.parametrize("then", [60.0, EngineUnreachableError("lost")])
async def test_a_whole_completion_waits_for_nothing(
    then: Exception | float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_WORD_SECONDS", 0.05)
    async with asyncio.timeout(20):
        tokens, (last,) = await read(Server(Chunk(tokens=[1, RETURN]), then))
    assert tokens == [1, RETURN]
    assert last.finish_reason == "stop"


async def test_a_server_that_is_lost_before_the_end_is_an_error() -> None:
    with pytest.raises(EngineUnreachableError):
        await read(Server(Chunk(tokens=[1]), EngineUnreachableError("lost")))


async def test_others_get_their_turn_during_a_long_chunk() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await read(Server(Chunk(tokens=[1] * 30_000)), 30_000)
    task.cancel()
    assert turns > 50
