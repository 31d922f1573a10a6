"""A conversation on disk, opened again by another process, is the same prompt to the token."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from agents import SQLiteSession
from openai_harmony import HarmonyEncoding

from fakes import next_prompt
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Settings

SEARCH = (
    '<|channel|>commentary to=functions.search <|constrain|>json<|message|>{"queries": ["bones 🦅"]}<|call|>'
)
ANSWER = '<|channel|>final<|message|>{"answer":"Bones【0†L5】."}<|return|>'
# As gpt-oss writes when it leaves the format: no <|end|>, a fence around the arguments, nothing at all.
BROKEN = [
    "<|channel|>analysis<|message|>Hm.<|channel|>commentary to=functions.search<|message|>"
    '```json\n{"queries": ["kite"]}\n```<|call|>',
    "nothing<|end|>",
    '<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>{"answer":"Trees."}',
]


async def in_another_process(*arguments: Path) -> list[list[int]]:
    """The prompts for one more question (see ``fakes/next_prompt.py``)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, Path(next_prompt.__file__), *arguments),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


def copied(database: Path, copy: Path) -> Path:
    """A copy of an SQLite file, with what is still in its write-ahead log."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


async def test_a_session_reopened_in_another_process(
    birds: KnowledgeBase, home: Path, tmp_path: Path, encoding: HarmonyEncoding
) -> None:
    with KnowledgeBase(tmp_path / "empty", embedding="none"):
        pass  # a base of the new process's own: the other one is open here
    engine = ScriptedEngine([SEARCH, ANSWER, *BROKEN, ANSWER])
    session = SQLiteSession("s", tmp_path / "session.db")
    copies: list[Path] = []
    asked: list[int] = []
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine) as assistant:
        for turn in range(3):
            asked.append(len(engine.prompts))
            await assistant.run(next_prompt.QUESTION, session=session)
            copies.append(copied(tmp_path / "session.db", tmp_path / f"{turn}.db"))
    session.close()
    _, second, third = (engine.prompts[index] for index in asked)

    before = engine.prompts[1] + encoding.encode(
        ANSWER.replace("<|return|>", "<|end|>"), allowed_special="all"
    )
    assert second[: len(before)] == before
    assert await in_another_process(tmp_path / "other", tmp_path / "empty", *copies[:2]) == [second, third]
