"""Steps of one job at the same time, each in threads of its own, shortly before their results are taken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import count
from types import TracebackType
from typing import Generic, Self, TypeVar

__all__ = ["Pipeline", "Results"]

T = TypeVar("T")

_PATIENCE = 2.0
"""Seconds in which the threads have to end when the pipeline is left early."""


class Pipeline:
    """A context manager that owns the threads of its steps.

    When the block is left, also by an error, no step begins another item. What is under way is waited for,
    though not long: it may be a slow document, or a server that is silent. (The threads are daemons, so that
    they do not keep the program from ending.)

    Args:
        patience: seconds to wait.
    """

    def __init__(self, *, patience: float = _PATIENCE) -> None:
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        until = time.monotonic() + self._patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def ahead(self, items: Iterable[T], *, depth: int = 2) -> Iterator[T]:
        """Go through ``items`` in a thread, which is at most ``depth`` items ahead of who takes them.

        The items come in order. What iterating raises is raised again where the next item is taken.
        """
        iterator = iter(items)
        return iter(self._begin(lambda number: next(iterator), threads=1, depth=depth))

    def calls(self, calls: Sequence[Callable[[], T]], *, width: int) -> Results[T]:
        """Make calls in order, ``width`` of them at a time; no more are made or wait to be taken.

        What a call raises is raised again where its result is taken, and stops no other.
        """

        def call(number: int) -> T:
            if number >= len(calls):
                raise StopIteration
            return calls[number]()

        return self._begin(call, threads=width, depth=width)

    def until_stopped(self, items: Iterable[T]) -> Iterator[T]:
        """The ``items`` for a step that makes one of many; after the block is left, there are no more."""
        for item in items:
            if self._stopped.is_set():
                raise _StoppedError  # ends the thread; an end of the items would look like all of them
            yield item

    def _begin(self, make: Callable[[int], T], *, threads: int, depth: int) -> Results[T]:
        results = Results(make, depth, self._changed, self._stopped)
        for _ in range(threads):
            thread = threading.Thread(target=results.work, name="ossifrage-pipeline", daemon=True)
            self._threads.append(thread)
            thread.start()
        return results


class _StoppedError(Exception):
    """The pipeline has been left. Nobody takes items any more, so nobody sees it."""


class Results(Generic[T]):
    """What a step has made, by number, from 0; each is taken once, and with it those before are let go."""

    def __init__(
        self, make: Callable[[int], T], depth: int, changed: threading.Condition, stopped: threading.Event
    ) -> None:
        self._make = make
        self._depth = depth
        self._changed = changed
        self._stopped = stopped
        self._made: dict[int, Future[T]] = {}
        self._begun = self._taken = 0
        self._ended = False

    def __iter__(self) -> Iterator[T]:
        for number in count():
            try:
                yield self.take(number)
            except (StopIteration, _StoppedError):
                return

    def take(self, number: int) -> T:
        """Result ``number``; waits for it, and raises what making it raised."""
        with self._changed:
            self._taken = max(self._taken, number)
            self._changed.notify_all()
            self._changed.wait_for(lambda: number in self._made or self._stopped.is_set())
            if self._stopped.is_set():
                raise _StoppedError
            self._taken = number + 1
            for earlier in [each for each in self._made if each < number]:
                del self._made[earlier]
            made = self._made.pop(number)
            self._changed.notify_all()
        return made.result()

    def work(self) -> None:
        """Make one result after the other, as far ahead as is allowed."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._begun < self._taken + self._depth or self._ended or self._stopped.is_set()
                )
                if self._ended or self._stopped.is_set():
                    return
                number, self._begun = self._begun, self._begun + 1
            made = Future[T]()
            try:
                made.set_result(self._make(number))
            except BaseException as error:
                made.set_exception(error)
                ended = isinstance(error, StopIteration)
            else:
                ended = False
            with self._changed:
                self._made[number] = made
                self._ended = self._ended or ended
                self._changed.notify_all()
