"""Slow calls made a few at a time, shortly before their results are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """Calls whose results are asked for in order.

    At most ``width`` of them run, or wait to be asked for, at a time. The threads are daemons: an interrupted
    program does not wait for a server that is silent.
    """

    def __init__(self, calls: Sequence[Callable[[], T]], *, width: int) -> None:
        self._calls = calls
        self._width = width
        self._started = 0
        self._futures: dict[int, Future[T]] = {}
        self._lock = Lock()

    def result(self, number: int) -> T:
        """What call ``number`` gave or raised; to be asked for once."""
        with self._lock:
            while self._started < min(number + self._width, len(self._calls)):
                self._futures[self._started] = future = Future[T]()
                Thread(target=_run, args=(self._calls[self._started], future), daemon=True).start()
                self._started += 1
            future = self._futures.pop(number)
        return future.result()


def _run(call: Callable[[], T], future: Future[T]) -> None:
    try:
        result = call()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
