from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from fakes.http_server import Reply, Request, text_reply
from fakes.sglang_server import FakeSglang
from fakes.vllm_server import FakeVllm
from ossifrage.agent.engines import Chunk, Sampling
from ossifrage.agent.engines.sglang import SglangEngine
from ossifrage.agent.errors import ContextWindowError, EngineResponseError
from ossifrage.agent.models.detect import detect
from ossifrage.agent.models.open_engine import open_engine

PROMPT = [200006, 173781]


@pytest.fixture
async def server() -> AsyncIterator[FakeSglang]:
    fake = FakeSglang()
    async with fake:
        yield fake


@pytest.fixture
async def engine(server: FakeSglang) -> AsyncIterator[SglangEngine]:
    engine = await SglangEngine.open(base_url=server.url)
    yield engine
    await engine.close()


async def collect(
    engine: SglangEngine, prompt: Sequence[int] = PROMPT, *, max_tokens: int = 64
) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(prompt, Sampling(max_tokens=max_tokens))]


def tokens_of(chunks: Sequence[Chunk]) -> list[int]:
    return [token for chunk in chunks for token in chunk.tokens]


@pytest.mark.parametrize("reports_stop", [True, False])
async def test_streams_token_ids_with_the_stop_token_last(
    engine: SglangEngine, server: FakeSglang, reports_stop: bool
) -> None:
    server.reports_stop = reports_stop
    chunks = await collect(engine)
    assert tokens_of(chunks) == list(server.completion)
    assert [chunk.finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert chunks[-1].cached_tokens == 64
    server.reports_cache = False
    assert (await collect(engine))[-1].cached_tokens is None


async def test_knows_the_model_and_its_context(engine: SglangEngine) -> None:
    assert (engine.name, engine.model, engine.context_window) == ("sglang", "openai/gpt-oss-20b", 4096)


async def test_sends_what_harmony_needs(engine: SglangEngine, server: FakeSglang) -> None:
    chunks = await collect(engine, max_tokens=3)
    assert tokens_of(chunks) == list(server.completion)[:3]
    assert chunks[-1].finish_reason == "length"
    assert server.requests[-1].body == {
        "model": "openai/gpt-oss-20b",
        "prompt": PROMPT,
        "max_tokens": 3,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "seed": None,
        "stop_token_ids": [200002, 200012],
        "skip_special_tokens": False,
        "no_stop_trim": True,
        "return_token_ids": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_a_prompt_that_does_not_fit(engine: SglangEngine) -> None:
    with pytest.raises(ContextWindowError, match="longer than the model's context length"):
        await collect(engine, [1] * 5000)


async def test_a_server_without_token_ids() -> None:
    async with FakeSglang(knows_token_ids=False) as server:
        with pytest.raises(EngineResponseError, match="sends no token ids: update SGLang"):
            await SglangEngine.open(base_url=server.url)


async def test_a_server_of_another_kind() -> None:
    async with FakeVllm() as server:
        with pytest.raises(EngineResponseError, match="is not SGLang"):
            await open_engine("sglang", base_url=server.url)


async def test_auto_takes_the_engine_that_is_safer() -> None:
    async with FakeSglang() as server:
        found = await detect(environ={}, addresses=[server.url])
        assert (found.engine, found.server, found.base_url) == ("sglang", "sglang", server.url)
        engine = await open_engine(found.engine, base_url=found.base_url, model=found.model)
        assert engine.name == "sglang"
        await engine.close()
        server.knows_token_ids = False
        found = await detect(base_url=server.url, environ={})
        assert (found.engine, found.server, found.base_url) == ("chat", "sglang", f"{server.url}/v1")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ('data: {"choices": [{"text": "hello"}]}\n\n', "no token ids"),
        ('data: {"choices": [{"token_ids": [1]}]}\n\n', "broke its answer off: ask"),
        ('data: {"choices": [{"token_ids": [], "finish_reason": "abort"}]}\n\n', "(abort)"),
        ('data: {"error": {"message": "scheduler died", "code": 500}}\n\n', "failed while it answered (500)"),
    ],
)
async def test_an_answer_that_is_no_completion(events: str, said: str) -> None:
    class Broken(FakeSglang):
        async def answer(self, request: Request) -> Reply:
            streamed = request.body is not None and request.body.get("stream")
            return text_reply(events) if streamed else await super().answer(request)

    async with Broken() as server:
        engine = await SglangEngine.open(base_url=server.url)
        with pytest.raises(EngineResponseError) as caught:
            await collect(engine)
        await engine.close()
    assert said in str(caught.value)


async def test_cancelling_the_task_ends_the_request(engine: SglangEngine, server: FakeSglang) -> None:
    server.completion, server.pause = [1000] * 1000, 0.005
    task = asyncio.create_task(collect(engine, max_tokens=1000))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    assert server.abandoned == 1
