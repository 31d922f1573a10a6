"""Where traces are kept: ``traces.db`` (what happened) and ``reasoning.db`` (what was thought).

The two files share ids and nothing else. Either can be deleted, purged or withheld, at any time, and the
other still works.
"""

from __future__ import annotations

import json
import logging
import random
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import TypeAdapter, ValidationError

from ..errors import TraceDamagedError, TraceNotFoundError, TraceStoreError
from .database import Database
from .events import Event, RunStarted
from .filters import TraceFilter
from .reasoning import ReasoningLog, new_reasoning_id
from .schema import TRACES_VERSIONS, index_texts, note_event
from .stats import KINDS, Stats, Tally
from .tokens import Packed, RecordedCall, TokenUnpacker
from .trace import Trace, TraceSummary

__all__ = ["Purged", "TraceStore", "new_reasoning_id", "new_trace_id"]

_logger = logging.getLogger(__name__)
_WAITS = (0.01, 0.02, 0.04, 0.08)
"""Seconds at most until a damaged file is looked at again."""

_COLUMNS = """traces.trace_id, traces.started, traces.question, traces.engine, traces.model, stop_reason,
    seconds, steps, tool_calls, searches, prompt_tokens, completion_tokens, citations, unverified, repairs"""
_WHOLE = "SELECT number, trace_id FROM traces WHERE trace_id = ?"
_MATCHES = """
    SELECT number, trace_id FROM traces
    WHERE substr(trace_id, 1, length(:id)) = :id OR substr(trace_id, -length(:id)) = :id
    ORDER BY number DESC LIMIT 2
"""
_NEWEST = "SELECT number, trace_id FROM traces ORDER BY number DESC LIMIT 1"
_ALL = TraceFilter()
_LAST = 2**63 - 1
_SEARCHED = ("run_started", "tool_called", "answered")

_event: TypeAdapter[Event] = TypeAdapter(Event)


class Purged(NamedTuple):
    """What was deleted, or would be."""

    traces: int
    thoughts: int


def new_trace_id(at: datetime) -> str:
    """A short id that sorts by time: ``20261121-104455-3f9a2c`` (UTC)."""
    return f"{at.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


class TraceStore:
    """The two files in ``home``; made when first written to.

    Threads may share a store, and any number of processes may use one home at a time. Where a trace id is
    asked for, its unique beginning or end is enough, and ``last`` or ``-`` is the newest trace.

    Every method raises TraceStoreError when a file cannot be read or written, or is from a newer version. A
    damaged file is set aside (see :class:`Database`): what begins with :meth:`start` or
    :meth:`append_reasoning` goes to a new file, with a warning; what was in the old one cannot go on.
    """

    def __init__(self, home: Path) -> None:
        self._traces = Database(home / "traces.db", versions=TRACES_VERSIONS, private=True)
        self._reasoning = ReasoningLog(home / "reasoning.db")

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
            number = (
                connection.execute("INSERT INTO traces (trace_id) VALUES (?)", (trace_id,)).lastrowid or 0
            )
            _add(connection, number, event, data)
            index_texts(connection, number, [(event.type, data)])
        return trace_id

    def append(self, trace_id: str, event: Event, calls: Sequence[tuple[int, int, Packed]] = ()) -> None:
        """Add what happened next.

        Args:
            trace_id: the whole id, from :meth:`start`.
            event: anything but a second :class:`RunStarted`.
            calls: step, attempt and tokens of the model calls it tells of; what was thought in them is not
                written here.

        Raises:
            TraceNotFoundError: there is no such trace (any more).
        """
        self.append_all(trace_id, [(event, calls)])

    def append_all(
        self, trace_id: str, events: Sequence[tuple[Event, Sequence[tuple[int, int, Packed]]]]
    ) -> None:
        """Add several events, each with its model calls: all of them, or none."""
        rows = [(event, event.model_dump_json(), calls) for event, calls in events]
        with self._traces.writing() as connection:
            found = connection.execute("SELECT number FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
            if found is None:
                raise _not_found(trace_id)
            for event, data, calls in rows:
                _add(connection, found[0], event, data)
                connection.executemany(
                    "INSERT INTO calls (trace, step, attempt, data) VALUES (?, ?, ?, ?)",
                    [(found[0], step, attempt, packed.record) for step, attempt, packed in calls],
                )
                if event.type == "run_ended":
                    index_texts(connection, found[0], _rows(connection, found[0], *_SEARCHED))

    def append_reasoning(self, trace_id: str, step: int, text: str) -> str:
        """Begin a thought, in the reasoning log only; returns the id a :class:`Thought` refers to."""
        return _afresh(lambda: self._reasoning.begin(trace_id, step, text))

    def extend_reasoning(self, reasoning_id: str, text: str) -> None:
        """Add to the end of a thought. What it held before is neither read nor written again.

        Raises:
            TraceNotFoundError: there is no such thought (any more).
        """
        self._reasoning.extend(reasoning_id, text)

    def finish_reasoning(
        self, trace_id: str, reasoning_ids: Sequence[str], calls: Sequence[tuple[int, int, Packed]] = ()
    ) -> None:
        """Make whole thoughts findable, and keep their tokens; in the reasoning log only.

        Args:
            trace_id: the whole id.
            reasoning_ids: thoughts that have ended.
            calls: as for :meth:`append`.
        """
        kept = [(trace_id, step, attempt, each.thoughts) for step, attempt, each in calls if each.thoughts]
        if kept or reasoning_ids:
            self._reasoning.finish(reasoning_ids, kept)

    def list(
        self,
        limit: int = 20,
        before: str | None = None,
        wanted: TraceFilter = _ALL,
        *,
        in_reasoning: bool = False,
    ) -> Sequence[TraceSummary]:
        """Summaries, newest first. A trace that cannot be read is left out, with a warning.

        Args:
            limit: most summaries to return.
            before: only traces that were started before this one.
            wanted: which traces.
            in_reasoning: look for the filter's words in what was thought as well.

        Raises:
            TraceNotFoundError: ``before`` is no trace.
        """
        if not self._traces.exists:
            if before is not None:
                raise _not_found(before)
            return []
        with self._traces.reading() as connection:
            number = _LAST if before is None else _find(connection, before)[0]
            conditions = [*wanted.conditions, ("traces.number < ?", (number,))]
            table, order = "traces", "traces.number"
            if wanted.match is not None:
                found = ("texts MATCH ?", (wanted.match,))
                if in_reasoning and (thought := self._reasoning.matching(wanted.match, 50 * limit)):
                    marks = ", ".join("?" * len(thought))
                    said = f"traces.number IN (SELECT rowid FROM texts WHERE {found[0]})"
                    either = f"({said} OR trace_id IN ({marks}))"
                    conditions.append((either, (*found[1], *thought)))
                else:
                    table, order = "texts JOIN traces ON traces.number = texts.rowid", "texts.rowid"
                    conditions.append(found)
            where = " AND ".join(condition for condition, _ in conditions)
            values = [value for _, given in conditions for value in given]
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM {table} WHERE {where} ORDER BY {order} DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [summary for row in rows if (summary := _summary(row)) is not None]

    def stats(self, wanted: TraceFilter = _ALL) -> Stats:
        """Figures over the traces that are wanted."""
        tally, runs = Tally(), 0
        if self._traces.exists:
            conditions = list(wanted.conditions)
            if wanted.match is not None:
                conditions.append(
                    ("traces.number IN (SELECT rowid FROM texts WHERE texts MATCH ?)", (wanted.match,))
                )
            where = " AND ".join(condition for condition, _ in conditions) or "1"
            values = [value for _, given in conditions for value in given]
            marks = ", ".join("?" * len(KINDS))
            with self._traces.reading() as connection:
                counted = connection.execute(f"SELECT count(*) FROM traces WHERE {where}", values)
                runs = counted.fetchone()[0]
                rows = connection.execute(
                    f"""SELECT type, data FROM events JOIN traces ON traces.number = events.trace
                    WHERE {where} AND type IN ({marks})""",
                    (*values, *KINDS),
                )
                for kind, data in rows:
                    with suppress(ValueError, KeyError, TypeError, AttributeError):  # a damaged row
                        tally.add(kind, json.loads(data))
        return tally.result(runs)

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

    def events(self, trace_id: str, after: int = 0) -> tuple[int, Sequence[Event]]:
        """What has happened in a trace since a place; for reading along while it goes on.

        Args:
            trace_id: the trace.
            after: the place that the last call gave; 0 is the beginning.

        Returns:
            The place to go on from, and the events.

        Raises:
            TraceNotFoundError: no trace has that id, or several begin or end with it.
        """
        if not self._traces.exists:
            raise _not_found(trace_id)
        with self._traces.reading() as connection:
            trace, found = _find(connection, trace_id)
            rows = connection.execute(
                "SELECT number, data FROM events WHERE trace = ? AND number > ? ORDER BY number",
                (trace, after),
            ).fetchall()
        try:
            events = [_event.validate_json(data) for _, data in rows]
        except ValidationError as error:
            raise _unreadable(found) from error
        return (rows[-1][0] if rows else after), events

    def calls(self, trace_id: str, *, reasoning: bool = False) -> Sequence[RecordedCall]:
        """The token ids of a trace's model calls, in order; empty where a chat server made it.

        Args:
            trace_id: the trace.
            reasoning: put in what was thought, where the reasoning log still has it.

        Raises:
            TraceNotFoundError: no trace has that id, or several begin or end with it.
        """
        if not self._traces.exists:
            raise _not_found(trace_id)
        with self._traces.reading() as connection:
            number, found = _find(connection, trace_id)
            rows = connection.execute(
                "SELECT step, attempt, data FROM calls WHERE trace = ? ORDER BY number", (number,)
            ).fetchall()
        thoughts = self._reasoning.tokens(found) if reasoning else {}
        unpacker = TokenUnpacker()
        try:
            return [
                unpacker.unpack(step, attempt, data, thoughts.get((step, attempt)))
                for step, attempt, data in rows
            ]
        except ValueError as error:
            raise _unreadable(found) from error

    def reasoning(self, trace_id: str) -> dict[str, str]:
        """What was thought in a trace, by reasoning id, in order.

        Empty when nothing was thought, the rows were purged, or there is no reasoning log
        (:attr:`has_reasoning`).

        Args:
            trace_id: the whole id: the reasoning log cannot look in the traces, which may be gone.
        """
        return self._reasoning.thoughts(trace_id)

    def older(self, before: datetime) -> Purged:
        """How much there is from before a moment."""
        traces = 0
        if self._traces.exists:
            with self._traces.reading() as connection:
                row = connection.execute(
                    "SELECT count(*) FROM traces WHERE started < ?", (before.timestamp(),)
                )
                traces = row.fetchone()[0]
        return Purged(traces, self._reasoning.count(before))

    def purge(self, before: datetime, *, only_reasoning: bool = False) -> Purged:
        """Delete what is from before a moment, and give its room back to the disk.

        Args:
            before: the moment.
            only_reasoning: delete what was thought, and keep the record of what happened.
        """
        trace_ids: list[str] = []
        if self._traces.exists and not only_reasoning:
            with self._traces.writing() as connection:
                rows = connection.execute(
                    "SELECT number, trace_id FROM traces WHERE started < ?", (before.timestamp(),)
                ).fetchall()
                for number, trace_id in rows:
                    connection.execute("DELETE FROM texts WHERE rowid = ?", (number,))
                    connection.execute("DELETE FROM traces WHERE number = ?", (number,))
                    trace_ids.append(trace_id)
        # A run that is gone leaves no thoughts behind, whenever they were thought.
        thoughts = self._reasoning.purge(before=before, trace_ids=trace_ids)
        if trace_ids:
            self._traces.shrink()
        if thoughts:
            self._reasoning.shrink()
        return Purged(len(trace_ids), thoughts)


def _add(connection: sqlite3.Connection, number: int, event: Event, data: str) -> None:
    connection.execute("INSERT INTO events (trace, type, data) VALUES (?, ?, ?)", (number, event.type, data))
    note_event(connection, number, event.type, event.__dict__)


def _rows(connection: sqlite3.Connection, number: int, *kinds: str) -> list[tuple[str, str]]:
    marks = ", ".join("?" * len(kinds))
    return connection.execute(
        f"SELECT type, data FROM events WHERE trace = ? AND type IN ({marks}) ORDER BY number",
        (number, *kinds),
    ).fetchall()


def _afresh(begin: Callable[[], str]) -> str:
    """Begin something; again where a damaged file was set aside, by this run or another that starts now.

    Of several that find the damage together each may see that the others have the file open, so they come
    back after different times.
    """
    damaged: TraceDamagedError | None = None
    for wait in _WAITS:
        try:
            begun = begin()
        except TraceDamagedError as error:
            damaged = damaged or error
            time.sleep(random.uniform(0, wait))
        else:
            break
    else:
        begun = begin()
    if damaged is not None:
        _logger.warning("%s", damaged)
    return begun


def _find(connection: sqlite3.Connection, trace_id: str) -> tuple[int, str]:
    if trace_id in ("last", "-"):
        rows = connection.execute(_NEWEST).fetchall()
    elif whole := connection.execute(_WHOLE, (trace_id,)).fetchall():
        return whole[0]
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


def _summary(row: Sequence[Any]) -> TraceSummary | None:
    trace_id, started, *rest = row
    names = tuple(TraceSummary.model_fields)[2:]
    try:
        return TraceSummary(
            trace_id=trace_id,
            started=datetime.fromtimestamp(started, UTC),
            **dict(zip(names, rest, strict=True)),
        )
    except (ValidationError, TypeError, ValueError, OverflowError):
        _logger.warning("trace %s is damaged and not listed", trace_id)
        return None


def _not_found(trace_id: str) -> TraceNotFoundError:
    if trace_id in ("last", "-"):
        return TraceNotFoundError("there are no traces yet: ask something with `ossifrage ask`")
    return TraceNotFoundError(f"there is no trace {trace_id!r}: `ossifrage traces list` shows what there is")


def _unreadable(trace_id: str) -> TraceStoreError:
    return TraceStoreError(f"trace {trace_id} is damaged: `ossifrage traces list` shows the others")
