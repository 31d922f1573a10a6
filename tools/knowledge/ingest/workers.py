"""Reading, cutting and embedding in several processes, with the results of one.

Two kinds of work go to the same processes: a document to be read and cut, and a batch of passages to be
embedded. Both come back in the order in which they were given, so what is written, and which passages are
embedded together, does not depend on how many processes there are.

The processes end when their pipe to this one is closed: at the end, after an error or Ctrl-C, and when this
process is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Generic, NoReturn, Self, TypeVar

from ..errors import KnowledgeError
from ..models.embeddings import Embedder
from ..store.schema import Row
from ..values import Document
from .preparing import Outcome, Prepared, prepare
from .sources.item import Item, RawDocument

__all__ = ["Batch", "Underway", "Workers", "in_order", "underway_now"]

T = TypeVar("T")

_Vectors = list[list[float] | None]
"""One for each passage."""
_UNDERWAY = 32
"""Documents that are under way at most; a slow one holds up the others behind it."""
_UNDERWAY_BYTES = 64 * 2**20
"""Bytes of them, but for one that is larger by itself."""
_BATCHES = 2
"""Batches under way for each process: the next is there when it has finished one."""


@dataclass(frozen=True)
class Batch:
    """Passages to write, and the documents that are complete with them."""

    rows: list[Row]
    outcomes: list[Outcome]


@dataclass(frozen=True)
class Underway(Generic[T]):
    """A result that may not be there yet."""

    future: Future[T]
    size: int = 0
    """Of what it is made from, in bytes."""


def underway_now(result: T) -> Underway[T]:
    """A result that is there."""
    future: Future[T] = Future()
    future.set_result(result)
    return Underway(future)


def in_order(items: Iterable[Underway[T]]) -> Iterator[T]:
    """The results, as far ahead as the limits above allow."""
    waiting: deque[Underway[T]] = deque()
    size = 0
    for item in items:
        waiting.append(item)
        size += item.size
        while waiting and (waiting[0].future.done() or len(waiting) > _UNDERWAY or size > _UNDERWAY_BYTES):
            first = waiting.popleft()
            size -= first.size
            yield _result(first.future)
    for each in waiting:
        yield _result(each.future)


class Workers:
    """A context manager that owns the processes.

    Args:
        count: how many.
        embedder: what they embed with; each has its own.

    Raises:
        KnowledgeError: the embedding is a program's own function that cannot be sent to another process.
    """

    def __init__(self, count: int, embedder: Embedder | None) -> None:
        if embedder is not None and not embedder.spec.startswith("custom:"):
            # As it is named: what was loaded of it may not be fit to be sent.
            embedder = Embedder(embedder.spec, dimension=embedder.dimension())
        try:
            sent = pickle.dumps(embedder)
        except Exception as error:
            # A function of a program may hold anything.
            raise KnowledgeError(
                "the embedding function cannot be sent to other processes: add with one worker, or name the "
                f"embedding by a spec ({type(error).__name__}: {error})"
            ) from error
        self._embeds = embedder is not None
        self._count = count
        context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=_begin, initargs=(sent, self._theirs)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.close()  # now they end, whatever they do
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._theirs.close()

    def prepare(
        self, item: Item, raw: RawDocument, old: Document | None, tags: tuple[str, ...], since: datetime
    ) -> Underway[Prepared]:
        """Let a document be read and cut; see :func:`.preparing.prepare`."""
        bare = replace(item, read=_not_here)
        return Underway(self._submitted(prepare, bare, raw, old, tags, since), len(raw.data))

    def embed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Let passages be embedded.

        Raises:
            EmbeddingError: as the embedding does.
        """
        waiting: deque[tuple[Batch, Future[_Vectors]]] = deque()
        for batch in batches:
            if self._embeds and batch.rows:
                waiting.append((batch, self._submitted(_embedded, batch.rows)))
            else:
                waiting.append((batch, underway_now(_nothing(batch)).future))
            while waiting and (waiting[0][1].done() or len(waiting) > _BATCHES * self._count):
                yield _with_vectors(*waiting.popleft())
        while waiting:
            yield _with_vectors(*waiting.popleft())

    def _submitted(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        try:
            return self._pool.submit(function, *arguments)
        except BrokenProcessPool as error:
            raise _broken() from error


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _broken() from error


def _broken() -> KnowledgeError:
    return KnowledgeError(
        "a worker ended unexpectedly, as when memory runs out or a script lacks its `__main__` guard; what "
        "was written is complete: try again with fewer workers"
    )


def _with_vectors(batch: Batch, future: Future[_Vectors]) -> Batch:
    for row, vector in zip(batch.rows, _result(future), strict=True):
        if vector is not None:
            row["dense"] = vector
    return batch


def _nothing(batch: Batch) -> _Vectors:
    return [None] * len(batch.rows)


def _not_here() -> NoReturn:
    raise AssertionError("a worker gets the bytes")


_embedder: list[Embedder] = []
"""What a worker embeds with; empty for nothing."""


def _begin(embedder: bytes, parent: Connection) -> None:
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and that ends the workers
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if (found := pickle.loads(embedder)) is not None:
        _embedder.append(found)


def _end_with(parent: Connection) -> None:
    try:
        parent.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)


def _embedded(rows: list[Row]) -> _Vectors:
    _embedder[0].embed(rows)
    return [row.get("dense") for row in rows]
