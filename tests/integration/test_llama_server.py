from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import httpx
import pytest

from ossifrage.agent.doctor import examine_server
from ossifrage.agent.engines import Chunk, Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import (
    ContextWindowError,
    EngineAuthError,
    EngineResponseError,
    EngineUnreachableError,
)
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.models.detect import detect
from ossifrage.agent.models.open_engine import open_engine

pytestmark = pytest.mark.integration

START, CHANNEL, MESSAGE, END = 200006, 200005, 200008, 200007
END_OF_GENERATION = {199999, 200002, 200012}
PROMPT = [START, 1428, MESSAGE, 13225, END, START, 173781]  # <|start|>user<|message|>Hello<|end|>…
TURN = (
    'root ::= <[200005]> "analysis" <[200008]> "hm" <[200007]> <[200006]> "assistant" '
    '<[200005]> "final" <[200008]> "hi"'
)


@pytest.fixture
async def engine(llama_url: str) -> AsyncIterator[LlamaServerEngine]:
    engine = await LlamaServerEngine.open(base_url=llama_url)
    yield engine
    await engine.close()


async def collect(
    engine: LlamaServerEngine, sampling: Sampling, prompt: Sequence[int] = PROMPT
) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(prompt, sampling)]


def tokens_of(chunks: Sequence[Chunk]) -> list[int]:
    return [token for chunk in chunks for token in chunk.tokens]


async def test_says_what_it_serves(engine: LlamaServerEngine) -> None:
    assert (engine.name, engine.model, engine.context_window) == ("llama-server", "tiny-gpt-oss", 4096)


async def test_streams_no_more_than_max_tokens(engine: LlamaServerEngine) -> None:
    grammar = "root ::= [a-z]{100}"  # whole characters only: each of them is told
    chunks = await collect(engine, Sampling(max_tokens=12, grammar=grammar))
    assert len(tokens_of(chunks)) == 12
    assert len(chunks) > 6
    assert [chunk.finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["length"]


async def test_a_seed_repeats_itself(engine: LlamaServerEngine) -> None:
    first, second, other = [
        tokens_of(await collect(engine, Sampling(max_tokens=8, seed=seed))) for seed in (1, 1, 2)
    ]
    assert first == second != other


async def test_temperature_and_top_p_count(engine: LlamaServerEngine) -> None:
    greedy = [
        tokens_of(await collect(engine, Sampling(max_tokens=4, temperature=0.0, seed=seed)))
        for seed in (1, 2)
    ]
    narrow = tokens_of(await collect(engine, Sampling(max_tokens=4, top_p=1e-6, seed=3)))
    assert greedy[0] == greedy[1] == narrow


async def test_a_grammar_holds_it_to_a_turn_and_the_stop_token_comes_last(engine: LlamaServerEngine) -> None:
    chunks = await collect(engine, Sampling(max_tokens=64, grammar=TURN))
    tokens = tokens_of(chunks)
    assert chunks[-1].finish_reason == "stop"
    assert tokens[-1] in END_OF_GENERATION
    controls = [token for token in tokens[:-1] if token >= 199998]
    assert controls == [CHANNEL, MESSAGE, END, START, CHANNEL, MESSAGE]
    assert len(await collect(engine, Sampling(max_tokens=3, grammar=TURN))) == 4


async def test_a_character_of_several_tokens_arrives_whole(engine: LlamaServerEngine) -> None:
    """llama.cpp's stream reports only the last token of a character that takes several."""
    text = "a🦅é🦅b"
    chunks = await collect(engine, Sampling(max_tokens=64, grammar=f'root ::= "{text}"'))
    assert load_encoding().decode(tokens_of(chunks)[:-1]) == text
    assert tokens_of(chunks)[-1] in END_OF_GENERATION


async def test_a_broken_grammar(engine: LlamaServerEngine) -> None:
    with pytest.raises(EngineResponseError, match=r"answered 400; its log may say more"):
        await collect(engine, Sampling(max_tokens=4, grammar="root ::= nothing"))


async def test_a_grammar_that_names_the_stop_token_fails_in_the_stream(engine: LlamaServerEngine) -> None:
    with pytest.raises(EngineResponseError, match=r"failed while it answered \(500\)") as caught:
        await collect(engine, Sampling(max_tokens=8, grammar='root ::= "a" <[200012]>'))
    assert "<|" not in str(caught.value)


async def test_a_known_prefix_comes_from_the_cache(engine: LlamaServerEngine) -> None:
    prompt = [*PROMPT[:3], *range(2000, 2600), *PROMPT[3:]]
    first = await collect(engine, Sampling(max_tokens=4, seed=1), prompt)
    longer = [*prompt, *tokens_of(first), 1000, 1001]
    second = await collect(engine, Sampling(max_tokens=4), longer)
    assert (first[-1].cached_tokens or 0) < 10
    assert (second[-1].cached_tokens or 0) >= len(prompt)


async def idle(url: str, *, within: float) -> bool:
    deadline = time.monotonic() + within
    async with httpx.AsyncClient(base_url=url) as client:
        while time.monotonic() < deadline:
            if not any(slot["is_processing"] for slot in (await client.get("/slots")).json()):
                return True
            await asyncio.sleep(0.05)
    return False


async def test_closing_early_frees_the_server(engine: LlamaServerEngine, llama_url: str) -> None:
    async with aclosing(engine.generate(PROMPT, Sampling(max_tokens=4000))) as chunks:
        async for _ in chunks:
            break
        assert not await idle(llama_url, within=0.3)
    assert await idle(llama_url, within=5)


async def test_cancelling_frees_the_server(engine: LlamaServerEngine, llama_url: str) -> None:
    task = asyncio.create_task(collect(engine, Sampling(max_tokens=4000)))
    await asyncio.sleep(0.5)
    assert not await idle(llama_url, within=0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await idle(llama_url, within=5)


async def test_a_prompt_that_does_not_fit(engine: LlamaServerEngine) -> None:
    with pytest.raises(ContextWindowError, match="exceeds the available context size"):
        await collect(engine, Sampling(max_tokens=4), [1000] * 5000)


async def test_a_token_that_does_not_exist(engine: LlamaServerEngine) -> None:
    with pytest.raises(EngineResponseError, match="400: Prompt contains invalid tokens"):
        await collect(engine, Sampling(max_tokens=4), [900_000])


async def test_a_wrong_path(llama_url: str) -> None:
    with pytest.raises(EngineResponseError, match=r"does not know .*/v1/models \(404"):
        await LlamaServerEngine.open(base_url=f"{llama_url}/somewhere")


async def test_llama_cpp_is_no_vllm(llama_url: str) -> None:
    with pytest.raises(EngineResponseError, match="not vLLM"):
        await VllmEngine.open(base_url=llama_url)


async def test_a_model_it_does_not_serve(llama_url: str) -> None:
    with pytest.raises(EngineResponseError, match="serves tiny-gpt-oss, not gpt-oss-20b"):
        await open_engine("llama-server", base_url=llama_url, model="gpt-oss-20b")


async def test_it_is_found(llama_url: str) -> None:
    found = await detect(environ={}, addresses=[llama_url])
    assert (found.engine, found.base_url, found.model) == ("llama-server", llama_url, "tiny-gpt-oss")


async def test_a_server_behind_a_key(locked_llama_url: str) -> None:
    with pytest.raises(EngineAuthError, match="wants an API key"):
        await LlamaServerEngine.open(base_url=locked_llama_url)
    with pytest.raises(EngineAuthError, match="refuses the API key"):
        await LlamaServerEngine.open(base_url=locked_llama_url, api_key="mellon")
    engine = await LlamaServerEngine.open(base_url=f"{locked_llama_url}/v1", api_key="sesame")
    assert tokens_of(await collect(engine, Sampling(max_tokens=8, seed=1)))
    await engine.close()


async def test_a_server_that_is_gone(llama_url: str) -> None:
    with pytest.raises(
        EngineUnreachableError, match=r"No server answers at http://127\.0\.0\.1:9: is it running"
    ):
        await LlamaServerEngine.open(base_url="http://127.0.0.1:9")


async def test_doctor_says_what_works_with_a_model_that_talks_nonsense(llama_url: str) -> None:
    report = await examine_server(base_url=llama_url, api_key=None, model=None, environ={}, max_tokens=8)
    outcomes = {(check.group, check.name): check.outcome for check in report.checks}
    tokens = {name: outcome for (group, name), outcome in outcomes.items() if group == "token ids"}
    assert len(tokens) == 6
    assert set(tokens.values()) == {"pass"}
    assert outcomes["server", "model is gpt-oss"] == "pass"
    assert outcomes["server", "context length"] == "fail"  # 4096 tokens
    # The tiny model's file has no chat template, so llama.cpp falls back to one that knows no reasoning.
    assert outcomes["chat", "reasoning effort"] == "fail"
    assert outcomes["chat", "reasoning accepted back"] == "fail"
    assert outcomes["chat", "streaming"] == "pass"
