"""A tool loop that grows to 60,000 tokens on a real llama.cpp: token ids against the server's chat endpoint.

Both sides are given the same conversation (a question, then thoughts, calls and pages) and asked for the next
message, one step after the other. To be legal on both sides that message is held to two words by the same
grammar, and no tools are named.

Then the server writes each step's thought and call itself (a grammar spells them token by token), so that
they are in its cache when the next prompt comes: with those very tokens, or as the chat endpoint's template
writes the message anew. What it has to read is counted by the server, whatever the machine is doing.

Run with ``make bench-tool-loop``; times are this machine's, and a tiny
random gpt-oss reads some thousand tokens a second, so the ratios are what to look at.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from agents import ModelSettings, OpenAIChatCompletionsModel
from agents.models.interface import Model, ModelTracing
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from fakes.process import free_port, serving
from ossifrage import HarmonyModel
from ossifrage.agent.engines import Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.models.writer import TOKENS_KEY, PromptWriter

SCRIPTS = Path(__file__).parents[1] / "integration"
TEMPLATE = Path(__file__).with_name("harmony.jinja")
ENCODING = load_encoding()
PAGES = (1_000, 2_000, 4_000, 8_000, 12_000, 16_000, 16_000)
"""Tokens of each step's page, about; 60,000 in all."""
CONTEXT = 65_536
GRAMMAR = 'root ::= <[200005]> <[17196]> <[200008]> "hello there"'
INSTRUCTIONS = "Answer from the pages."
SENTENCE = "L{}: The kite is a bird of prey that nests in trees and feeds on carrion.\n"


@dataclass(frozen=True)
class Step:
    """What one step cost."""

    prompt_tokens: int
    cached_tokens: int
    seconds: float
    """To the first token."""


def conversation() -> list[list[Any]]:
    """The items of each step's prompt."""
    items: list[Any] = [{"role": "user", "content": "What is a kite?"}]
    steps: list[list[Any]] = []
    per_sentence = len(ENCODING.encode(SENTENCE.format(1000)))
    for number, tokens in enumerate(PAGES):
        thought = f"Step {number}: I should look this up in the pages before I say anything about it. " * 3
        arguments = f'{{"query":"kite {number}"}}'
        call = f"<|channel|>commentary to=functions.search <|constrain|>json<|message|>{arguments}<|call|>"
        page = "".join(SENTENCE.format(number * 10_000 + line) for line in range(tokens // per_sentence))
        items += [
            {
                "type": "reasoning",
                "id": f"r{number}",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": thought}],
                "provider_data": own(f"<|channel|>analysis<|message|>{thought}<|end|>"),
            },
            {
                "type": "function_call",
                "call_id": f"c{number}",
                "name": "search",
                "arguments": arguments,
                "provider_data": own(call),
            },
            {"type": "function_call_output", "call_id": f"c{number}", "output": page},
        ]
        steps.append(list(items))
    return steps


def own(completion: str) -> dict[str, Any]:
    """An item's own tokens, as HarmonyModel keeps them."""
    return {TOKENS_KEY: ENCODING.encode(f"<|start|>assistant{completion}", allowed_special="all")}


async def first_token(model: Model, items: list[Any], settings: ModelSettings) -> Step:
    """Ask for the next message."""
    began = time.perf_counter()
    first = 0.0
    events = model.stream_response(
        INSTRUCTIONS,
        items,
        settings,
        [],
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    async for event in events:
        if event.type == "response.output_text.delta" and not first:
            first = time.perf_counter() - began
        if event.type == "response.completed":
            usage = event.response.usage
            assert usage is not None
            return Step(usage.input_tokens, usage.input_tokens_details.cached_tokens, first)
    raise AssertionError("no response")


def shared(before: Sequence[Any], after: Sequence[Any]) -> float:
    """The share of ``before`` that ``after`` begins with."""
    pairs = zip(before, after, strict=False)
    same = next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(before), len(after)))
    return same / len(before)


def native_prompts(steps: Sequence[list[Any]], instructions: str = INSTRUCTIONS) -> list[list[int]]:
    """Each step's prompt, as the native path sends it."""
    writer = PromptWriter(ENCODING)
    return [writer.prompt(instructions, items) for items in steps]


async def chat_prompts(url: str, bodies: Sequence[Any]) -> list[str]:
    """The same for the chat endpoint, which says what it makes of its messages."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        answers = [await client.post("/apply-template", json={"messages": body}) for body in bodies]
    return [answer.json()["prompt"] for answer in answers]


async def tokenized(url: str, text: str) -> list[int]:
    """A prompt's text as the server reads it."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        answer = await client.post("/tokenize", json={"content": text, "parse_special": True})
    return answer.json()["tokens"]


async def read_anew(
    engine: LlamaServerEngine, prompts: Sequence[Sequence[int]], wrote: Sequence[Sequence[int]]
) -> list[int]:
    """How many tokens of each prompt the server has to read, when it has written what came before."""
    counts: list[int] = []
    for prompt, completion in zip(prompts, [*wrote, []], strict=True):
        # A grammar ends before the stop token.
        spelled = " ".join(f"<[{token}]>" for token in completion[:-1]) or "<[200005]>"
        sampling = Sampling(max_tokens=len(completion) or 1, grammar=f"root ::= {spelled}")
        chunks = [chunk async for chunk in engine.generate(prompt, sampling)]
        said = [token for chunk in chunks for token in chunk.tokens]
        assert said[: len(completion) - 1] == [*completion[:-1]], "the grammar did not hold"
        counts.append(len(prompt) - (chunks[-1].cached_tokens or 0))
    return counts


def show(name: str, steps: Sequence[Step], prefix: Sequence[float]) -> None:
    print(f"\n{name}")
    print("  prompt tokens   from the cache   first token   holds the step before")
    for step, share in zip(steps, [None, *prefix], strict=True):
        kept = "" if share is None else f"{share:.1%}"
        print(
            f"  {step.prompt_tokens:>13,}   {step.cached_tokens / step.prompt_tokens:>14.1%}   "
            f"{step.seconds:>9.2f} s   {kept:>21}"
        )


def pairs_of(prompts: Sequence[Sequence[Any]], written: Callable[[int], Sequence[Any]]) -> list[float]:
    """How much of each prompt and what was written after it the next prompt begins with."""
    return [
        shared([*before, *written(index)], after) for index, (before, after) in enumerate(pairwise(prompts))
    ]


async def measure(url: str) -> None:
    steps = conversation()
    engine = await LlamaServerEngine.open(base_url=url)
    harmony = HarmonyModel(engine)
    held = ModelSettings(max_tokens=8, extra_args={"grammar": GRAMMAR})
    native = [await first_token(harmony, items, held) for items in steps]
    await harmony.close()

    bodies: list[Any] = []

    async def remember(request: Any) -> None:
        bodies.append(json.loads(request.content)["messages"])

    http = DefaultAsyncHttpxClient(trust_env=False, event_hooks={"request": [remember]}, timeout=300)
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http)
    model = OpenAIChatCompletionsModel("tiny-gpt-oss", client)
    held = ModelSettings(max_tokens=8, include_usage=True, extra_body={"grammar": GRAMMAR})
    chat = [await first_token(model, [without_tokens(item) for item in items], held) for items in steps]
    await client.close()

    # What the model wrote after each prompt but the last: the next step's thought and call.
    wrote = [sampled(items[-3:-1]) for items in steps[1:]]
    prompts = native_prompts(steps)
    show("token ids (HarmonyModel)", native, pairs_of(prompts, lambda i: wrote[i]))
    texts = await chat_prompts(url, bodies)
    said = [ENCODING.decode(tokens) for tokens in wrote]
    show("chat endpoint (OpenAIChatCompletionsModel)", chat, pairs_of(texts, lambda i: said[i]))
    ratio = median(c.seconds / n.seconds for n, c in zip(native[1:], chat[1:], strict=True))
    print(f"\nfirst token, chat over token ids, median of the steps after the first: {ratio:.2f}")
    await show_read_anew(url, steps, wrote, bodies)


async def show_read_anew(
    url: str, steps: Sequence[list[Any]], wrote: Sequence[list[int]], bodies: Sequence[Any]
) -> None:
    """The steps once more, their completions written by the server.

    Other instructions, so that nothing of what was asked before is in the cache.
    """
    engine = await LlamaServerEngine.open(base_url=url)
    native = native_prompts(steps, f"First. {INSTRUCTIONS}")
    counted = await read_anew(engine, native, wrote)
    again = [[{**body[0], "content": f"Second. {INSTRUCTIONS}"}, *body[1:]] for body in bodies]
    chat = [await tokenized(url, text) for text in await chat_prompts(url, again)]
    counted_chat = await read_anew(engine, chat, wrote)
    await engine.close()
    print("\nread by the server, which wrote the step before itself")
    print("  new tokens   token ids   chat endpoint   more")
    rows = list(zip(native, counted, counted_chat, strict=True))
    for (before, _, _), (prompt, ids, messages), written in zip(rows, rows[1:], wrote, strict=False):
        new = len(prompt) - len(before) - len(written)
        print(f"  {new:>10,}   {ids:>9,}   {messages:>13,}   {messages / ids - 1:>+5.0%}")


def sampled(items: Sequence[Any]) -> list[int]:
    """What the model wrote: the prompt ends with ``<|start|>assistant`` already."""
    return [token for item in items for token in item["provider_data"][TOKENS_KEY]][2:]


def without_tokens(item: Any) -> Any:
    return {key: value for key, value in item.items() if key != "provider_data"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model, log = Path(folder) / "tiny.gguf", Path(folder) / "log"
        subprocess.run([sys.executable, SCRIPTS / "tiny_gguf.py", model, "--merges"], check=True)
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = [sys.executable, SCRIPTS / "llama_server.py", model, str(port)]
        options = ["--context", str(CONTEXT), "--chat-template", TEMPLATE]
        with serving([*command, *options], url, log=log, seconds=120, env=dict(os.environ)):
            asyncio.run(measure(url))


if __name__ == "__main__":
    main()
