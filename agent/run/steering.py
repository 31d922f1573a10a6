"""What a person says to a run while it goes on: more words, or that it is enough."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:  # the SDK takes seconds to import, and a prompt needs this before
    from agents.items import TResponseInputItem

__all__ = ["Interjections", "Steering"]


class Steering:
    """One run's ear. Hand it to :meth:`Assistant.run_stream`; every method may be called from any thread.

    A line that was said is read by the model with its next call. Whether there is a next call nobody knows
    beforehand: what was not read stays in :meth:`unread`, for the next question.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[str] = deque()
        self._stop: Callable[[], object] | None = None
        self.stopped = False
        """The run was told to end."""

    def say(self, line: str) -> None:
        """Hand a line over to the model."""
        with self._lock:
            self._lines.append(line)

    def stop(self) -> None:
        """End the run: its result is what came so far, with the stop reason ``cancelled``."""
        with self._lock:
            self.stopped = True
            stop = self._stop
        if stop is not None:
            stop()

    def unread(self) -> list[str]:
        """What no call of the model has read; it counts as taken back now."""
        with self._lock:
            lines = list(self._lines)
            self._lines.clear()
        return lines

    def on_stop(self, stop: Callable[[], object] | None) -> None:
        """Say what ends the run. It is called in the thread that stops it."""
        with self._lock:
            self._stop = stop
            stopped = self.stopped
        if stopped and stop is not None:
            stop()


class Interjections:
    """The lines that the model was given between the items of a run.

    The SDK knows nothing of them. Each has its place, the number of the SDK's items before it, and stands
    there in every later prompt: the prompt of a call begins with the prompt of the call before.
    """

    def __init__(self, placed: Sequence[tuple[int, str]] = ()) -> None:
        self._placed = list(placed)

    @property
    def placed(self) -> tuple[tuple[int, str], ...]:
        """Each line, and how many of the SDK's items stand before it."""
        return tuple(self._placed)

    def place(self, lines: Sequence[str], *, after: int) -> None:
        """Put lines behind the first ``after`` items of the SDK's."""
        self._placed += [(after, line) for line in lines]

    def before(self, index: int) -> Iterator[TResponseInputItem]:
        """The lines that stand before the SDK's item of that index."""
        for place, line in self._placed:
            if place == index:
                yield cast("TResponseInputItem", {"role": "user", "content": line})

    def woven(self, items: Sequence[TResponseInputItem]) -> list[TResponseInputItem]:
        """The SDK's items with the lines between them."""
        if not self._placed:
            return list(items)
        woven: list[Any] = []
        for index, item in enumerate([*items, None]):
            woven += self.before(index)
            if item is not None:
                woven.append(item)
        return woven
