"""What is left of a run that is over."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import aclosing
from pathlib import Path

import pytest
from agents import function_tool

from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Settings
from ossifrage.agent.errors import EngineUnreachableError
from ossifrage.agent.extractive.names import names
from ossifrage.agent.extractive.terms import terms
from ossifrage.agent.harmony.texts import EncodedTexts
from ossifrage.agent.models.writer import PromptWriter
from ossifrage.agent.run.budget import PromptBudget
from ossifrage.agent.run.loop import Run
from ossifrage.agent.traces import Recorder
from ossifrage.tools.function import RunContext
from ossifrage.tools.pages import PageStack

OF_A_RUN = (EncodedTexts, PromptBudget, PromptWriter, Recorder, Run, RunContext, PageStack)

CALL = "<|channel|>commentary to=functions.recite <|constrain|>json<|message|>{}<|call|>"
FINAL = f"<|channel|>final<|message|>{json.dumps({'answer': 'Yes.', 'citations': []})}<|return|>"


@function_tool
def recite() -> str:
    """Say a lot."""
    return "word " * 4_000


async def alive() -> dict[str, int]:
    await asyncio.sleep(0)  # the event loop holds on to what its last step was given
    gc.collect()
    objects: list[object] = gc.get_objects()
    return {kind.__name__: sum(type(each) is kind for each in objects) for kind in OF_A_RUN}


async def test_nothing_of_a_run_outlives_it(birds: KnowledgeBase, tmp_path: Path) -> None:
    engine = ScriptedEngine([CALL, FINAL, CALL, EngineUnreachableError("gone")])
    settings = Settings(home=tmp_path)
    async with Assistant(settings, knowledge=birds, engine=engine, tools=[recite]) as assistant:
        await assistant.open()
        before = await alive()
        result = await assistant.run("Is it?")
        assert result.usage.model_calls == 2
        assert await alive() == before
        with pytest.raises(EngineUnreachableError):
            await assistant.run("Is it?")
        assert await alive() == before
        for _ in range(3):
            engine.completions = [CALL, FINAL]
            async with aclosing(assistant.run_stream("Is it?")) as items:
                await anext(items)
        # The SDK holds on to the run that was left last.
        assert all(count <= before[name] + 1 for name, count in (await alive()).items())


async def test_the_engine_that_quotes_keeps_no_conversation(birds: KnowledgeBase, tmp_path: Path) -> None:
    async with Assistant(Settings(home=tmp_path), knowledge=birds, engine="extractive") as assistant:
        assert (await assistant.run("What does the bearded vulture eat?")).output.answer
    assert terms.cache_info().currsize == names.cache_info().currsize == 0
