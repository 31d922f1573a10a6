"""One SQLite file that many threads and processes write to."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import TraceStoreError

__all__ = ["Database"]

_BUSY_SECONDS = 5.0

# Closing any descriptor of a file drops every lock this process holds on it (POSIX), SQLite's among them.
# Files are therefore only created, never opened, outside SQLite, and nobody may open one in between.
_creating = threading.Lock()


class Database:
    """A SQLite file with a schema, in write-ahead mode.

    Nothing is opened or created before the first transaction. Safe to share between threads; not across a
    fork. When the file is deleted or replaced underneath, the next transaction uses the new one.

    Args:
        path: the file.
        versions: for each version of the schema, the statements that lead to it from the one before. The
            version is kept in ``PRAGMA user_version``; an older file is brought forward when it is opened, a
            newer one is refused.
        private: only the user may read the file. SQLite gives its ``-wal`` and ``-shm`` files the same mode.
    """

    def __init__(self, path: Path, *, versions: Sequence[Sequence[str]], private: bool = False) -> None:
        self.path = path
        self._versions = versions
        self._private = private
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        try:
            return self.path.exists()
        except OSError as error:
            raise self._error(error) from error

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A consistent view of a file that exists.

        Raises:
            TraceStoreError: there is no such file, it cannot be read, or a newer version wrote it.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """A transaction that is committed at the end of the block; the file is made if need be.

        Raises:
            TraceStoreError: the file cannot be written, or a newer version wrote it.
        """
        try:
            self._create()
        except OSError as error:
            raise self._error(error) from error
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close the file; another transaction opens it again."""
        with self._lock:
            self._disconnect()

    @contextmanager
    def _transaction(self, begin: str) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._connect()
                connection.execute(begin)
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
            except (sqlite3.Error, OSError) as error:
                raise self._error(error) from error

    def _create(self) -> None:
        if self.path.exists():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _creating:
            try:
                descriptor = os.open(
                    self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600 if self._private else 0o666
                )
            except FileExistsError:  # another process was faster
                return
            os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        with _creating:
            status = self.path.stat()
        if self._connection is not None and self._identity == (status.st_dev, status.st_ino):
            return self._connection
        self._disconnect()
        if self._private and os.name == "posix" and status.st_mode & 0o077:
            self._make_private()
        connection = sqlite3.connect(
            f"{self.path.resolve().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, (status.st_dev, status.st_ino)
        return connection

    def _make_private(self) -> None:
        """Mend the mode of files that came from elsewhere: a backup, a copy."""
        for path in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))):
            if path.exists():
                path.chmod(0o600)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        # In write-ahead mode this can lose the last moments in a power cut, and nothing else.
        connection.execute("PRAGMA synchronous = NORMAL")
        newest = len(self._versions)
        version = self._version_of(connection)
        if version == 0:
            _use_write_ahead_log(connection)
        if version < newest:
            connection.execute("BEGIN IMMEDIATE")
            for number in range(self._version_of(connection), newest):
                for statement in self._versions[number]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
            version = self._version_of(connection)
        if version > newest:
            raise TraceStoreError(
                f"{self.path} was written by a newer ossifrage (schema {version}, this one knows "
                f"{newest}): update ossifrage, or choose another folder with --home"
            )

    @staticmethod
    def _version_of(connection: sqlite3.Connection) -> int:
        return connection.execute("PRAGMA user_version").fetchone()[0]

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._identity = None

    def _error(self, error: Exception) -> TraceStoreError:
        reason = error.strerror if isinstance(error, OSError) else None
        return TraceStoreError(
            f"cannot use {self.path} ({reason or error}): see that the folder can be written and has room, "
            "or choose another with --home"
        )


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # Two processes that switch at the same moment can refuse each other without waiting for the timeout.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
