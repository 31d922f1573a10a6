"""What a grammar costs per token, on a real llama.cpp with a tiny gpt-oss of random weights.

``obeyed``: the model samples what the grammar takes, as a trained model nearly always does; llama.cpp then
only looks at the token it sampled. ``refused``: it does not, and llama.cpp looks at every token of the
vocabulary and samples again, as it has to at nearly every token of a random model.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from fakes.process import free_port, serving
from ossifrage import Answer
from ossifrage.agent.engines import Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.harmony.grammar import turn_grammar

SCRIPTS = Path(__file__).parents[1] / "integration"
TOKENS, ROUNDS = 64, 7
PROMPT = load_encoding().encode(
    "<|start|>user<|message|>Hello<|end|><|start|>assistant", allowed_special="all"
)
SEARCH = {
    "type": "object",
    "properties": {"queries": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
    "required": ["queries"],
}


async def milliseconds(engine: LlamaServerEngine, grammar: str | None) -> float:
    """Median time of one token."""
    times: list[float] = []
    for seed in range(ROUNDS):
        arrived: list[float] = []
        sampling = Sampling(max_tokens=TOKENS, grammar=grammar, seed=seed)
        async for chunk in engine.generate(PROMPT, sampling):
            arrived += [time.perf_counter()] * len(chunk.tokens)
        times.append(1000 * (arrived[-1] - arrived[0]) / max(len(arrived) - 1, 1))
    return median(times)


async def measure(url: str) -> None:
    turn = turn_grammar([("search", SEARCH)], Answer.model_json_schema())
    text = "\n".join(line for line in turn.splitlines() if line.startswith(("text", "reasoning")))
    engine = await LlamaServerEngine.open(base_url=url)
    free = await milliseconds(engine, None)
    obeyed = await milliseconds(engine, f"root ::= reasoning\n{text}\n")
    refused = await milliseconds(engine, "root ::= [a-z]{200}")
    await engine.close()
    began = time.perf_counter()
    for _ in range(20):
        turn_grammar([("search", SEARCH)], Answer.model_json_schema())
    made = 1000 * (time.perf_counter() - began) / 20
    print(f"no grammar        {free:6.1f} ms a token")
    print(f"grammar, obeyed   {obeyed:6.1f} ms a token  ({obeyed - free:+.1f})")
    print(f"grammar, refused  {refused:6.1f} ms a token  ({refused - free:+.1f})")
    print(f"making the grammar of a turn: {made:.1f} ms, {len(turn)} characters, once a run")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model, log = Path(folder) / "tiny.gguf", Path(folder) / "log"
        subprocess.run([sys.executable, SCRIPTS / "tiny_gguf.py", model], check=True)
        url = f"http://127.0.0.1:{(port := free_port())}"
        with serving(
            [sys.executable, SCRIPTS / "llama_server.py", model, str(port)], url, log=log, seconds=60
        ):
            asyncio.run(measure(url))


if __name__ == "__main__":
    main()
