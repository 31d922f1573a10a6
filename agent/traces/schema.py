"""The tables of the two trace files, version by version, and what is kept of a run for lists and searches.

The versions of both files count together. A new event type or field is a version too, without statements:
older programs could not read the trace.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from .database import Step
from .words import MOST_TEXT, TOKENIZER, as_indexed

__all__ = ["REASONING_VERSIONS", "TRACES_VERSIONS", "index_texts", "note_event"]

_COUNTS = """
    UPDATE traces SET steps = steps + 1, prompt_tokens = prompt_tokens + ?,
        completion_tokens = completion_tokens + ?, repairs = repairs + ? WHERE number = ?
"""


def note_event(connection: sqlite3.Connection, number: int, kind: str, event: Mapping[str, Any]) -> None:
    """Keep what a list shows of a run up to date.

    Args:
        connection: in a transaction.
        number: the run's row.
        kind: the event's type.
        event: its fields.
    """
    match kind:
        case "run_started":
            at = event["at"]
            started = at if isinstance(at, datetime) else datetime.fromisoformat(at)
            connection.execute(
                "UPDATE traces SET started = ?, question = ?, engine = ?, model = ? WHERE number = ?",
                (started.timestamp(), event["question"], event["engine"], event["model"], number),
            )
        case "model_called":
            counts = event["prompt_tokens"], event["completion_tokens"], len(event.get("repairs") or ())
            connection.execute(_COUNTS, (*counts, number))
        case "tool_called":
            connection.execute(
                "UPDATE traces SET tool_calls = tool_calls + 1, searches = searches + ? WHERE number = ?",
                (event["tool"] == "search", number),
            )
        case "answered":
            citations = cast("list[Any]", event.get("citations") or [])
            verified = sum(isinstance(each, dict) and bool(each.get("verified")) for each in citations)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            connection.execute(
                "UPDATE traces SET citations = ?, unverified = ? WHERE number = ?",
                (len(citations), len(citations) - verified, number),
            )
        case "run_ended":
            connection.execute(
                "UPDATE traces SET stop_reason = ?, seconds = ? WHERE number = ?",
                (event["stop_reason"], event["seconds"], number),
            )
        case _:
            pass


def index_texts(connection: sqlite3.Connection, number: int, events: Iterable[tuple[str, str]]) -> None:
    """Make a run's question, answer and queries findable.

    Args:
        connection: in a transaction.
        number: the run's row.
        events: types and JSON of its events, or of some of them.
    """
    question = answer = ""
    queries: list[str] = []
    for kind, data in events:
        event = _json(data)
        match kind:
            case "run_started":
                question = str(event.get("question", ""))
            case "answered":
                answer = _answer(event.get("output"))
            case "tool_called" if event.get("tool") == "search":
                asked = _json(str(event.get("arguments", ""))).get("queries")
                queries += map(str, cast("list[Any]", asked)) if isinstance(asked, list) else []
            case _:
                pass
    texts = (as_indexed(text) for text in (question, answer, "\n".join(queries)))
    connection.execute(
        "INSERT OR REPLACE INTO texts (rowid, question, answer, queries) VALUES (?, ?, ?, ?)",
        (number, *texts),
    )


def _answer(output: Any) -> str:
    if isinstance(output, dict):
        fields = cast("dict[str, Any]", output)
        text = fields.get("answer")
        output = text if isinstance(text, str) else json.dumps(fields, ensure_ascii=False)
    return output[:MOST_TEXT] if isinstance(output, str) else ""


def _json(text: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):  # arguments as the model wrote them, or a damaged row
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _summarize(connection: sqlite3.Connection) -> None:
    """Fill the new columns and the index from the events of every run."""
    for (number,) in connection.execute("SELECT number FROM traces").fetchall():
        rows = connection.execute("SELECT type, data FROM events WHERE trace = ? ORDER BY number", (number,))
        events = cast("list[tuple[str, str]]", rows.fetchall())
        for kind, data in events:
            try:
                note_event(connection, number, kind, _json(data))
            except (KeyError, ValueError, TypeError):  # a damaged row: the run is listed by the others
                continue
        index_texts(connection, number, events)


def _index_thoughts(connection: sqlite3.Connection) -> None:
    rows = connection.execute("SELECT number, text FROM reasoning").fetchall()
    for number, text in rows:
        pieces = connection.execute("SELECT text FROM pieces WHERE thought = ? ORDER BY number", (number,))
        whole = text + "".join(piece for (piece,) in pieces)
        connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, as_indexed(whole)))
        connection.execute("UPDATE reasoning SET indexed = 1 WHERE number = ?", (number,))


TRACES_VERSIONS: tuple[tuple[Step, ...], ...] = (
    (
        "CREATE TABLE traces (number INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE)",
        """CREATE TABLE events (
            number INTEGER PRIMARY KEY,
            trace INTEGER NOT NULL REFERENCES traces (number) ON DELETE CASCADE,
            type TEXT NOT NULL,
            data TEXT NOT NULL
        )""",
        "CREATE INDEX events_by_trace ON events (trace, type)",
    ),
    (),  # steered, prompt_compacted
    (
        # What a list shows, so that it need not read the events.
        "ALTER TABLE traces ADD COLUMN started REAL",  # seconds since 1970
        "ALTER TABLE traces ADD COLUMN question TEXT",
        "ALTER TABLE traces ADD COLUMN engine TEXT",
        "ALTER TABLE traces ADD COLUMN model TEXT",
        "ALTER TABLE traces ADD COLUMN stop_reason TEXT",
        "ALTER TABLE traces ADD COLUMN seconds REAL",
        "ALTER TABLE traces ADD COLUMN steps INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE traces ADD COLUMN tool_calls INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE traces ADD COLUMN searches INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE traces ADD COLUMN prompt_tokens INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE traces ADD COLUMN completion_tokens INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE traces ADD COLUMN repairs INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE traces ADD COLUMN citations INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE traces ADD COLUMN unverified INTEGER NOT NULL DEFAULT 0",
        f"CREATE VIRTUAL TABLE texts USING fts5 (question, answer, queries, tokenize = '{TOKENIZER}')",
        # Token ids of the model's calls; see .tokens for what is in `data`.
        """CREATE TABLE calls (
            number INTEGER PRIMARY KEY,
            trace INTEGER NOT NULL REFERENCES traces (number) ON DELETE CASCADE,
            step INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            data BLOB NOT NULL
        )""",
        "CREATE INDEX calls_by_trace ON calls (trace)",
        _summarize,
    ),
)
REASONING_VERSIONS: tuple[tuple[Step, ...], ...] = (
    (
        """CREATE TABLE reasoning (
            number INTEGER PRIMARY KEY,
            reasoning_id TEXT NOT NULL UNIQUE,
            trace_id TEXT NOT NULL,
            step INTEGER NOT NULL,
            at TEXT NOT NULL,
            text TEXT NOT NULL
        )""",
        "CREATE INDEX reasoning_by_trace ON reasoning (trace_id)",
    ),
    (
        # What a thought goes on with, in order: its row holds how it began.
        """CREATE TABLE pieces (
            number INTEGER PRIMARY KEY,
            thought INTEGER NOT NULL REFERENCES reasoning (number) ON DELETE CASCADE,
            text TEXT NOT NULL
        )""",
        "CREATE INDEX pieces_by_thought ON pieces (thought)",
    ),
    (
        # The tokens that the record has gaps for, in their order.
        """CREATE TABLE tokens (
            number INTEGER PRIMARY KEY,
            trace_id TEXT NOT NULL,
            step INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            at TEXT NOT NULL,
            data BLOB NOT NULL
        )""",
        "CREATE INDEX tokens_by_trace ON tokens (trace_id)",
        # Without the texts, which are in the table: what is indexed there has to be taken out by its words.
        f"CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = '{TOKENIZER}')",
        "ALTER TABLE reasoning ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0",
        _index_thoughts,
    ),
)
