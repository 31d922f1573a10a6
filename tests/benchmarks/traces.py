"""What recording costs a run, and how fast a large store is read. CPU seconds, not wall time.

PYTHONPATH=tests .venv/bin/python tests/benchmarks/traces.py [--runs 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import JsonValue

from fakes.completions import ANSWER, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Settings
from ossifrage.agent.traces import (
    Answered,
    Event,
    ModelCalled,
    RunEnded,
    RunStarted,
    ToolCalled,
    ToolReturned,
    TraceStore,
    Usage,
    parse_filter,
)
from ossifrage.agent.traces.schema import index_texts, note_event

WORDS = [
    "bridge",
    "vulture",
    "storage",
    "format",
    "column",
    "segment",
    "index",
    "query",
    "milvus",
    "harmony",
    "token",
    "engine",
]


def cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def recording(home: Path, steps: int = 12, repeats: int = 7) -> None:
    """The same run on an engine without latency, recorded and not."""
    documents = home / "documents"
    documents.mkdir()
    for number in range(40):
        lines = [f"Line {line} of the {random.choice(WORDS)} in document {number}." for line in range(60)]
        (documents / f"{number}.md").write_text(f"# Document {number}\n\n" + "\n\n".join(lines))
    with KnowledgeBase(home / "base", embedding="none") as base:
        base.add([documents])

        async def ask() -> tuple[float, float]:
            """CPU seconds of the quickest run, recorded and not; the two take turns."""
            searches = [call("search", queries=[f"{WORDS[step]} document {step}"]) for step in range(steps)]
            engines = [ScriptedEngine([*searches, ANSWER, ANSWER] * (repeats + 1)) for _ in range(2)]
            settings = Settings(home=home / "runs", max_steps=steps + 2)
            async with (
                Assistant(settings, knowledge=base, engine=engines[0]) as recorded,
                Assistant(settings, knowledge=base, engine=engines[1], save_traces=False) as bare,
            ):
                spent: list[list[float]] = [[], []]
                for _ in range(repeats + 1):
                    for times, assistant in zip(spent, (recorded, bare), strict=True):
                        began = time.process_time()
                        await assistant.run("What is it?")
                        times.append(time.process_time() - began)
            return min(spent[0]), min(spent[1])

        best, bare = asyncio.run(ask())
    print(f"a run of {steps + 2} steps: {bare:.3f} CPU s bare, {best:.3f} recorded ({best / bare - 1:+.1%})")


def write(home: Path, trace: int, events: Sequence[Event]) -> None:
    """A run, written as the store does, but many in one transaction."""
    connection = written[home]
    connection.execute("INSERT INTO traces (number, trace_id) VALUES (?, ?)", (trace, f"t-{trace:08}"))
    rows = [(event.type, event.model_dump_json()) for event in events]
    connection.executemany(
        "INSERT INTO events (trace, type, data) VALUES (?, ?, ?)", [(trace, *row) for row in rows]
    )
    for event in events:
        note_event(connection, trace, event.type, event.__dict__)
    index_texts(connection, trace, rows)


written: dict[Path, sqlite3.Connection] = {}


@contextmanager
def writing(home: Path) -> Generator[None]:
    with TraceStore(home) as store:  # makes the file
        store.start(RunStarted(question="first", engine="e", model="m", output_type="A", version="1"))
    connection = sqlite3.connect(home / "traces.db")
    written[home] = connection
    yield
    connection.commit()
    connection.close()


def a_run(number: int, chosen: random.Random) -> list[Event]:
    """A run of three steps."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number * 200)
    question = f"What is the {chosen.choice(WORDS)} of the {chosen.choice(WORDS)} number {number}?"
    engine = chosen.choice(("vllm", "llama-server", "extractive"))
    events: list[Event] = [
        RunStarted(
            at=at, question=question, engine=engine, model="gpt-oss-20b", output_type="Answer", version="1"
        )
    ]
    for step in (1, 2):
        query = json.dumps({"queries": [f"{chosen.choice(WORDS)} {number % 977}"]})
        events.append(ModelCalled(at=at, step=step, prompt_tokens=1000, completion_tokens=80, seconds=1))
        events.append(ToolCalled(at=at, step=step, call_id="c", tool="search", arguments=query))
    cited: dict[str, JsonValue] = {"verified": chosen.random() < 0.9}
    reason = chosen.choice(("answered",) * 8 + ("max_steps", "not_found"))
    output: dict[str, JsonValue] = {"answer": f"It is {number}."}
    events.append(Answered(at=at, step=3, output=output, citations=(cited,)))
    usage = Usage(model_calls=3)
    events.append(RunEnded(at=at, step=3, stop_reason=reason, seconds=3, usage=usage))
    return events


def reading(home: Path, runs: int) -> None:
    began = time.process_time()
    chosen = random.Random(7)
    with writing(home):
        for number in range(runs):
            write(home, number + 2, a_run(number, chosen))
    size = sum(file.stat().st_size for file in home.iterdir()) / 1e6
    print(f"{runs:,} runs written in {time.process_time() - began:.0f} CPU s, {size:.0f} MB")
    queries = [
        "",
        "vulture",
        "engine:vllm stop:partial unverified:yes",
        "number 77777",
        "since:300d bridge engine:vllm",
        "nothing-at-all",
        "milvus tokens:>5000",
    ]
    with TraceStore(home) as store:
        for words in queries:
            wanted = parse_filter(words)
            store.list(wanted=wanted)
            spent = [cpu(lambda wanted=wanted: store.list(wanted=wanted)) for _ in range(5)]
            found = len(store.list(wanted=wanted))
            print(f"  list {words or '(all)':<45} {max(spent) * 1000:7.1f} ms CPU, {found} shown")
        print(f"  stats {cpu(lambda: store.stats()):46.2f} s CPU")


def opening(home: Path, steps: int = 2_000) -> None:
    """A run of many steps, each with a page of text."""
    page = "[0] Title (a.md)\n**viewing lines [1 - 20] of 20**\n\n" + "\n".join(
        f"L{n}: {'word ' * 15}" for n in range(1, 21)
    )
    events: list[Event] = [RunStarted(question="q", engine="e", model="m", output_type="A", version="1")]
    for step in range(1, steps + 1):
        call_id = f"c{step}"
        events += [
            ModelCalled(step=step, prompt_tokens=1, completion_tokens=1, seconds=1),
            ToolCalled(step=step, call_id=call_id, tool="search", arguments="{}"),
            ToolReturned(step=step, call_id=call_id, tool="search", output=page, summary="x", seconds=1),
        ]
    citation: dict[str, JsonValue] = {
        "source": "a.md",
        "start_line": 3,
        "end_line": 4,
        "quote": "word",
        "verified": True,
    }
    events.append(Answered(step=steps, output="x", citations=(citation,) * 10))
    with writing(home):
        write(home, 2, events)
    with TraceStore(home) as store:
        trace_id = "last"
        spent = cpu(lambda: (trace := store.load(trace_id), trace.steps, trace.citations))
    print(f"a run of {steps:,} steps opened with steps and citations in {spent:.2f} CPU s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        for name in ("recording", "reading", "opening"):
            (Path(folder) / name).mkdir()
        recording(Path(folder) / "recording")
        opening(Path(folder) / "opening")
        reading(Path(folder) / "reading", runs)


if __name__ == "__main__":
    main()
