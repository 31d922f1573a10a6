"""What was thought is in the reasoning log, and in nothing else that a run says or writes."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import tempfile
import zlib
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from fakes.malformed import THOUGHT, completions
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, OssifrageError, Settings
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.harmony.vocabulary import CALL, ENDOFTEXT, RETURN
from ossifrage.agent.run.loop import ReasoningDelta
from ossifrage.agent.traces import TraceStore
from ossifrage.agent.traces.tokens import GAP

VOCABULARY = 201_088

FINAL = '<|channel|>final<|message|>{"answer":"Yes.","citations":[],"missing":[]}<|return|>'


def recorded_tokens(home: Path) -> str:
    """Everything in the record that may be a token, as text."""
    with sqlite3.connect(home / "traces.db") as connection:
        blobs = [data for (data,) in connection.execute("SELECT data FROM calls ORDER BY number")]
    connection.close()
    words: array[int] = array("I")
    for blob in blobs:
        words.frombytes(zlib.decompress(blob))
    assert blobs
    return load_encoding().decode([word for word in words if word < VOCABULARY], errors="replace")


async def said(home: Path, knowledge: KnowledgeBase, text: str) -> str:
    """Everything a run tells, but for what is told as reasoning; the record is checked against the engine."""
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
    with TraceStore(home) as store:
        whole = [list(call.tokens) for call in store.calls("last", reasoning=True)]
        masked = [list(call.tokens) for call in store.calls("last")]
    completions = [broken, broken, *([final] * 20)]
    assert whole == [
        prompt + _bounded(completion) for prompt, completion in zip(engine.prompts, completions, strict=False)
    ]
    assert [len(tokens) for tokens in masked] == [len(tokens) for tokens in whole]
    assert all(
        seen in (token, GAP)
        for tokens, filled in zip(masked, whole, strict=True)
        for seen, token in zip(tokens, filled, strict=True)
    )
    return "\n".join(told)


def _bounded(tokens: list[int]) -> list[int]:
    """Up to the first token that ends a completion."""
    ends = [index for index, token in enumerate(tokens, 1) if token in (RETURN, CALL, ENDOFTEXT)]
    return tokens[: ends[0]] if ends else tokens


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
        assert THOUGHT not in recorded_tokens(home), text
        for file in home.rglob("*"):
            if file.is_file() and not file.name.startswith("reasoning.db"):
                assert THOUGHT.encode() not in file.read_bytes(), (file.name, text)


def test_a_plain_thought_is_in_the_reasoning_log(tmp_path: Path, birds: KnowledgeBase) -> None:
    thought = f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant"
    assert THOUGHT not in asyncio.run(said(tmp_path, birds, thought + FINAL))
    logs = [file.read_bytes() for file in tmp_path.glob("reasoning.db*")]
    assert any(THOUGHT.encode() in log for log in logs)
    assert THOUGHT not in recorded_tokens(tmp_path)
    with TraceStore(tmp_path) as store:
        call = store.calls("last")[0]
    assert "<|channel|>analysis<|message|><|end|>" in load_encoding().decode(
        [token for token in call.tokens[call.prompt_tokens :] if token != GAP]
    )
