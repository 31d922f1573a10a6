"""Where conversations are kept: ``conversations.db``, which only the user may read.

The items that the model is given are in the tables of the SDK's own ``SQLiteSession``; beside them is what
people see of each turn. A conversation only ever grows. To go back in it is to fork it: the part that stays
is copied, in one transaction, and the other is not touched.

A turn is written down before it is worked on, and once more at its end. What is found without an end, though
nobody works on it any more, was killed: it is mended when the conversation is opened again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..traces.database import Database
from .names import free_name, name_of
from .values import ConversationError, Summary, Turn

if TYPE_CHECKING:
    from agents import SQLiteSession

__all__ = ["Conversation", "ConversationStore"]

_FILE = "conversations.db"
_VERSIONS = (
    (
        """CREATE TABLE conversations (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            updated TEXT NOT NULL,
            parent TEXT
        )""",
        """CREATE TABLE turns (
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            turn TEXT NOT NULL,
            PRIMARY KEY (conversation, number)
        )""",
        # As the SDK makes them (agents/memory/sqlite_session.py).
        """CREATE TABLE agent_sessions (
            session_id TEXT PRIMARY KEY,
            created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
            updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
        )""",
        """CREATE TABLE agent_messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id TEXT NOT NULL,
            message_data TEXT NOT NULL,
            created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
            FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id) ON DELETE CASCADE
        )""",
        "CREATE INDEX idx_agent_messages_session_id ON agent_messages (session_id, id)",
    ),
)


class ConversationStore:
    """The conversations in a home.

    Args:
        home: the folder; the file in it is made with the first question.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / _FILE
        self._database = Database(self.path, versions=_VERSIONS, private=True)

    def list(self, limit: int = 1000) -> list[Summary]:
        """The conversations, the last used first.

        Raises:
            TraceStoreError: the file cannot be read.
        """
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT c.id, c.name, c.title,
                     (SELECT count(*) FROM turns WHERE conversation = c.id), c.updated,
                     (SELECT name FROM conversations WHERE id = c.parent)
                   FROM conversations c ORDER BY c.updated DESC, c.rowid DESC LIMIT ?""",
                (limit,),
            ).fetchall()
        return [
            Summary(
                id=row_id,
                name=name,
                title=title,
                turns=turns,
                updated=datetime.fromisoformat(updated),
                parent=parent,
            )
            for row_id, name, title, turns, updated, parent in rows
        ]

    def create(self, question: str, *, conversation_id: str | None = None) -> Conversation:
        """Begin one that is named by its first question.

        Args:
            question: the first one.
            conversation_id: what it is known by already; None makes a new one.
        """
        with self._database.writing() as connection:
            return self._new(connection, name_of(question), question, parent=None, new_id=conversation_id)

    def find(self, conversation_id: str) -> Conversation | None:
        """The conversation with that id; what was killed is mended. None where there is none.

        Raises:
            ConversationError: another process is working on it.
        """
        if not self._database.exists:
            return None
        with self._database.reading() as connection:
            query = "SELECT id, name FROM conversations WHERE id = ?"
            row = connection.execute(query, (conversation_id,)).fetchone()
        if row is None:
            return None
        conversation = Conversation(self, *row)
        conversation.mend()
        return conversation

    def open(self, name: str) -> Conversation:
        """The conversation of that name, or the only one whose name begins so; what was killed is mended.

        Raises:
            ConversationError: there is none, or several.
        """
        if self._database.exists:
            with self._database.reading() as connection:
                rows = connection.execute("SELECT id, name FROM conversations ORDER BY name").fetchall()
        else:
            rows = []
        found = [row for row in rows if row[1] == name] or [row for row in rows if row[1].startswith(name)]
        if len(found) != 1:
            known = ", ".join(row[1] for row in found[:5])
            raise ConversationError(
                f"Several conversations begin with {name!r}: {known}."
                if found
                else f"There is no conversation {name!r}: /sessions lists them."
            )
        conversation = Conversation(self, *found[0])
        conversation.mend()
        return conversation

    def begin(self, conversation: Conversation, turn: Turn) -> tuple[int, Turn] | None:
        """Keep a question as the next turn; its number and the turn. None while the last one has no end."""
        with self._database.writing() as connection:
            number, last = connection.execute(
                "SELECT number, turn FROM turns WHERE conversation = ? ORDER BY number DESC LIMIT 1",
                (conversation.id,),
            ).fetchone() or (0, None)
            if last is not None and Turn.model_validate_json(last).stop_reason is None:
                return None
            return number + 1, self._write_turn(connection, conversation, number + 1, turn)

    def fork(self, conversation: Conversation, turns: int) -> Conversation:
        """A new conversation that begins with the first turns of another, which stays as it is.

        A turn that another process is working on is left out.
        """
        kept = [turn for turn in conversation.turns()[:turns] if turn.stop_reason is not None]
        count = kept[-1].first_item + kept[-1].items if kept else 0
        with self._database.writing() as connection:
            rows = self._items(connection, conversation.id)[:count]
            return self._copy(connection, conversation, kept, rows)

    def rewrite(
        self, conversation: Conversation, turns: Sequence[Turn], items: Sequence[Any]
    ) -> Conversation:
        """A new conversation with other items in the place of another's, which stays as it is."""
        with self._database.writing() as connection:
            return self._copy(connection, conversation, turns, [json.dumps(item) for item in items])

    def session(self, conversation: Conversation) -> SQLiteSession:
        """The SDK's session of a conversation."""
        from .session import UnthinkingSession

        return UnthinkingSession(conversation.id, self.path)

    def turns_of(self, conversation: Conversation) -> list[Turn]:
        """Every turn, in order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT turn FROM turns WHERE conversation = ? ORDER BY number", (conversation.id,)
            ).fetchall()
        return [Turn.model_validate_json(row[0]) for row in rows]

    def items_of(self, conversation: Conversation) -> list[Any]:
        """What the model is given of a conversation."""
        with self._database.reading() as connection:
            return [json.loads(row) for row in self._items(connection, conversation.id)]

    def write_turn(
        self, conversation: Conversation, number: int, turn: Turn, *, items: Sequence[Any] = ()
    ) -> Turn:
        """Keep a turn, with what it adds to the items, and how many it has by now."""
        with self._database.writing() as connection:
            if items:
                self._add(connection, conversation.id, [json.dumps(item) for item in items])
            return self._write_turn(connection, conversation, number, turn)

    def _write_turn(
        self, connection: sqlite3.Connection, conversation: Conversation, number: int, turn: Turn
    ) -> Turn:
        count = len(self._items(connection, conversation.id))
        if turn.stop_reason is None:
            turn = turn.model_copy(update={"first_item": count})
        else:
            turn = turn.model_copy(update={"items": count - turn.first_item})
        connection.execute(
            "INSERT OR REPLACE INTO turns VALUES (?, ?, ?)",
            (conversation.id, number, turn.model_dump_json()),
        )
        connection.execute("UPDATE conversations SET updated = ? WHERE id = ?", (_now(), conversation.id))
        return turn

    def note(self, conversation: Conversation, number: int, turn: Turn) -> None:
        """Keep how far a turn has come."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE turns SET turn = ? WHERE conversation = ? AND number = ?",
                (turn.model_dump_json(), conversation.id, number),
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _new(
        self,
        connection: sqlite3.Connection,
        wanted: str,
        title: str,
        *,
        parent: str | None,
        new_id: str | None = None,
    ) -> Conversation:
        taken = {row[0] for row in connection.execute("SELECT name FROM conversations")}
        name, new_id = free_name(wanted, taken.__contains__), new_id or uuid.uuid4().hex
        connection.execute(
            "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)", (new_id, name, title, _now(), parent)
        )
        return Conversation(self, new_id, name)

    def _copy(
        self,
        connection: sqlite3.Connection,
        parent: Conversation,
        turns: Sequence[Turn],
        items: Sequence[str],
    ) -> Conversation:
        (title,) = connection.execute("SELECT title FROM conversations WHERE id = ?", (parent.id,)).fetchone()
        copy = self._new(connection, parent.name, title, parent=parent.id)
        self._add(connection, copy.id, items)
        connection.executemany(
            "INSERT INTO turns VALUES (?, ?, ?)",
            [(copy.id, number, turn.model_dump_json()) for number, turn in enumerate(turns, 1)],
        )
        return copy

    def _items(self, connection: sqlite3.Connection, session_id: str) -> list[str]:
        rows = connection.execute(
            "SELECT message_data FROM agent_messages WHERE session_id = ? ORDER BY id", (session_id,)
        )
        return [row[0] for row in rows]

    def _add(self, connection: sqlite3.Connection, session_id: str, items: Sequence[str]) -> None:
        connection.execute("INSERT OR IGNORE INTO agent_sessions (session_id) VALUES (?)", (session_id,))
        connection.executemany(
            "INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)",
            [(session_id, item) for item in items],
        )


class Conversation:
    """One conversation. Get it from a :class:`ConversationStore`."""

    def __init__(self, store: ConversationStore, conversation_id: str, name: str) -> None:
        self._store = store
        self.id = conversation_id
        self.name = name

    def turns(self) -> list[Turn]:
        """Every turn, in order."""
        return self._store.turns_of(self)

    def items(self) -> list[Any]:
        """What the model is given of it."""
        return self._store.items_of(self)

    def session(self) -> SQLiteSession:
        """The SDK's session, which keeps no thoughts."""
        return self._store.session(self)

    def begin(self, question: str) -> tuple[int, Turn]:
        """Write a question down; its number and what is known of the turn.

        Raises:
            ConversationError: another process is working on a question of this conversation.
        """
        process = os.getpid()
        turn = Turn(question=question, worker=process, worker_began=_began(process))
        while (begun := self._store.begin(self, turn)) is None:
            if not self.mend():
                raise ConversationError(
                    f"{self.name} is being worked on in another terminal: wait until it is done."
                )
        return begun

    def note(self, number: int, turn: Turn) -> None:
        """Write down how far a turn has come, in case that nobody can later."""
        self._store.note(self, number, turn)

    def finish(self, number: int, turn: Turn, *, items: Sequence[Any] = ()) -> Turn:
        """Write down what came of a turn; ``items`` are added to the session."""
        return self._store.write_turn(self, number, turn, items=items)

    def fork(self, turns: int) -> Conversation:
        """A new conversation that begins with the first turns of this one."""
        return self._store.fork(self, turns)

    def mend(self) -> bool:
        """Give an end to a turn that was killed in the middle: its question and what had come stay.

        False where another process is working on it.
        """
        turns = self.turns()
        if not turns or turns[-1].stop_reason is not None:
            return True
        number, turn = len(turns), turns[-1]
        if turn.worker != os.getpid() and _is_running(turn.worker, turn.worker_began):
            return False
        added = self.items()[turn.first_item :]
        turn = turn.model_copy(update={"stop_reason": "cancelled"})
        if added:  # it was killed after all had been kept but this
            self.finish(number, turn)
            return True
        said = [{"role": "user", "content": text} for text in (turn.question, *turn.said)]
        answer = [{"role": "assistant", "content": turn.text}] if turn.text.strip() else []
        self.finish(number, turn, items=[*said, *answer])
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _began(process: int) -> str:
    """When a process began, in ticks since the system did (proc(5), field 22 of stat); else nothing."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_running(process: int, began: str) -> bool:
    if began and (now := _began(process)) and now != began:
        return False
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
