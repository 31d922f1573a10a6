"""Steps of one job at the same time, each in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

__all__ = ["Pipeline"]

T = TypeVar("T")

_PATIENCE = 2.0
"""Seconds in which the threads have to end when the pipeline is left early."""


class Pipeline:
    """A context manager that owns the threads of its steps.

    When the block is left, also by an error, no step begins another item. What is under way is waited for,
    though not long: it may be a slow document. (The threads are daemons, so that they do not keep the program
    from ending.)
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        until = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def ahead(self, items: Iterable[T], *, depth: int = 2) -> Iterator[T]:
        """Go through ``items`` in a thread, which is at most ``depth`` items ahead of who takes them.

        The items come in order. What iterating raises is raised again where the next item is taken.
        """
        line = _Line[T](depth, self._changed, self._stopped)
        thread = threading.Thread(target=line.fill, args=(items,), name="ossifrage-pipeline", daemon=True)
        self._threads.append(thread)
        thread.start()
        return line.drain()

    def until_stopped(self, items: Iterable[T]) -> Iterator[T]:
        """The ``items`` for a step that makes one of many; after the block is left, there are no more."""
        for item in items:
            if self._stopped.is_set():
                raise _StoppedError  # ends the thread; an end of the items would look like all of them
            yield item


class _StoppedError(Exception):
    """The pipeline has been left. Nobody takes items any more, so nobody sees it."""


class _Line(Generic[T]):
    """The items that are ready, between two threads."""

    def __init__(self, depth: int, changed: threading.Condition, stopped: threading.Event) -> None:
        self._depth = depth
        self._ready: deque[T] = deque()
        self._changed = changed
        self._stopped = stopped
        self._ended = False
        self._error: BaseException | None = None

    def fill(self, items: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            for item in items:
                with self._changed:
                    self._changed.wait_for(lambda: len(self._ready) < self._depth or self._stopped.is_set())
                    if self._stopped.is_set():
                        return
                    self._ready.append(item)
                    self._changed.notify_all()
        except BaseException as caught:
            error = caught
        finally:
            with self._changed:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def drain(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._ended or self._stopped.is_set())
                if self._stopped.is_set():
                    return
                if not self._ready:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._ready.popleft()
                self._changed.notify_all()
            yield item
