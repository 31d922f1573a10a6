"""Where traces are kept: ``traces.db`` (what happened) and ``reasoning.db`` (what was thought).

The two files share ids and nothing else. Either can be deleted, purged or withheld, at any time, and the
other still works.
"""

from __future__ import annotations

import itertools
import logging
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from ..errors import TraceDamagedError, TraceNotFoundError, TraceStoreError
from ..text import well_formed
from .database import Database
from .events import Event, RunEnded, RunStarted
from .trace import Trace, TraceSummary

__all__ = ["TraceStore", "new_reasoning_id", "new_trace_id"]

_logger = logging.getLogger(__name__)

# For each version, the statements that lead to it from the one before. A new event type or field is a version
# too, without statements: older programs could not read the trace.
_TRACES_VERSIONS = (
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
)
_REASONING_VERSIONS = (
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
)

_SUMMARIES = """
    SELECT trace_id,
        (SELECT data FROM events WHERE trace = traces.number AND type = 'run_started') AS started,
        (SELECT data FROM events WHERE trace = traces.number AND type = 'run_ended') AS ended,
        (SELECT count(*) FROM events WHERE trace = traces.number AND type = 'tool_called') AS tool_calls,
        (SELECT coalesce(sum(
                json_extract(data, '$.prompt_tokens') + json_extract(data, '$.completion_tokens')
            ), 0) FROM events
            WHERE trace = traces.number AND type = 'model_called' AND json_valid(data)) AS tokens
    FROM traces WHERE number < ? ORDER BY number DESC LIMIT ?
"""
_MATCHES = """
    SELECT number, trace_id FROM traces
    WHERE substr(trace_id, 1, length(:id)) = :id OR substr(trace_id, -length(:id)) = :id
    ORDER BY number DESC LIMIT 2
"""
_THOUGHTS = """
    SELECT reasoning_id, text FROM (
        SELECT reasoning_id, number AS thought, 0 AS piece, text FROM reasoning WHERE trace_id = :trace_id
        UNION ALL
        SELECT reasoning_id, thought, pieces.number, pieces.text
        FROM reasoning JOIN pieces ON pieces.thought = reasoning.number WHERE trace_id = :trace_id
    ) ORDER BY thought, piece
"""
_NEWEST = "SELECT number, trace_id FROM traces ORDER BY number DESC LIMIT 1"

_event: TypeAdapter[Event] = TypeAdapter(Event)


def new_trace_id(at: datetime) -> str:
    """A short id that sorts by time: ``20261121-104455-3f9a2c`` (UTC)."""
    return f"{at.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def new_reasoning_id() -> str:
    """An id that says nothing about the trace it belongs to."""
    return f"r-{secrets.token_hex(8)}"


class TraceStore:
    """The two files in ``home``; made when first written to.

    Threads may share a store, and any number of processes may use one home at a time. Where a trace id is
    asked for, its unique beginning or end is enough, and ``last`` is the newest trace.

    Every method raises TraceStoreError when a file cannot be read or written, or is from a newer version. A
    damaged file is set aside (see :class:`Database`): what begins with :meth:`start` or
    :meth:`append_reasoning` goes to a new file, with a warning; what was in the old one cannot go on.
    """

    def __init__(self, home: Path) -> None:
        self._traces = Database(home / "traces.db", versions=_TRACES_VERSIONS, private=True)
        self._reasoning = Database(home / "reasoning.db", versions=_REASONING_VERSIONS, private=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close both files; safe to call twice."""
        self._traces.close()
        self._reasoning.close()

    @property
    def has_reasoning(self) -> bool:
        """Whether there is a reasoning log at all: it may have been deleted, or never been written."""
        return self._reasoning.exists

    def start(self, event: RunStarted) -> str:
        """Begin a trace; returns its id."""
        return _afresh(lambda: self._start(event))

    def _start(self, event: RunStarted) -> str:
        data = event.model_dump_json()
        with self._traces.writing() as connection:
            trace_id = new_trace_id(event.at)
            while connection.execute("SELECT 1 FROM traces WHERE trace_id = ?", (trace_id,)).fetchone():
                trace_id = new_trace_id(event.at)
            row = connection.execute("INSERT INTO traces (trace_id) VALUES (?)", (trace_id,))
            connection.execute(
                "INSERT INTO events (trace, type, data) VALUES (?, ?, ?)", (row.lastrowid, event.type, data)
            )
        return trace_id

    def append(self, trace_id: str, event: Event) -> None:
        """Add what happened next.

        Args:
            trace_id: the whole id, from :meth:`start`.
            event: anything but a second :class:`RunStarted`.

        Raises:
            TraceNotFoundError: there is no such trace (any more).
        """
        data = event.model_dump_json()
        with self._traces.writing() as connection:
            added = connection.execute(
                "INSERT INTO events (trace, type, data) SELECT number, ?, ? FROM traces WHERE trace_id = ?",
                (event.type, data, trace_id),
            )
            if added.rowcount == 0:
                raise _not_found(trace_id)

    def append_reasoning(self, trace_id: str, step: int, text: str) -> str:
        """Begin a thought, in the reasoning log only; returns the id a :class:`Thought` refers to."""
        return _afresh(lambda: self._append_reasoning(trace_id, step, text))

    def _append_reasoning(self, trace_id: str, step: int, text: str) -> str:
        reasoning_id = new_reasoning_id()
        with self._reasoning.writing() as connection:
            connection.execute(
                "INSERT INTO reasoning (reasoning_id, trace_id, step, at, text) VALUES (?, ?, ?, ?, ?)",
                (reasoning_id, trace_id, step, datetime.now(UTC).isoformat(), well_formed(text)),
            )
        return reasoning_id

    def extend_reasoning(self, reasoning_id: str, text: str) -> None:
        """Add to the end of a thought. What it held before is neither read nor written again.

        Raises:
            TraceNotFoundError: there is no such thought (any more).
        """
        with self._reasoning.writing() as connection:
            added = connection.execute(
                "INSERT INTO pieces (thought, text) SELECT number, ? FROM reasoning WHERE reasoning_id = ?",
                (well_formed(text), reasoning_id),
            )
            if added.rowcount == 0:
                raise TraceNotFoundError(f"there is no thought {reasoning_id!r}: was reasoning.db deleted?")

    def list(self, limit: int = 20, before: str | None = None) -> Sequence[TraceSummary]:
        """Summaries, newest first. A trace that cannot be read is left out, with a warning.

        Args:
            limit: most summaries to return.
            before: only traces that were started before this one.

        Raises:
            TraceNotFoundError: ``before`` is no trace.
        """
        if not self._traces.exists:
            if before is not None:
                raise _not_found(before)
            return []
        with self._traces.reading() as connection:
            number = 2**63 - 1 if before is None else _find(connection, before)[0]
            rows = connection.execute(_SUMMARIES, (number, limit)).fetchall()
        return [summary for row in rows if (summary := _summary(*row)) is not None]

    def load(self, trace_id: str) -> Trace:
        """The whole trace, without reasoning.

        Raises:
            TraceNotFoundError: no trace has that id, or several begin or end with it.
        """
        if not self._traces.exists:
            raise _not_found(trace_id)
        with self._traces.reading() as connection:
            number, found = _find(connection, trace_id)
            rows = connection.execute("SELECT data FROM events WHERE trace = ? ORDER BY number", (number,))
            data = [row[0] for row in rows]
        try:
            return Trace(trace_id=found, events=tuple(_event.validate_json(text) for text in data))
        except ValidationError as error:
            raise _unreadable(found) from error

    def reasoning(self, trace_id: str) -> dict[str, str]:
        """What was thought in a trace, by reasoning id, in order.

        Empty when nothing was thought, the rows were purged, or there is no reasoning log
        (:attr:`has_reasoning`).

        Args:
            trace_id: the whole id: the reasoning log cannot look in the traces, which may be gone.
        """
        if not self._reasoning.exists:
            return {}
        with self._reasoning.reading() as connection:
            rows = connection.execute(_THOUGHTS, {"trace_id": trace_id}).fetchall()
        # Joined here: in SQL a NUL in a text would end it.
        return {
            reasoning_id: "".join(text for _, text in pieces)
            for reasoning_id, pieces in itertools.groupby(rows, key=lambda row: row[0])
        }


def _afresh(begin: Callable[[], str]) -> str:
    """Begin something; once more where a damaged file has been set aside."""
    try:
        return begin()
    except TraceDamagedError as damaged:
        begun = begin()
        _logger.warning("%s", damaged)
        return begun


def _find(connection: sqlite3.Connection, trace_id: str) -> tuple[int, str]:
    if trace_id == "last":
        rows = connection.execute(_NEWEST).fetchall()
    elif trace_id:
        rows = connection.execute(_MATCHES, {"id": trace_id}).fetchall()
    else:
        rows = []
    if len(rows) > 1:
        raise TraceNotFoundError(
            f"several traces begin or end with {trace_id!r}: give more of the id; "
            "`ossifrage traces list` shows them"
        )
    if not rows:
        raise _not_found(trace_id)
    return rows[0]


def _summary(
    trace_id: str, started: str | None, ended: str | None, tool_calls: int, tokens: int
) -> TraceSummary | None:
    try:
        start = RunStarted.model_validate_json(started or "")
        end = None if ended is None else RunEnded.model_validate_json(ended)
    except ValidationError:
        _logger.warning("trace %s is damaged and not listed", trace_id)
        return None
    return TraceSummary(
        trace_id=trace_id,
        started=start.at,
        question=start.question,
        engine=start.engine,
        model=start.model,
        stop_reason=None if end is None else end.stop_reason,
        seconds=None if end is None else end.seconds,
        tool_calls=tool_calls,
        tokens=tokens,
    )


def _not_found(trace_id: str) -> TraceNotFoundError:
    if trace_id == "last":
        return TraceNotFoundError("there are no traces yet: ask something with `ossifrage ask`")
    return TraceNotFoundError(f"there is no trace {trace_id!r}: `ossifrage traces list` shows what there is")


def _unreadable(trace_id: str) -> TraceStoreError:
    return TraceStoreError(f"trace {trace_id} is damaged: `ossifrage traces list` shows the others")
