"""One SQLite file that many threads and processes write to."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ..errors import TraceDamagedError, TraceStoreError
from ..home import private_folder

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be renamed
    fcntl = None

__all__ = ["Database", "Step"]

Step = str | Callable[[sqlite3.Connection], None]
"""A statement, or a function that makes several."""

_BUSY_SECONDS = 5.0

# Closing any descriptor of a file drops every lock this process holds on it (POSIX), SQLite's among them.
# Outside SQLite, files are therefore opened only while no database of this process has them open.
_files = threading.RLock()
_open: weakref.WeakSet[Database] = weakref.WeakSet()

# The bytes that each connection in write-ahead mode holds a shared lock on as long as it is open
# (sqlite.org/fileformat2.html, "The Lock-Byte Page"; SHARED_FIRST and SHARED_SIZE in SQLite's os.h).
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510

# "SQL logic error" too: our statements are right wherever the tables are what the file's version says.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


class Database:
    """A SQLite file with a schema, in write-ahead mode.

    Nothing is opened or created before the first transaction. Safe to share between threads; not across a
    fork. When the file is deleted or replaced underneath, the next transaction uses the new one.

    A damaged file is set aside by the first writer that finds it so: renamed, with its ``-wal`` and ``-shm``,
    never overwritten, and only while nobody else has it open. The next transaction then begins a new one.

    Args:
        path: the file.
        versions: for each version of the schema, the steps that lead to it from the one before. The
            version is kept in ``PRAGMA user_version``; an older file is brought forward when it is opened, a
            newer one is refused.
        private: only the user may read the file. SQLite gives its ``-wal`` and ``-shm`` files the same mode.
    """

    def __init__(self, path: Path, *, versions: Sequence[Sequence[Step]], private: bool = False) -> None:
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
            TraceDamagedError: what the file holds cannot be read; it stays where it is.
            TraceStoreError: there is no such file, it cannot be read, or a newer version wrote it.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """A transaction that is committed at the end of the block; the file is made if need be.

        Raises:
            TraceDamagedError: the file was damaged, and was set aside if nobody else has it open.
            TraceStoreError: the file cannot be written, or a newer version wrote it.
        """
        try:
            self._create()
        except OSError as error:
            raise self._error(error) from error
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk, and take it out of the log.

        Raises:
            TraceStoreError: the file is in use, or the disk has no room for a copy of it.
        """
        with self._lock:
            try:
                connection = self._connect()
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except (sqlite3.Error, OSError) as error:
                raise self._error(error) from error

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
                damaged = _is_damage(error)
                failure = self._damaged(error, writing=begin != "BEGIN") if damaged else self._error(error)
                self._disconnect()  # whatever state it is in
                raise failure from error

    def _create(self) -> None:
        if self.path.exists():
            return
        private_folder(self.path.parent)
        with _files:
            try:
                descriptor = os.open(
                    self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600 if self._private else 0o666
                )
            except FileExistsError:  # another process was faster
                return
            os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        with _files:
            status = self.path.stat()
            identity = status.st_dev, status.st_ino
            if self._connection is not None and self._identity == identity:
                return self._connection
            self._disconnect()
            self._identity = identity
            _open.add(self)
        try:
            if self._private and os.name == "posix" and status.st_mode & 0o077:
                self._make_private()
            self._connection = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode=rw",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._prepare(self._connection)
        except BaseException as error:
            if not _is_damage(error):
                self._disconnect()
            raise
        return self._connection

    def _make_private(self) -> None:
        """Mend the mode of files that came from elsewhere: a backup, a copy."""
        for path in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))):
            if path.exists():
                path.chmod(0o600)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.text_factory = _text
        connection.execute("PRAGMA foreign_keys = ON")
        # In write-ahead mode this can lose the last moments in a power cut, and nothing else.
        connection.execute("PRAGMA synchronous = NORMAL")
        newest = len(self._versions)
        version = _version_of(connection)
        if version == 0:
            _use_write_ahead_log(connection)
        if version < newest:
            connection.execute("BEGIN IMMEDIATE")
            for number in range(_version_of(connection), newest):
                for step in self._versions[number]:
                    if isinstance(step, str):
                        connection.execute(step)
                    else:
                        step(connection)
                connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
            version = _version_of(connection)
        if version > newest:
            raise TraceStoreError(
                f"{self.path} was written by a newer ossifrage (schema {version}, this one knows "
                f"{newest}): update ossifrage, or choose another folder with --home"
            )

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        with _files:
            _open.discard(self)

    def _error(self, error: Exception) -> TraceStoreError:
        reason = error.strerror if isinstance(error, OSError) else None
        return TraceStoreError(
            f"cannot use {self.path} ({reason or error}): see that the folder can be written and has room, "
            "or choose another with --home"
        )

    def _damaged(self, error: Exception, *, writing: bool) -> TraceDamagedError:
        """Set the damaged file aside, where that can be done; tells what was done."""
        found = f"{self.path} is damaged ({error})"
        recover = "what is left of it can be read with `sqlite3 {} .recover`".format
        if not writing:
            return TraceDamagedError(
                f"{found}: rename it, and the next run begins a new one; {recover(self.path)}"
            )
        try:
            aside = self._set_aside()
        except FileNotFoundError:
            return TraceDamagedError(f"{found}: another program has set it aside, and a new one is begun")
        except OSError as refused:
            why = "something has it open" if isinstance(refused, BlockingIOError) else refused.strerror
            return TraceDamagedError(
                f"{found} and cannot be set aside ({why}): close what uses it, or move it away"
            )
        return TraceDamagedError(
            f"{found}: it was set aside as {aside.name}, and a new one is begun; {recover(aside)}"
        )

    def _set_aside(self) -> Path:
        """Rename the file and what belongs to it; returns its new path.

        Raises:
            FileNotFoundError: it is there no more: somebody else has set it aside.
            BlockingIOError: somebody has it open.
            OSError: the folder cannot be written.
        """
        if fcntl is None:
            self._disconnect()  # Windows renames no file that is open
        # Elsewhere the connection is closed afterwards: SQLite then leaves the log of a file that has moved
        # alone, which it would delete where it cannot read it.
        aside = self.path.with_name(f"{self.path.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
        with _files:
            if any(other is not self and other._identity == self._identity for other in _open):
                raise BlockingIOError
            with self.path.open("rb+") as file:
                status = os.fstat(file.fileno())
                if (status.st_dev, status.st_ino) != self._identity:
                    raise FileNotFoundError
                if fcntl is not None:
                    # Held until the file is closed, so that nobody opens it meanwhile.
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
                # The file itself last: a new one beside the old log would be taken for its owner.
                for end in ("-wal", "-shm"):
                    with suppress(FileNotFoundError):
                        os.rename(f"{self.path}{end}", f"{aside}{end}")
                os.rename(self.path, aside)
        return aside


class _NotOursError(sqlite3.DatabaseError):
    """A database, but of something else, or without its header's end."""

    sqlite_errorcode = sqlite3.SQLITE_NOTADB


def _is_damage(error: BaseException) -> bool:
    """Whether the file itself is at fault: not its mode, its disk, or another process that has locked it."""
    code = getattr(error, "sqlite_errorcode", None)  # the module's own errors have none
    return code is not None and code & 0xFF in _DAMAGE


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")  # a flipped bit spoils a letter, not the rest


def _version_of(connection: sqlite3.Connection) -> int:
    version, empty = connection.execute(
        "SELECT user_version, NOT EXISTS (SELECT 1 FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if version < 0 or (version == 0 and not empty):
        raise _NotOursError("it holds something else than traces")
    return version


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # Two processes that switch at the same moment can refuse each other without waiting for the timeout.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
