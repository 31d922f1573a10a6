"""The reasoning log: what was thought, in a file of its own."""

from __future__ import annotations

import itertools
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..errors import TraceNotFoundError
from ..text import well_formed
from .database import Database
from .schema import REASONING_VERSIONS
from .words import as_indexed

__all__ = ["ReasoningLog", "new_reasoning_id"]

_THOUGHTS = """
    SELECT reasoning_id, text FROM (
        SELECT reasoning_id, number AS thought, 0 AS piece, text FROM reasoning WHERE {where}
        UNION ALL
        SELECT reasoning_id, thought, pieces.number, pieces.text
        FROM reasoning JOIN pieces ON pieces.thought = reasoning.number WHERE {where}
    ) ORDER BY thought, piece
"""
_MATCHES = """
    SELECT DISTINCT trace_id FROM (
        SELECT trace_id FROM words JOIN reasoning ON reasoning.number = words.rowid
        WHERE words MATCH ? ORDER BY words.rowid DESC
    ) LIMIT ?
"""


def new_reasoning_id() -> str:
    """An id that says nothing about the trace it belongs to."""
    return f"r-{secrets.token_hex(8)}"


class ReasoningLog:
    """``reasoning.db``; made when first written to. Raises what :class:`Database` raises.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._file = Database(path, versions=REASONING_VERSIONS, private=True)

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self._file.exists

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()

    def begin(self, trace_id: str, step: int, text: str) -> str:
        """Begin a thought; returns its id."""
        reasoning_id = new_reasoning_id()
        with self._file.writing() as connection:
            connection.execute(
                "INSERT INTO reasoning (reasoning_id, trace_id, step, at, text) VALUES (?, ?, ?, ?, ?)",
                (reasoning_id, trace_id, step, _now(), well_formed(text)),
            )
        return reasoning_id

    def extend(self, reasoning_id: str, text: str) -> None:
        """Add to the end of a thought. What it held before is neither read nor written again.

        Raises:
            TraceNotFoundError: there is no such thought (any more).
        """
        with self._file.writing() as connection:
            added = connection.execute(
                "INSERT INTO pieces (thought, text) SELECT number, ? FROM reasoning WHERE reasoning_id = ?",
                (well_formed(text), reasoning_id),
            )
            if added.rowcount == 0:
                raise TraceNotFoundError(f"there is no thought {reasoning_id!r}: was reasoning.db deleted?")

    def finish(self, reasoning_ids: Sequence[str], calls: Sequence[tuple[str, int, int, bytes]] = ()) -> None:
        """Make whole thoughts findable, and keep the tokens of thoughts.

        Args:
            reasoning_ids: thoughts that have ended.
            calls: trace id, step, attempt and packed tokens of model calls.
        """
        with self._file.writing() as connection:
            for reasoning_id in reasoning_ids:
                _index(connection, reasoning_id)
            connection.executemany(
                "INSERT INTO tokens (trace_id, step, attempt, at, data) VALUES (?, ?, ?, ?, ?)",
                [(trace_id, step, attempt, _now(), data) for trace_id, step, attempt, data in calls],
            )

    def thoughts(self, trace_id: str) -> dict[str, str]:
        """What was thought in a trace, by reasoning id, in order."""
        if not self.exists:
            return {}
        with self._file.reading() as connection:
            return _texts(connection, "trace_id = ?", trace_id)

    def tokens(self, trace_id: str) -> dict[tuple[int, int], bytes]:
        """The packed tokens of a trace's thoughts, by step and attempt."""
        if not self.exists:
            return {}
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT step, attempt, data FROM tokens WHERE trace_id = ?", (trace_id,)
            )
            return {(step, attempt): data for step, attempt, data in rows}

    def matching(self, query: str, limit: int) -> list[str]:
        """Ids of traces whose thoughts match an FTS5 query, those thought last first."""
        if not self.exists:
            return []
        with self._file.reading() as connection:
            return [trace_id for (trace_id,) in connection.execute(_MATCHES, (query, limit))]

    def count(self, before: datetime) -> int:
        """How many thoughts are older than a moment."""
        if not self.exists:
            return 0
        with self._file.reading() as connection:
            counted = connection.execute("SELECT count(*) FROM reasoning WHERE at < ?", (_text(before),))
            return counted.fetchone()[0]

    def purge(self, *, before: datetime | None = None, trace_ids: Sequence[str] = ()) -> int:
        """Delete thoughts: those older than a moment, or those of some traces; returns how many."""
        if not self.exists:
            return 0
        with self._file.writing() as connection:
            conditions = [("at < ?", _text(before))] if before is not None else []
            conditions += [("trace_id = ?", trace_id) for trace_id in trace_ids]
            return sum(_delete(connection, where, value) for where, value in conditions)

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk."""
        if self.exists:
            self._file.shrink()


def _index(connection: sqlite3.Connection, reasoning_id: str) -> None:
    found = connection.execute(
        "UPDATE reasoning SET indexed = 1 WHERE reasoning_id = ? AND NOT indexed RETURNING number",
        (reasoning_id,),
    ).fetchone()
    if found is not None:
        (whole,) = _texts(connection, "reasoning_id = ?", reasoning_id).values()
        connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (found[0], as_indexed(whole)))


def _delete(connection: sqlite3.Connection, where: str, value: str) -> int:
    indexed = connection.execute(
        f"SELECT number, reasoning_id FROM reasoning WHERE {where} AND indexed", (value,)
    )
    for number, reasoning_id in indexed.fetchall():
        (whole,) = _texts(connection, "reasoning_id = ?", reasoning_id).values()
        connection.execute(
            "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (number, as_indexed(whole))
        )
    connection.execute(f"DELETE FROM tokens WHERE {where}", (value,))
    return connection.execute(f"DELETE FROM reasoning WHERE {where}", (value,)).rowcount


def _texts(connection: sqlite3.Connection, where: str, value: str) -> dict[str, str]:
    rows = connection.execute(_THOUGHTS.format(where=where), (value, value)).fetchall()
    # Joined here: in SQL a NUL in a text would end it.
    return {
        reasoning_id: "".join(text for _, text in pieces)
        for reasoning_id, pieces in itertools.groupby(rows, key=lambda row: row[0])
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
