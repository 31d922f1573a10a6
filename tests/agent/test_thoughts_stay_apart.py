"""What was thought is in the reasoning log, and in nothing else that a run says or writes."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from fakes.malformed import THOUGHT, completions
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, OssifrageError, Settings
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.run.loop import ReasoningDelta

FINAL = '<|channel|>final<|message|>{"answer":"Yes.","citations":[],"missing":[]}<|return|>'


async def said(home: Path, knowledge: KnowledgeBase, text: str) -> str:
    """Everything a run tells, but for what is told as reasoning."""
    encode = load_encoding().encode
    broken, final = (list(encode(each, allowed_special="all")) for each in (text, FINAL))
    engine = ScriptedEngine([broken, broken, *([final] * 20)])
    told: list[str] = []
    async with Assistant(Settings(home=home), knowledge=knowledge, engine=engine) as assistant:
        try:
            async for item in assistant.run_stream("What eats bones?"):
                if not isinstance(item, ReasoningDelta):
                    told.append(repr(item))
        except OssifrageError as error:
            told.append(str(error))
    return "\n".join(told)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=completions())
def test_a_marked_thought_is_in_the_reasoning_log_only(
    text: str, birds: KnowledgeBase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ossifrage")
    caplog.clear()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        assert THOUGHT not in asyncio.run(said(home, birds, text)), text
        assert THOUGHT not in caplog.text
        for file in home.rglob("*"):
            if file.is_file() and not file.name.startswith("reasoning.db"):
                assert THOUGHT.encode() not in file.read_bytes(), (file.name, text)


def test_a_plain_thought_is_in_the_reasoning_log(tmp_path: Path, birds: KnowledgeBase) -> None:
    thought = f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant"
    assert THOUGHT not in asyncio.run(said(tmp_path, birds, thought + FINAL))
    logs = [file.read_bytes() for file in tmp_path.glob("reasoning.db*")]
    assert any(THOUGHT.encode() in log for log in logs)
