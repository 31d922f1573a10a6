from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agents import SQLiteSession
from openai_harmony import HarmonyEncoding

from fakes.completions import ANSWER, BONES, SEARCH, SECRET, answer, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Result, Settings
from ossifrage.agent.answer import StopReason
from ossifrage.agent.engines.engine import Chunk, Sampling
from ossifrage.agent.run.steering import Steering
from ossifrage.agent.run.stream import ModelAsked, TextDelta
from ossifrage.agent.traces import Steered, ToolReturned, TraceStore

LONG = answer("It eats bones【0†L5】. " + "It cracks them. " * 40, BONES)


class PausingEngine(ScriptedEngine):
    """Says nothing more after so many chunks of its second completion, until it is closed."""

    chunks_before_the_pause = 24

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        said = 0
        async with aclosing(super().generate(prompt, sampling)) as chunks:
            async for chunk in chunks:
                yield chunk
                said += 1
                if len(self.prompts) == 2 and said == self.chunks_before_the_pause:
                    await asyncio.sleep(60)


def contents(items: list[Any], role: str) -> list[str]:
    return [str(item["content"]) for item in items if item.get("role") == role]


async def test_a_line_is_read_with_the_next_call_and_stays_where_it_was(
    birds: KnowledgeBase, home: Path, encoding: HarmonyEncoding
) -> None:
    engine = ScriptedEngine([SEARCH, SEARCH, ANSWER, ANSWER])
    session, steering = SQLiteSession("s"), Steering()
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine) as assistant:
        told: list[str] = []
        async for item in assistant.run_stream("What does it eat?", session=session, steering=steering):
            if isinstance(item, ToolReturned) and not told:
                steering.say("Only adults, please.")
                steering.say("And short.")
            if isinstance(item, Steered):
                told.append(item.text)
        assert told == ["Only adults, please.", "And short."]
        assert steering.unread() == []
        await assistant.run("And where?", session=session)
    first, second, third, after = engine.prompts
    assert "Only adults" not in encoding.decode(first)
    # Append-only: nothing that stood in a prompt of the turn has gone or moved, thoughts included.
    assert second[: len(first)] == first
    assert third[: len(second) - 2] == second[:-2]
    assert encoding.decode(third).count("Only adults, please.") == 1
    assert "Only adults, please.<|end|><|start|>user<|message|>And short." in encoding.decode(second)
    later = encoding.decode(after)
    assert later.index("Only adults, please.") < later.index("And short.") < later.index("And where?")
    assert SECRET not in later
    items: list[Any] = list(await session.get_items())
    assert contents(items, "user") == ["What does it eat?", *told, "And where?"]
    session.close()


async def test_a_line_that_comes_too_late_stays_unread(birds: KnowledgeBase, home: Path) -> None:
    steering = Steering()
    engine = ScriptedEngine([SEARCH, ANSWER])
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine) as assistant:
        async for item in assistant.run_stream("What?", steering=steering):
            if isinstance(item, TextDelta):
                steering.say("wait")
    assert set(steering.unread()) == {"wait"}


async def test_an_interrupted_run_keeps_what_came(birds: KnowledgeBase, home: Path) -> None:
    engine = PausingEngine([SEARCH, LONG, ANSWER])
    session, steering = SQLiteSession("s"), Steering()
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine) as assistant:
        shown, result = "", None
        async for item in assistant.run_stream("What does it eat?", session=session, steering=steering):
            if isinstance(item, TextDelta):
                shown += item.text
                if "cracks" in shown and not steering.stopped:
                    steering.stop()
            if isinstance(item, Result):
                result = item
        assert result is not None
        assert result.stop_reason is StopReason.CANCELLED
        assert result.text.startswith("It eats bones[1]. It cracks")
        assert result.text == shown
        assert len(result.text) < 300
        assert result.citations[0].verified
        assert engine.closed_early == 1
        items: list[Any] = list(await session.get_items())
        assert [item.get("type") or item["role"] for item in items] == [
            *("user", "function_call", "function_call_output", "assistant")
        ]
        assert "It cracks" in items[-1]["content"]
        await assistant.run("And where?", session=session)
    with TraceStore(home) as store:
        ended = store.load(result.trace_id).ended
    assert ended is not None
    assert ended.stop_reason == "cancelled"
    session.close()


async def test_interrupted_before_anything_came(birds: KnowledgeBase, home: Path) -> None:
    session, steering = SQLiteSession("s"), Steering()
    async with Assistant(Settings(home=home), knowledge=birds, engine=ScriptedEngine([SEARCH])) as assistant:
        items: list[Any] = []
        async for item in assistant.run_stream("What?", session=session, steering=steering):
            items.append(item)
            if isinstance(item, ModelAsked):
                steering.stop()
        assert items[-1].stop_reason is StopReason.CANCELLED
        assert items[-1].text == ""
        assert contents(list(await session.get_items()), "user") == ["What?"]
    session.close()


async def test_interrupted_while_a_tool_runs(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([call("wait")])
    from agents import function_tool

    began = asyncio.Event()

    @function_tool
    async def wait() -> str:
        """Wait."""
        began.set()
        await asyncio.sleep(60)
        return ""

    session, steering = SQLiteSession("s"), Steering()
    assistant = Assistant(Settings(home=home), knowledge=birds, engine=engine, tools=[wait])
    async with assistant:

        async def run() -> list[Any]:
            return [item async for item in assistant.run_stream("What?", session=session, steering=steering)]

        running = asyncio.create_task(run())
        await began.wait()
        steering.stop()
        items = await asyncio.wait_for(running, 10)
        assert items[-1].stop_reason is StopReason.CANCELLED
        kept: list[Any] = list(await session.get_items())
        assert [item.get("type") or item["role"] for item in kept] == ["user"]
    session.close()
