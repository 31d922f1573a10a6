"""A Milvus client for a folder (Milvus Lite, in this process) or a server.

Milvus Lite is a gRPC server in a thread of the process that owns the folder. It is started here rather than
by pymilvus, which only logs why a folder cannot be opened. Several bases of one process share the server of
their folder; the last one to close stops it and frees the folder for other processes.
"""

from __future__ import annotations

import atexit
import logging
import logging.config
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ...addresses import without_credentials
from ...private import private_folder
from ..errors import KnowledgeError, KnowledgeLockedError, KnowledgeUnreachableError
from .backend import Backend

__all__ = [
    "SLOW_TIMEOUT",
    "TIMEOUT",
    "Connection",
    "connect",
    "data_folder",
    "is_server",
    "load_pymilvus",
    "milvus_errors",
]

TIMEOUT = 60.0
"""Seconds any one request to Milvus may take."""
SLOW_TIMEOUT = 900.0
"""Seconds for requests behind which Milvus Lite may build an index of all passages."""

_UNAVAILABLE = 2
"""pymilvus' code for a server that does not answer (``ErrorCode`` and gRPC agree on the meaning)."""


@dataclass
class _LiteServer:
    server: Any
    database: Any
    port: int
    users: int = 0


_lite_servers: dict[Path, _LiteServer] = {}
_lite_lock = threading.Lock()


class Connection:
    """A ``MilvusClient`` and, for a folder, a share in its server."""

    def __init__(self, client: Any, backend: Backend, folder: Path | None) -> None:
        self.client = client
        self.backend = backend
        self._folder = folder

    @property
    def embedded(self) -> bool:
        """Whether this process has the data of a folder."""
        return self._folder is not None

    def close(self) -> None:
        """Close the client; the last one on a folder frees it. Safe to call twice."""
        self.client.close()
        if self._folder is not None:
            _leave(self._folder)
            self._folder = None


@cache
def load_pymilvus() -> ModuleType:
    """Import pymilvus and undo what the import does to the program around it.

    It reads a ``.env`` file of the working directory into the environment, and closes the log handlers that
    exist (through ``logging.config.dictConfig``). It logs every failed request with its traceback, although
    it raises an error too; no level is changed for that.
    """
    before, configure = os.environ.get("PYTHON_DOTENV_DISABLED"), logging.config.dictConfig
    os.environ["PYTHON_DOTENV_DISABLED"] = "1"
    logging.config.dictConfig = lambda config: None
    try:
        pymilvus = import_module("pymilvus")
    finally:
        logging.config.dictConfig = configure
        if before is None:
            del os.environ["PYTHON_DOTENV_DISABLED"]
        else:
            os.environ["PYTHON_DOTENV_DISABLED"] = before
    # What they log is the program's to show. Where it has no handler, Python would print it all.
    for name in ("pymilvus", "milvus_lite"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    return pymilvus


# pymilvus pings an idle connection every ten seconds. Milvus Lite's server, also one that is reached by its
# address, takes that for an attack, closes the connection and logs so to stderr, while a slow model is still
# thinking. Without the pings a connection that was lost is opened anew by the next request.
_CALM = {"grpc.keepalive_permit_without_calls": False}


def is_server(uri: str) -> bool:
    """Whether ``uri`` names a server rather than a folder."""
    return uri.startswith(("http://", "https://"))


def data_folder(uri: str) -> Path:
    """Where Milvus Lite keeps the data of a knowledge base folder."""
    return Path(uri).expanduser().resolve() / "milvus.db"


def connect(uri: str, *, token: str | None = None, data: Path | None = None) -> Connection:
    """Open a folder or reach a server.

    Args:
        uri: the folder of a knowledge base, or a server's address.
        token: for a server.
        data: Milvus Lite's own folder, where it is not the one in ``uri``.

    Raises:
        KnowledgeLockedError: another process has the folder open.
        KnowledgeUnreachableError: the server does not answer.
        KnowledgeError: anything else that keeps Milvus from opening.
    """
    pymilvus = load_pymilvus()
    folder = None if is_server(uri) else data or data_folder(uri)
    address = uri if folder is None else f"http://127.0.0.1:{_enter(folder)}"
    try:
        with milvus_errors(without_credentials(uri)):
            client = pymilvus.MilvusClient(address, token=token or "", timeout=TIMEOUT, grpc_options=_CALM)
            return Connection(client, Backend.of(client.get_server_version(timeout=TIMEOUT)), folder)
    except KnowledgeError:
        if folder is not None:
            _leave(folder)
        raise


@contextmanager
def milvus_errors(uri: str) -> Generator[None]:
    """Turn what pymilvus raises into this package's errors."""
    import grpc

    exception: type[Exception] = load_pymilvus().MilvusException
    try:
        yield
    except exception as error:
        code, message = getattr(error, "code", None), " ".join(str(getattr(error, "message", error)).split())
        if code == _UNAVAILABLE or code == grpc.StatusCode.UNAVAILABLE:
            raise KnowledgeUnreachableError(f"Milvus at {uri} does not answer: {message}") from error
        raise KnowledgeError(f"Milvus at {uri} refused: {message}") from error
    except grpc.RpcError as error:
        details = " ".join(str(error.details() if isinstance(error, grpc.Call) else error).split())
        raise KnowledgeUnreachableError(
            f"Milvus at {uri} did not answer ({details}): try again, or see that the server is well"
        ) from error


def _enter(folder: Path) -> int:
    """Use the server of ``folder``, starting it if need be; returns its port."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread
    from milvus_lite.exceptions import DataDirLockedError, MilvusLiteError

    with _lite_lock:
        entry = _lite_servers.get(folder)
        if entry is None:
            try:
                private_folder(folder)
                entry = _LiteServer(*start_server_in_thread(str(folder), host="127.0.0.1", port=0))
            except DataDirLockedError as error:
                raise KnowledgeLockedError(
                    f"another process has the data of the knowledge base {folder.parent} open; close it, or, "
                    "if it is a milvus-lite server, use its address"
                ) from error
            except (MilvusLiteError, OSError) as error:
                raise KnowledgeError(
                    f"the knowledge base {folder.parent} cannot be opened: {error}"
                ) from error
            _lite_servers[folder] = entry
        entry.users += 1
        return entry.port


def _leave(folder: Path) -> None:
    with _lite_lock:
        entry = _lite_servers.get(folder)
        if entry is None:
            return
        entry.users -= 1
        if entry.users == 0:
            del _lite_servers[folder]
            _stop(entry)


def _stop(entry: _LiteServer) -> None:
    entry.server.stop(grace=1).wait()
    entry.database.close()


@atexit.register
def _stop_all() -> None:
    """A base that was never closed must not keep the interpreter from ending."""
    for entry in _lite_servers.values():
        _stop(entry)
    _lite_servers.clear()
