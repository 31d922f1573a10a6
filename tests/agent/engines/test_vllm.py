from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from fakes.http_server import HttpServer, Reply, Request, json_reply, text_reply
from fakes.vllm_server import FakeVllm
from ossifrage.agent.engines import Chunk, Sampling
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import (
    ContextWindowError,
    EngineAuthError,
    EngineError,
    EngineResponseError,
    EngineUnreachableError,
    NoEngineError,
    UsageError,
)
from ossifrage.agent.models.open_engine import open_engine

PROMPT = [200006, 173781]


async def collect(engine: VllmEngine, prompt: Sequence[int] = PROMPT, *, max_tokens: int = 64) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(prompt, Sampling(max_tokens=max_tokens))]


def tokens_of(chunks: Sequence[Chunk]) -> list[int]:
    return [token for chunk in chunks for token in chunk.tokens]


@pytest.fixture
async def server() -> AsyncIterator[FakeVllm]:
    fake = FakeVllm()
    async with fake:
        yield fake


@pytest.fixture
async def engine(server: FakeVllm) -> AsyncIterator[VllmEngine]:
    engine = await VllmEngine.open(base_url=server.url)
    yield engine
    await engine.close()


class OneReply(HttpServer):
    """Lists a model, and answers every completion in one way."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply

    async def answer(self, request: Request) -> Reply:
        if request.path == "/v1/models":
            return json_reply({"data": [{"id": "gpt-oss", "owned_by": "vllm", "max_model_len": 64}]})
        return self.reply


async def failure_of(reply: Reply) -> EngineError:
    async with OneReply(reply) as server:
        engine = await VllmEngine.open(base_url=server.url)
        with pytest.raises(EngineError) as caught:
            await collect(engine)
        await engine.close()
    assert "\n" not in str(caught.value)
    return caught.value


async def test_streams_token_ids_with_the_stop_token_last(engine: VllmEngine, server: FakeVllm) -> None:
    chunks = await collect(engine)
    assert tokens_of(chunks) == list(server.completion)
    assert len(chunks) > len(server.completion)
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish_reason == "stop"


async def test_knows_the_model_and_its_context(engine: VllmEngine) -> None:
    assert (engine.name, engine.model, engine.context_window) == ("vllm", "openai/gpt-oss-20b", 4096)


async def test_sends_what_harmony_needs_and_nothing_else(engine: VllmEngine, server: FakeVllm) -> None:
    """Every field: what is left out is filled in by the server's own defaults, or the model's."""
    sampling = Sampling(max_tokens=7, temperature=0.5, top_p=0.9, seed=3)
    expected = {
        "model": "openai/gpt-oss-20b",
        "prompt": PROMPT,
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "seed": 3,
        "stop_token_ids": [200002, 200012],
        "skip_special_tokens": False,
        "return_token_ids": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    async for _ in engine.generate(PROMPT, sampling):
        pass
    assert server.requests[-1].body == expected
    assert "authorization" not in server.requests[-1].headers
    await collect(engine)
    assert server.requests[-1].body == expected | {
        "max_tokens": 64,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": None,
    }


async def test_a_completion_longer_than_the_servers_own_default(server: FakeVllm) -> None:
    server.completion = [*range(1000, 1040), 200012]
    engine = await VllmEngine.open(base_url=server.url)
    assert len(tokens_of(await collect(engine))) == 41
    chunks = await collect(engine, max_tokens=3)
    assert tokens_of(chunks) == [1000, 1001, 1002]
    assert chunks[-1].finish_reason == "length"
    await engine.close()


async def test_says_how_much_of_the_prompt_was_cached(engine: VllmEngine, server: FakeVllm) -> None:
    prompt = list(range(100))
    assert (await collect(engine, prompt))[-1].cached_tokens == 0
    assert (await collect(engine, [*prompt, 5, 6]))[-1].cached_tokens == 96
    server.prompt_tokens_details = False
    assert (await collect(engine, prompt))[-1].cached_tokens is None


async def test_closing_early_ends_the_request(server: FakeVllm) -> None:
    server.completion, server.pause = [1000] * 1000, 0.005
    engine = await VllmEngine.open(base_url=server.url)
    async with aclosing(engine.generate(PROMPT, Sampling(max_tokens=1000))) as chunks:
        async for _ in chunks:
            break
    for _ in range(100):
        if server.abandoned:
            break
        await asyncio.sleep(0.01)
    assert server.abandoned == 1
    await engine.close()


async def test_cancelling_the_task_ends_the_request(server: FakeVllm) -> None:
    server.completion, server.pause = [1000] * 1000, 0.005
    engine = await VllmEngine.open(base_url=server.url)
    task = asyncio.create_task(collect(engine, max_tokens=1000))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    assert server.abandoned == 1
    await engine.close()


async def test_no_server() -> None:
    async with FakeVllm() as server:
        url = server.url
    with pytest.raises(EngineUnreachableError, match=f"No server answers at {url}: is it running"):
        await VllmEngine.open(base_url=url)


async def test_a_key_is_sent_and_never_shown(server: FakeVllm) -> None:
    server.api_key = "sesame"
    with pytest.raises(EngineAuthError, match="wants an API key: set OSSIFRAGE_API_KEY or pass --api-key"):
        await VllmEngine.open(base_url=server.url)
    with pytest.raises(EngineAuthError, match="refuses the API key") as caught:
        await VllmEngine.open(base_url=server.url, api_key="mellon")
    assert "mellon" not in str(caught.value)
    engine = await VllmEngine.open(base_url=f"{server.url}/v1/", api_key="sesame")
    assert tokens_of(await collect(engine)) == list(server.completion)
    await engine.close()


async def test_a_prompt_that_does_not_fit(engine: VllmEngine) -> None:
    with pytest.raises(ContextWindowError, match="maximum context length is 4096 tokens"):
        await collect(engine, [1] * 5000)


async def test_a_model_it_does_not_serve(server: FakeVllm) -> None:
    with pytest.raises(
        EngineResponseError, match=r"serves openai/gpt-oss-20b, not gpt-oss-120b: pass --model"
    ):
        await VllmEngine.open(base_url=server.url, model="gpt-oss-120b")


async def test_a_server_of_another_kind() -> None:
    class Other(HttpServer):
        async def answer(self, request: Request) -> Reply:
            return json_reply({"data": [{"id": "gpt-oss"}]})

    async with Other() as server:
        with pytest.raises(EngineResponseError, match="not vLLM"):
            await VllmEngine.open(base_url=server.url)


@pytest.mark.parametrize(
    ("status", "said"),
    [(422, "answered 422: boom;"), (500, "answered 500;"), (429, "no more requests now (429: boom)")],
)
async def test_a_refused_request(status: int, said: str) -> None:
    error = await failure_of(json_reply({"error": {"message": "boom\nand more"}}, status=status))
    assert isinstance(error, EngineResponseError)
    assert error.status == status
    assert said in str(error)


async def test_a_wrong_path() -> None:
    error = await failure_of(json_reply({"detail": "Not Found"}, status=404))
    assert "does not know /v1/completions (404: Not Found)" in str(error)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (text_reply("<html>", content_type="text/html"), "not an event stream"),
        (text_reply("data: {not json\n\n"), "not a JSON object"),
        (text_reply('data: {"choices": 1}\n\n'), "something else than expected"),
        (text_reply('data: {"choices": [{"text": "hello"}]}\n\n'), "no token ids"),
        (text_reply('data: {"choices": [{"token_ids": [1]}]}\n\n'), "broke its answer off"),
        (text_reply('data: {"choices": [{"token_ids": [], "finish_reason": "abort"}]}\n\n'), "abort"),
        (text_reply('data: {"error": {"message": "EngineCore died", "code": 503}}\n\n'), "answered (503)"),
        (text_reply(""), "broke its answer off"),
    ],
)
async def test_an_answer_that_is_no_completion(reply: Reply, said: str) -> None:
    assert said in str(await failure_of(reply))


async def test_a_connection_that_breaks() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b'data: {"choices": [{"token_ids": [1]}]}\n\n'
        raise ConnectionError

    # Without a length the end of the connection is the end of the answer, so the missing end tells.
    error = await failure_of(Reply(broken(), content_type="text/event-stream"))
    assert "broke its answer off" in str(error)


async def test_model_output_in_an_error_is_not_shown() -> None:
    payload = {"error": {"message": "could not parse: <|channel|>analysis<|message|>the user is a spy"}}
    error = await failure_of(json_reply(payload, status=500))
    assert str(error).endswith("could not read what the model wrote (500); its log may say more.")


@pytest.mark.parametrize("base_url", ["localhost:8000", "ftp://x", "", "http://", "http://[::1"])
async def test_an_address_that_is_none(base_url: str) -> None:
    with pytest.raises(UsageError, match="http://HOST:PORT"):
        await VllmEngine.open(base_url=base_url)


async def test_engines_by_name(server: FakeVllm) -> None:
    engine = await open_engine("vllm", base_url=server.url)
    assert engine.name == "vllm"
    await engine.close()
    await engine.close()
    with pytest.raises(
        NoEngineError, match=r"choose one of vllm, llama-server, sglang, llama-cpp, extractive\."
    ):
        await open_engine("vlm")
