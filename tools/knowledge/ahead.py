"""Working ahead: one step of a pipeline in a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

__all__ = ["working_ahead"]

T = TypeVar("T")


@contextmanager
def working_ahead(items: Iterable[T], *, depth: int = 2) -> Generator[Iterator[T]]:
    """Go through ``items`` in a thread, which is at most ``depth`` items ahead of who takes them.

    The items come in order. What iterating raises is raised again where the next item is taken. When the
    block is left, the thread takes no further item; it is not waited for, since it may be in the middle of a
    slow one (it is a daemon, so that it does not keep the program from ending).
    """
    line = _Line[T](depth)
    threading.Thread(target=line.fill, args=(items,), name="ossifrage-ahead", daemon=True).start()
    try:
        yield line.drain()
    finally:
        line.stop()


class _Line(Generic[T]):
    """The items that are ready, between two threads."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._ready: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None

    def fill(self, items: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            for item in items:
                with self._changed:
                    self._changed.wait_for(lambda: len(self._ready) < self._depth or self._stopped)
                    if self._stopped:
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
                self._changed.wait_for(lambda: self._ready or self._ended or self._stopped)
                if self._stopped:
                    return
                if not self._ready:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._ready.popleft()
                self._changed.notify_all()
            yield item

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
