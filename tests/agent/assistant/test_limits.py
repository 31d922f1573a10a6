"""What a run may take: each limit ends it with a reason of its own and what could be said by then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest
from agents import FunctionTool, function_tool

from fakes.completions import ANSWER, FINAL, SEARCH, THINK, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, LimitReached, Limits, Result, Settings, StopReason, UsageError
from ossifrage.agent.engines.engine import Chunk, Sampling
from ossifrage.agent.traces import TraceStore

NAME = call("search", queries=["ossifrage"])
PARTIAL = FINAL.format('{"answer": "So far: bones."}')


class HungEngine(ScriptedEngine):
    """Writes what it is given, and then says nothing any more."""

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        try:
            async for chunk in super().generate(prompt, sampling):
                if chunk.finish_reason is not None and not self.completions:
                    await asyncio.sleep(60)
                yield chunk
        except asyncio.CancelledError:
            self.closed_early += 1
            raise


async def ask(
    engine: ScriptedEngine, birds: KnowledgeBase, home: Path, limits: Limits, **more: Any
) -> tuple[Result, list[str]]:
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine, **more) as assistant:
        result = await assistant.run("What does the bearded vulture eat?", limits=limits)
    with TraceStore(home) as store:
        trace = store.load(result.trace_id)
    assert trace.events[-1].type == "run_ended"
    return result, [event.limit for event in trace.events if isinstance(event, LimitReached)]


async def test_steps(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([SEARCH, NAME, PARTIAL])
    result, told = await ask(engine, birds, home, Limits(steps=2))
    assert (result.stop_reason, result.output.answer) == (StopReason.MAX_STEPS, "So far: bones.")
    assert told == ["max_steps"]
    assert engine.completions == []


async def test_tool_calls(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([SEARCH, NAME, PARTIAL])
    result, told = await ask(engine, birds, home, Limits(tool_calls=2))
    assert (result.stop_reason, result.output.answer) == (StopReason.MAX_TOOL_CALLS, "So far: bones.")
    assert told == ["max_tool_calls"]
    assert "namespace functions" not in engine.prompt_text()
    assert result.partial


async def test_a_limit_that_is_not_reached_changes_nothing(birds: KnowledgeBase, home: Path) -> None:
    limits = Limits(steps=3, tool_calls=2, tokens=100_000, seconds=60)
    result, told = await ask(ScriptedEngine([SEARCH, ANSWER]), birds, home, limits)
    assert (result.stop_reason, told) == (StopReason.ANSWERED, [])


async def test_tokens_leave_room_for_the_answer_and_are_never_exceeded(
    birds: KnowledgeBase, home: Path
) -> None:
    free, _ = await ask(ScriptedEngine([SEARCH, NAME, NAME, ANSWER]), birds, home, Limits())
    used = free.usage.prompt_tokens + free.usage.completion_tokens
    limit = used * 2 // 3
    engine = ScriptedEngine([SEARCH, NAME, PARTIAL])
    result, told = await ask(engine, birds, home, Limits(tokens=limit))
    assert (result.stop_reason, told) == (StopReason.MAX_TOTAL_TOKENS, ["max_total_tokens"])
    assert result.usage.prompt_tokens + result.usage.completion_tokens <= limit


async def test_an_answer_is_cut_where_the_tokens_end(birds: KnowledgeBase, home: Path) -> None:
    long = FINAL.format('{"answer": "' + "bones and " * 3_000 + '"}')
    engine = ScriptedEngine([long])
    result, _ = await ask(engine, birds, home, Limits(tokens=6_000))
    assert result.stop_reason is StopReason.MAX_TOTAL_TOKENS
    assert result.usage.prompt_tokens + result.usage.completion_tokens <= 6_000
    assert result.text.startswith("bones and bones")


async def test_too_few_tokens_for_anything(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([])
    result, _ = await ask(engine, birds, home, Limits(tokens=10))
    assert (result.stop_reason, result.output, engine.prompts) == (StopReason.MAX_TOTAL_TOKENS, None, [])


async def test_seconds_stop_a_hung_engine_and_keep_what_came(birds: KnowledgeBase, home: Path) -> None:
    engine = HungEngine([SEARCH, THINK + FINAL.removesuffix("<|return|>").format('{"answer": "It eats bo')])
    began = time.monotonic()
    result, told = await ask(engine, birds, home, Limits(seconds=2.0))
    assert (result.stop_reason, told) == (StopReason.MAX_SECONDS, ["max_seconds"])
    assert result.text == "It eats bo"
    assert time.monotonic() - began < 30  # of sixty
    assert engine.closed_early


async def test_seconds_stop_a_hung_tool(birds: KnowledgeBase, home: Path) -> None:
    stopped: list[bool] = []

    @function_tool
    async def wait() -> str:
        """Wait."""
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append(True)
        return ""

    result, _ = await ask(ScriptedEngine([call("wait")]), birds, home, Limits(seconds=1.0), tools=[wait])
    assert (result.stop_reason, result.output) == (StopReason.MAX_SECONDS, None)
    assert stopped


async def test_a_call_beyond_the_limit_is_not_run(birds: KnowledgeBase, home: Path) -> None:
    from agents.tool_context import ToolContext

    from ossifrage.tools.function import RunContext
    from ossifrage.tools.guarded import guarded

    runs: list[str] = []

    async def invoke(_: ToolContext[Any], raw: str) -> str:
        runs.append(raw)
        return "done"

    tool = FunctionTool("ring", "Rings.", {"type": "object", "properties": {}}, invoke)
    run = RunContext(birds, most_calls=1)
    kept = guarded(tool, seconds=5, run_of=lambda _: run)
    assert isinstance(kept, FunctionTool)
    said = [
        await kept.on_invoke_tool(
            ToolContext(None, tool_name="ring", tool_call_id=call_id, tool_arguments="{}"), call_id
        )
        for call_id in ("a", "b")
    ]
    assert runs == ["a"]
    assert said[0] == "done"
    assert said[1].startswith("ring was not called")


@pytest.mark.parametrize(
    "given", [{"steps": 0}, {"tool_calls": -1}, {"tokens": True}, {"seconds": float("inf")}, {"steps": 1.5}]
)
def test_a_limit_has_to_be_a_positive_number(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))):
        Limits(**given)
