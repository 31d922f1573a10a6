"""How much memory runs leave behind.

Run with ``make bench-memory``. Many runs in one process, on the extractive engine or on a scripted one whose
tool outputs are long; prints the resident memory as it goes. After the first 50 runs it has to stay flat.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from agents import Tool, function_tool

from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Settings

WARM_UP = 50
CALL = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant" + (
    "<|channel|>commentary to=functions.recite <|constrain|>json<|message|>{{}}<|call|>"
)
FINAL = f"<|channel|>final<|message|>{json.dumps({'answer': 'Yes.', 'citations': []})}<|return|>"


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--engine", choices=["extractive", "scripted"], default="scripted")
    given = parser.parse_args()
    asyncio.run(measure(given.runs, given.engine))


async def measure(runs: int, engine: str) -> None:
    """Print the memory after every 50 runs."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        document = home / "kite.md"
        document.write_text("# Red kite\n\nThe red kite belongs to the genus Milvus. It nests in trees.\n")
        with KnowledgeBase(home / "knowledge", embedding="none") as knowledge:
            knowledge.add([document])
            scripted = ScriptedEngine([])
            async with Assistant(
                Settings(home=home),
                knowledge=knowledge,
                engine=engine if engine == "extractive" else scripted,
                tools=list(reciting()),
            ) as assistant:
                began, base = time.perf_counter(), 0
                for number in range(1, runs + 1):
                    scripted.prompts.clear()
                    scripted.samplings.clear()
                    scripted.completions = [*([CALL.format(f"Thought {number}.")] * 3), FINAL]
                    await assistant.run(f"Which genus does the red kite number {number} belong to?")
                    if number % WARM_UP == 0:
                        now = resident()
                        base = base or now
                        grown, seconds = (now - base) / 2**20, time.perf_counter() - began
                        print(f"{number:>6} runs  {now / 2**20:7.1f} MB  {grown:+6.1f}  {seconds:6.1f} s")


def reciting() -> Iterator[Tool]:
    """A tool whose outputs are long, and never the same."""
    count = 0

    @function_tool
    def recite() -> str:
        """Say a lot."""
        nonlocal count
        count += 1
        return f"{count} words. " * 1_500

    yield recite


def resident() -> int:
    """Bytes of memory this process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
