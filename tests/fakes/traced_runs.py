"""Runs to look at: real ones by a scripted engine over a few documents, with the times of a real model."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Settings

__all__ = ["COMPLETIONS", "DOCUMENTS", "QUESTION", "THOUGHTS", "record_runs"]

QUESTION = "What changed in the storage format in 2.4, and why?"
DOCUMENTS = {
    "release_notes.md": """# Release notes

## 2.5

Compaction runs in the background, and a segment is sealed after ten minutes without writes.

## 2.4

### Storage

Since 2.4 a segment is written as one column file per field.
Older segments are read as they are; they are written anew when they are compacted.

The index files keep their form. A downgrade to 2.3 is not possible once a segment was compacted.

## 2.3

Snapshots can be taken while data is written.
""",
    "design/segments.md": """# Segments

A segment holds the rows that were written in one stretch of time.

## Why columns

Adding a field used to rewrite every row of a segment.
With one file per field a new field is written without rewriting the others,
and a query that reads two fields out of forty reads two files.

The price is one more open file per field, which is why small segments are merged early.

## Deletion

Rows are marked as deleted in a file of their own.
""",
    "design/history.md": """# History

Row files were chosen in 2019, when collections had three fields.

Measurements in 2024 showed that adding a field to 80 GB took four hours, nearly all of it rewriting.
""",
}
THOUGHTS = (
    "The user asks about a change in the storage format in version 2.4 and for its reason. The release notes "
    "should name the change; a design document may say why. I search for both.",
    "The release notes say what changed: one column file per field. The reason is not there. The design "
    "document on segments has a section called “Why columns”: I open it.",
    "The reason: adding a field rewrote every row. Is there a measurement? One more search.",
    "I have the change, the reason and a measurement. Who proposed it is not said anywhere.",
)
_CALL = "<|channel|>commentary to=functions.{} <|constrain|>json<|message|>{}<|call|>"


def _thinking(thought: str) -> str:
    return f"<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant"


def _calling(thought: str, tool: str, **arguments: object) -> str:
    return _thinking(thought) + _CALL.format(tool, json.dumps(arguments))


def _answering(thought: str, answer: str, *citations: tuple[str, int, int, str], missing: str = "") -> str:
    places = [
        {"source": source, "start_line": first, "end_line": last, "quote": quote}
        for source, first, last, quote in citations
    ]
    body = {"answer": answer, "citations": places, "missing": [missing] if missing else []}
    return f"{_thinking(thought)}<|channel|>final<|message|>{json.dumps(body)}<|return|>"


_FIRST = (
    _calling(THOUGHTS[0], "search", queries=["storage format 2.4", "segment format change"]),
    _calling(THOUGHTS[1], "open", document="design/segments.md", line=1),
)
_PLACES = (
    ("release_notes.md", 11, 11, "one column file per field"),
    ("design/segments.md", 8, 8, "a new field is written without rewriting the others"),
    ("design/segments.md", 9, 9, "a query that reads two fields out of forty reads two files"),
    ("design/history.md", 5, 5, "adding a field to 80 GB took four hours"),
    ("release_notes.md", 12, 12, "they are written anew when they are compacted"),
)
COMPLETIONS = (
    *_FIRST,
    _calling(THOUGHTS[2], "search", queries=["adding a field took hours rewriting"]),
    _answering(
        THOUGHTS[3],
        "Since 2.4 a segment is written as **one column file per field**【0†L11】.\n\nThe reasons:\n\n"
        "- A new field is written without rewriting the others【1†L8】; before, that took four hours for 80 "
        "GB【3†L5】.\n- A query that reads two fields out of forty opens two files instead of all rows"
        "【1†L9】.\n\n"
        "Older segments stay readable and are written anew when they are compacted【0†L12】.",
        *_PLACES,
        missing="who proposed it",
    ),
)
_SHORT = (
    *_FIRST,
    _answering(
        THOUGHTS[1],
        "Since 2.4 there is one column file per field【0†L11】, so that adding a field rewrites nothing"
        "【1†L8】. It was the users' most frequent wish【0†L40】.",
        *_PLACES[:2],
    ),
)
# Seconds until the first token, of the whole call, of its tools.
_TIMES = ((0.8, 2.9, 0.041), (0.1, 1.7, 0.009), (0.1, 2.2, 0.038), (0.2, 6.4, 0.0))


def record_runs(home: Path) -> Sequence[str]:
    """Two runs of one question, a thorough one and a hasty one; their ids, oldest first."""
    with KnowledgeBase(home / "knowledge", embedding="none") as base:
        base.add_texts(DOCUMENTS)

        async def ask(completions: Sequence[str]) -> str:
            again = completions[-1]  # citations that do not hold are asked for once more
            engine = ScriptedEngine([*completions, again], model="gpt-oss-20b")
            settings = Settings(home=home, reasoning="medium")
            async with Assistant(settings, knowledge=base, engine=engine) as assistant:
                return (await assistant.run(QUESTION)).trace_id

        ids = [asyncio.run(ask(each)) for each in (_SHORT, COMPLETIONS)]
    for number, trace_id in enumerate(ids):
        _retime(home, trace_id, datetime(2026, 11, 21, 13, 40 + 12 * number, 57, tzinfo=UTC))
    return ids


def _retime(home: Path, trace_id: str, began: datetime) -> None:
    """Give a run, which took no time, that of a model."""
    connection = sqlite3.connect(home / "traces.db")
    with connection:
        (trace,) = connection.execute("SELECT number FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        now = began
        for number, data in connection.execute(
            "SELECT number, data FROM events WHERE trace = ? ORDER BY number", (trace,)
        ).fetchall():
            event: dict[str, Any] = json.loads(data)
            step: int = event["step"]
            first, whole, tool = _TIMES[min(max(step, 1), len(_TIMES)) - 1]
            match event["type"]:
                case "model_called":
                    event |= {"first_token_seconds": first, "seconds": whole}
                    now += timedelta(seconds=whole)
                case "tool_returned":
                    event["seconds"] = tool
                    now += timedelta(seconds=tool)
                case "run_ended":
                    event["seconds"] = (now - began).total_seconds()
                case "run_started":
                    event["engine"] = "vllm"
                case _:
                    pass
            event["at"] = now.isoformat()
            connection.execute("UPDATE events SET data = ? WHERE number = ?", (json.dumps(event), number))
        connection.execute(
            "UPDATE traces SET started = ?, seconds = ?, engine = 'vllm' WHERE number = ?",
            (began.timestamp(), (now - began).total_seconds(), trace),
        )
    connection.close()
