"""A llama.cpp whose slot hangs: its pings keep the connection alive, and mean nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from fakes.http_server import HttpServer, Reply, Request, event, json_reply
from ossifrage.agent.engines import Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.engines.sglang import SglangEngine
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import EngineTimeoutError
from ossifrage.agent.models.served import ServedModel

PING = b":\n\n"


def progress(processed: int) -> bytes:
    """As llama.cpp tells it, with a token 0 that is none."""
    state = {"total": 4096, "cache": 0, "processed": processed, "time_ms": 1}
    return event({"tokens": [0], "stop": False, "tokens_predicted": 0, "prompt_progress": state})


def token(number: int, count: int) -> bytes:
    return event({"tokens": [number], "stop": False, "tokens_predicted": count})


END = event({"tokens": [], "stop": True, "stop_type": "eos", "tokens_predicted": 2})


@dataclass
class FakeLlama(HttpServer):
    says: Sequence[bytes | float] = field(default_factory=list[bytes | float])
    """What comes, and seconds of pings between."""

    async def answer(self, request: Request) -> Reply:
        match request.path:
            case "/v1/models":
                return json_reply({"data": [{"id": "tiny", "owned_by": "llamacpp"}]})
            case "/props":
                return json_reply({"default_generation_settings": {"n_ctx": 8192}})
            case _:
                assert request.body["return_progress"] is True
                return Reply(self._stream(), content_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[bytes]:
        for part in self.says:
            if isinstance(part, bytes):
                yield part
                continue
            for _ in range(round(part / 0.02)):
                yield PING
                await asyncio.sleep(0.02)


async def generate(says: Sequence[bytes | float]) -> tuple[list[int], str | None]:
    """The tokens, and the error if there is one."""
    async with FakeLlama(says=says) as server:
        engine = await LlamaServerEngine.open(base_url=server.url)
        engine.first_seconds, engine.idle_seconds = 0.6, 0.3
        tokens: list[int] = []
        try:
            async for chunk in engine.generate([1, 2], Sampling(max_tokens=8)):
                tokens += chunk.tokens
        except EngineTimeoutError as error:
            return tokens, str(error)
        finally:
            await engine.close()
        return tokens, None


async def test_a_long_prompt_is_waited_for_while_it_is_read() -> None:
    says: list[Any] = [progress(0), 0.4, progress(2048), 0.4, progress(4096), 0.4]
    assert await generate([*says, token(7, 1), 0.1, token(8, 2), END]) == ([7, 8], None)


async def test_a_prompt_that_is_not_read_is_cut_off() -> None:
    tokens, error = await generate([progress(0), 30.0])
    assert tokens == []
    assert error is not None
    assert "sent nothing of its answer for 0.6 s" in error


async def test_a_slot_that_hangs_between_two_tokens_is_cut_off() -> None:
    tokens, error = await generate([progress(4096), token(7, 1), 30.0])
    assert tokens == [7]
    assert error is not None
    assert "for 0.3 s" in error


async def test_a_slow_reader_is_no_silence() -> None:
    """The time in which nobody asks for the next token is not the server's."""
    async with FakeLlama(says=[token(7, 1), token(8, 2), END]) as server:
        engine = await LlamaServerEngine.open(base_url=server.url)
        engine.idle_seconds = 0.2
        async for _ in engine.generate([1, 2], Sampling(max_tokens=8)):
            await asyncio.sleep(0.5)
        await engine.close()


async def test_a_prompt_that_does_not_get_further_is_cut_off() -> None:
    """The same progress, told again and again, and progress beyond what a prompt can have."""
    for told in ([progress(512), 0.1] * 12, [progress(10**6), 0.1] * 12):
        tokens, error = await generate(told)
        assert tokens == []
        assert error is not None
        assert "for 0.6 s" in error


async def test_sends_what_harmony_needs_and_nothing_else() -> None:
    async with FakeLlama(says=[END]) as server:
        engine = await LlamaServerEngine.open(base_url=server.url)
        async for _ in engine.generate([1, 2], Sampling(max_tokens=8, seed=3, grammar="root ::= [a]")):
            pass
        await engine.close()
        assert server.requests[-1].body == {
            "prompt": [1, 2],
            "n_predict": 8,
            "temperature": 1.0,
            "top_p": 1.0,
            "samplers": ["temperature", "top_p"],
            "mirostat": 0,
            "cache_prompt": True,
            "return_tokens": True,
            "return_progress": True,
            "stream": True,
            "response_fields": ["tokens", "tokens_predicted", "stop", "stop_type", "timings"],
            "seed": 3,
            "grammar": "root ::= [a]",
        }


@pytest.mark.parametrize("server", [VllmEngine, SglangEngine, LlamaServerEngine, ServedModel])
def test_every_kind_of_server_is_waited_for_equally_long(server: Any) -> None:
    assert (server.first_seconds, server.idle_seconds) == (600, 120)
