"""Stores that older versions wrote."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ossifrage.agent.traces import ModelCalled, RunEnded, Said, ToolReturned, TraceStore, parse_filter

FIRST_STORE = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE traces (number INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE);
    CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        trace INTEGER NOT NULL REFERENCES traces (number) ON DELETE CASCADE,
        type TEXT NOT NULL,
        data TEXT NOT NULL
    );
    CREATE INDEX events_by_trace ON events (trace, type);
    INSERT INTO traces VALUES (1, '20261120-100000-aaaaaa'), (2, '20261120-110000-bbbbbb');
    INSERT INTO traces VALUES (3, '20261120-120000-cccccc');
    PRAGMA user_version = 1;
"""
STARTED = {"knowledge": None, "output_type": "Answer", "reasoning_effort": "medium", "version": "0.1.0"}
COUNTS = {"prompt_tokens": 100, "completion_tokens": 20, "reasoning_tokens": 5, "cached_tokens": None}
TIMES = {"seconds": 1.5, "first_token_seconds": 0.5}
CITED = [{"source": "a", "verified": True}, {"source": "b", "verified": False}]
QUERIES = '{"queries": ["what kites eat"]}'
EVENTS: list[tuple[int, int, str, dict[str, Any]]] = [
    (1, 0, "run_started", {"question": "Why kites?", "engine": "vllm", "model": "gpt-oss-20b", **STARTED}),
    (1, 1, "thought", {"reasoning_id": "r-1", "characters": 9}),
    (1, 1, "model_called", {**COUNTS, **TIMES, "finish": "stop", "repairs": ["missing_end"]}),
    (1, 1, "tool_called", {"call_id": "c", "tool": "search", "arguments": QUERIES}),
    (
        1,
        1,
        "tool_returned",
        {"call_id": "c", "tool": "search", "output": "x", "error": False, "summary": "1", "seconds": 0.1},
    ),
    (1, 2, "answered", {"output": {"answer": "Fish."}, "citations": CITED}),
    (
        1,
        2,
        "run_ended",
        {"stop_reason": "answered", "error": None, "seconds": 3.5, "usage": {"model_calls": 1, **COUNTS}},
    ),
    (2, 0, "run_started", {"question": "Cut off?", "engine": "chat", "model": "m", **STARTED}),
]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A home as the first version wrote it, with a run that was cut off and one that is damaged."""
    connection = sqlite3.connect(tmp_path / "traces.db")
    connection.executescript(FIRST_STORE)
    at = "2026-11-20T10:00:00Z"
    written = [
        (trace, kind, json.dumps({"at": at, "step": step, "type": kind, **fields}))
        for trace, step, kind, fields in EVENTS
    ]
    written.append((3, "run_started", "{damaged"))
    connection.executemany("INSERT INTO events (trace, type, data) VALUES (?, ?, ?)", written)
    connection.commit()
    connection.close()
    return tmp_path


def test_an_old_store_is_brought_forward(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    with TraceStore(old) as store:
        cut, whole = store.list()
        assert "is damaged and not listed" in caplog.text
        assert (cut.question, cut.stop_reason, cut.steps) == ("Cut off?", None, 0)
        assert (whole.question, whole.stop_reason, whole.seconds) == ("Why kites?", "answered", 3.5)
        assert (whole.engine, whole.model, whole.started.hour) == ("vllm", "gpt-oss-20b", 10)
        assert (whole.steps, whole.tool_calls, whole.searches, whole.tokens) == (1, 1, 1, 120)
        assert (whole.citations, whole.unverified, whole.repairs) == (2, 1, 1)
        for words in ("kites", "fish", '"kites eat"', "engine:vllm mended:yes"):
            assert [each.trace_id for each in store.list(wanted=parse_filter(words))] == [whole.trace_id], (
                words
            )


def test_an_old_trace_is_read_and_can_go_on(old: Path) -> None:
    with TraceStore(old) as store:
        trace = store.load("aaaaaa")
        assert [type(event) for event in trace.events[2:5:2]] == [ModelCalled, ToolReturned]
        model = trace.events[2]
        assert isinstance(model, ModelCalled)
        assert (model.sampled, model.has_tokens, model.attempts, model.channels) == (None, False, 1, {})
        assert trace.steps[0].tools[0].returned is not None
        assert [place.verified for place in trace.citations] == [True, False]
        assert store.calls("aaaaaa") == []
        store.append("20261120-110000-bbbbbb", Said(text="on it goes"))
        assert isinstance(store.load("bbbbbb").events[-1], Said)
        assert store.stats().prompt_tokens == 100
        assert isinstance(trace.events[-1], RunEnded)


def test_thoughts_of_an_old_log_can_be_found(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "reasoning.db")
    connection.executescript(
        """
        PRAGMA journal_mode = WAL;
        CREATE TABLE reasoning (
            number INTEGER PRIMARY KEY, reasoning_id TEXT NOT NULL UNIQUE, trace_id TEXT NOT NULL,
            step INTEGER NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL
        );
        CREATE INDEX reasoning_by_trace ON reasoning (trace_id);
        CREATE TABLE pieces (
            number INTEGER PRIMARY KEY,
            thought INTEGER NOT NULL REFERENCES reasoning (number) ON DELETE CASCADE, text TEXT NOT NULL
        );
        CREATE INDEX pieces_by_thought ON pieces (thought);
        INSERT INTO reasoning VALUES
            (1, 'r-1', '20261120-100000-aaaaaa', 1, '2026-11-20T00:00:00+00:00', 'half a wo');
        INSERT INTO pieces VALUES (1, 1, 'rd of it');
        PRAGMA user_version = 2;
        """
    )
    connection.close()
    with TraceStore(tmp_path) as store:
        assert store.reasoning("20261120-100000-aaaaaa") == {"r-1": "half a word of it"}


def test_thoughts_of_old_runs_are_found(old: Path) -> None:
    test_thoughts_of_an_old_log_can_be_found(old)
    with TraceStore(old) as store:
        wanted = parse_filter('"half a word"')
        assert [each.question for each in store.list(wanted=wanted, in_reasoning=True)] == ["Why kites?"]
        assert store.list(wanted=wanted) == []
