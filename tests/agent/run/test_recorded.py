"""Runs that begin as another one did."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.completions import ANSWER, BONES, SEARCH, SECRET, answer, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Result, Settings
from ossifrage.agent.errors import UsageError
from ossifrage.agent.run.recorded import Recorded
from ossifrage.agent.traces import Trace, TraceStore
from ossifrage.agent.traces.compare import compare

QUESTION = "What does the bearded vulture eat?"
OPEN = call("open", document="birds/vulture.md")


async def asked(
    home: Path, birds: KnowledgeBase, engine: ScriptedEngine, recorded: Recorded | None = None
) -> tuple[Result, Trace]:
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine) as assistant:
        async for item in assistant.run_stream(QUESTION, recorded=recorded):
            if isinstance(item, Result):
                with TraceStore(home) as store:
                    return item, store.load(item.trace_id)
    raise AssertionError


async def test_steps_before_are_taken_from_the_record(tmp_path: Path, birds: KnowledgeBase) -> None:
    first = ScriptedEngine([SEARCH, OPEN, ANSWER])
    _, original = await asked(tmp_path, birds, first)
    with TraceStore(tmp_path) as store:
        thoughts = store.reasoning(original.trace_id)

    again = ScriptedEngine([answer("Bones, large ones【1†L5】.", BONES)])
    result, trace = await asked(tmp_path, birds, again, Recorded(original, 3, thoughts))
    assert len(again.prompts) == 1
    for part in (SECRET, "functions.search", "functions.open", "L5: The bearded vulture feeds on bones."):
        assert again.prompt_text().count(part) == first.prompt_text().count(part), part
    assert result.text == "Bones, large ones[1]."
    assert result.citations[0].verified
    assert [step.model.replayed for step in trace.steps if step.model] == [True, True, False]
    assert (trace.started.rerun_of, trace.started.rerun_from) == (original.trace_id, 3)
    assert [use.call.tool for step in trace.steps for use in step.tools] == ["search", "open"]
    assert compare(original, trace).parts_at == 2


async def test_without_the_reasoning_log_it_goes_on_without_thoughts(
    tmp_path: Path, birds: KnowledgeBase
) -> None:
    _, original = await asked(tmp_path, birds, ScriptedEngine([SEARCH, ANSWER]))
    again = ScriptedEngine([ANSWER])
    result, _ = await asked(tmp_path, birds, again, Recorded(original, 2))
    assert result.citations[0].verified
    assert SECRET not in again.prompt_text()
    assert "feeds on bones" in again.prompt_text()


async def test_from_the_first_step_everything_is_asked_anew(tmp_path: Path, birds: KnowledgeBase) -> None:
    _, original = await asked(tmp_path, birds, ScriptedEngine([SEARCH, ANSWER]))
    again = ScriptedEngine([OPEN, ANSWER])
    _, trace = await asked(tmp_path, birds, again, Recorded(original))
    assert len(again.prompts) == 2
    assert not any(step.model.replayed for step in trace.steps if step.model)
    with pytest.raises(UsageError, match="no step 3"):
        Recorded(original, 3)


async def test_refused_answers_are_refused_again(tmp_path: Path, birds: KnowledgeBase) -> None:
    wrong = "<|channel|>final<|message|>{}<|return|>"
    _, original = await asked(tmp_path, birds, ScriptedEngine([SEARCH, wrong, ANSWER]))
    again = ScriptedEngine([ANSWER])
    result, trace = await asked(tmp_path, birds, again, Recorded(original, 3))
    assert result.text == "It eats bones[1]."
    assert [note.type for step in trace.steps for note in step.notes] == ["output_rejected"]
