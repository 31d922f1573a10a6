"""What reading and writing harmony costs, and how well broken completions are read.

Run with ``make bench-harmony``. Times are this machine's; the ratios are what to look at.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents import ModelSettings, OpenAIChatCompletionsModel
from agents.models.interface import Model, ModelTracing
from openai import AsyncOpenAI
from openai_harmony import Role

from fakes.http_server import HttpServer, Reply, Request, event, json_reply, text_reply
from ossifrage import HarmonyModel
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.harmony import HarmonyParseError, load_encoding, parse_completion
from ossifrage.agent.models.writer import TOKENS_KEY
from ossifrage.tools.search import search_tool

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "harmony_cases.jsonl"
SPECIALS = (199999, 200002, 200003, 200005, 200006, 200007, 200008, 200012)
ENCODING = load_encoding()
ANSWER = ENCODING.encode("<|channel|>final<|message|>Yes.<|return|>", allowed_special="all")


def main() -> None:
    """Print every figure."""
    read_cases()
    fuzz(20_000)
    throughput()
    for tokens in (1_000, 100_000):
        asyncio.run(overhead(tokens))


def read_cases() -> None:
    """Collected completions read as expected, here and by strict openai-harmony."""
    if not CASES.is_file():
        print(f"cases: skipped, no {CASES}")
        return
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    syntax = [case for case in cases if case["malformed_class"] == "syntax"]
    for name, chosen in (("all", cases), ("broken syntax", syntax)):
        ours = sum(as_expected(case, ours_rows) for case in chosen)
        strict = sum(as_expected(case, strict_rows) for case in chosen)
        print(
            f"cases read as expected, {name}: {ours}/{len(chosen)} "
            f"(strict openai-harmony {strict}/{len(chosen)})"
        )


def as_expected(
    case: dict[str, Any], read: Callable[[list[int], str | None], list[tuple[Any, ...]] | None]
) -> bool:
    """Whether a case is read as its author expects; no safe reading is met by an error or unrouted text."""
    role = None if case["raw"].startswith("<|start|>") else "assistant"
    if "sentinel" in case["id"]:  # control tokens as text inside the body
        header, _, rest = case["raw"].partition("<|message|>")
        stop = "<|call|>" if rest.endswith("<|call|>") else "<|return|>"
        tokens = ENCODING.encode(f"{header}<|message|>", allowed_special="all")
        tokens += ENCODING.encode(rest.removesuffix(stop), disallowed_special=())
        tokens += ENCODING.encode(stop, allowed_special="all")
    else:
        tokens = ENCODING.encode(case["raw"], allowed_special="all")
    got = read(tokens, role)
    if case["expected"] is None:
        return got is None or all(row[1] is None for row in got)
    fields = ("role", "channel", "recipient", "content_type", "content")
    return got == [tuple(message[name] for name in fields) for message in case["expected"]]


def ours_rows(tokens: list[int], role: str | None) -> list[tuple[Any, ...]] | None:
    """The reading here."""
    try:
        messages = parse_completion(tokens, role=role).messages
    except HarmonyParseError:
        return None
    return [(m.role, m.channel, m.recipient, m.content_type, m.content) for m in messages]


def strict_rows(tokens: list[int], role: str | None) -> list[tuple[Any, ...]] | None:
    """The reading of openai-harmony's strict parser."""
    try:
        messages = ENCODING.parse_messages_from_completion_tokens(tokens, role=Role(role) if role else None)
    except Exception:
        return None
    return [
        (
            m.author.role.value,
            m.channel,
            m.recipient,
            m.content_type,
            "".join(getattr(c, "text", "") for c in m.content),
        )
        for m in messages
    ]


def fuzz(count: int) -> None:
    """Random token sequences: every one is read or refused."""
    words = ENCODING.encode(' to=functions.f assistant analysis commentary final json {"a":1} tool é🦅')
    generator = random.Random(0)
    refused = 0
    began = time.perf_counter()
    for _ in range(count):
        pool = (SPECIALS, words)
        tokens = [generator.choice(pool[generator.random() < 0.5]) for _ in range(generator.randint(0, 40))]
        try:
            parse_completion(tokens)
        except HarmonyParseError:
            refused += 1
    rate = count / (time.perf_counter() - began)
    print(f"fuzz: {count} sequences read or refused ({refused} refused), {rate:,.0f}/s")


def throughput() -> None:
    """Tokens read and rendered per second."""
    text = "<|channel|>final<|message|>" + "The kite is a bird of prey. " * 12_000 + "<|return|>"
    tokens = ENCODING.encode(text, allowed_special="all")
    seconds = timed(lambda: parse_completion(tokens))
    strict = timed(lambda: ENCODING.parse_messages_from_completion_tokens(tokens, role=Role.ASSISTANT))
    print(
        f"reading: {len(tokens) / seconds:,.0f} tokens/s (openai-harmony, whole completion at once: "
        f"{len(tokens) / strict:,.0f})"
    )


class InstantServer(HttpServer):
    """Answers at once on both interfaces, so that what is timed is the client."""

    async def answer(self, request: Request) -> Reply:
        """A model list, a completion in tokens, or a chat completion."""
        if request.path == "/v1/models":
            return json_reply({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 1_000_000}]})
        if request.path == "/v1/completions":
            choice = {"index": 0, "text": "", "token_ids": ANSWER, "finish_reason": "stop"}
            return text_reply(event({"choices": [choice]}).decode() + "data: [DONE]\n\n")
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        head = {"id": "c", "created": 0, "model": "m", "object": "chat.completion"}
        return json_reply({**head, "choices": [message], "usage": usage})


async def overhead(tokens: int) -> None:
    """Time of one model call in a tool loop of some length, against the SDK's chat model."""
    items = conversation(tokens)
    async with InstantServer() as server:
        client = AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
        harmony = HarmonyModel(await VllmEngine.open(base_url=server.url))
        ours, first = await median(harmony, items)
        theirs, _ = await median(OpenAIChatCompletionsModel("m", client), items)
        await harmony.close()
        await client.close()
    print(
        f"overhead per model call at {tokens:,} tokens: HarmonyModel {ours * 1e3:.1f} ms "
        f"(first call, with the connection made: {first * 1e3:.1f} ms), the SDK's chat model "
        f"{theirs * 1e3:.1f} ms, ratio {ours / theirs:.2f}"
    )


def conversation(tokens: int) -> list[Any]:
    """A question and a tool loop of about ``tokens`` tokens, with the model's own tokens on its items."""
    output = "L1: The kite is a bird of prey that nests in trees and feeds on carrion.\n" * 50
    per_step = len(ENCODING.encode(output))
    items: list[Any] = [{"role": "user", "content": "What is a kite?"}]
    for step in range(max(1, tokens // per_step)):
        raw = (
            "<|start|>assistant<|channel|>commentary to=functions.search <|constrain|>json"
            '<|message|>{"queries":["x"]}<|call|>'
        )
        call = {
            "type": "function_call",
            "call_id": f"c{step}",
            "name": "search",
            "arguments": '{"queries":["x"]}',
            "provider_data": {TOKENS_KEY: ENCODING.encode(raw, allowed_special="all")},
        }
        items += [call, {"type": "function_call_output", "call_id": f"c{step}", "output": f"{step} {output}"}]
    return items


async def median(model: Model, items: list[Any]) -> tuple[float, float]:
    """Median of twenty calls, and the first call's time."""
    times: list[float] = []
    for _ in range(21):
        began = time.perf_counter()
        await model.get_response(
            "Be brief.",
            items,
            ModelSettings(),
            [search_tool],
            None,
            [],
            ModelTracing.DISABLED,
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        )
        times.append(time.perf_counter() - began)
    return sorted(times[1:])[10], times[0]


def timed(run: Callable[[], object]) -> float:
    """The best of three."""
    times: list[float] = []
    for _ in range(3):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    main()
