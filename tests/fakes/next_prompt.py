"""What an assistant in a new process sends for one more question of a conversation kept on disk.

    python next_prompt.py HOME KNOWLEDGE SESSION.db…

Writes one list of token ids for each session.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from agents import SQLiteSession

from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, Settings

QUESTION = "And what is its name?"


async def next_prompt(home: Path, knowledge: str, session: str) -> list[int]:
    engine = ScriptedEngine(['<|channel|>final<|message|>{"answer":"Ossifrage."}<|return|>'])
    async with Assistant(Settings(home=home), knowledge=knowledge, engine=engine) as assistant:
        await assistant.run(QUESTION, session=SQLiteSession("s", session))
    return engine.prompts[0]


async def main(home: str, knowledge: str, *sessions: str) -> None:
    json.dump([await next_prompt(Path(home), knowledge, session) for session in sessions], sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
