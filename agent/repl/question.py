"""A question that is being worked on in another thread, and what is said to it meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ..run.steering import Steering
from ..terminal.ink import OPENING, waiting_line
from ..terminal.look import Look
from .desk import Desk
from .opening import explained
from .worker import Worker

if TYPE_CHECKING:
    from ..models.writer import Effort
    from ..run.stream import StreamItem
    from ..terminal.turn import ReasoningView, TurnView

__all__ = ["Question"]

_STOP_SECONDS = 0.05
"""How long a stopped question may take to say its last words; it goes on unseen after that."""


class Question:
    """Every method is for the event loop of the prompt.

    Args:
        text: what is asked.
        effort: how hard the model is to think; None as it is set.
        desk: what answers.
        write: shows lines that stay.
        over: called once, when there is nothing more to wait for; told whether it went well.
    """

    def __init__(
        self,
        text: str,
        effort: Effort | None,
        desk: Desk,
        *,
        write: Callable[[Sequence[str]], None],
        over: Callable[[bool], None],
    ) -> None:
        self.handed: list[str] = []
        """Lines that were handed over and are not read yet."""
        self._text = text
        self._effort: Effort | None = effort
        self._desk = desk
        self._write = write
        self._over = over
        self._steering = Steering()
        self._began = time.monotonic()
        self._view: TurnView | None = None
        self._future: Future[Any] | None = None
        self._items: deque[StreamItem] = deque()
        self._runs = self._ended = self._failed = False
        self._read: list[str] = []

    def begin(self, worker: Worker, look: Look, reasoning: Callable[[], ReasoningView]) -> None:
        """Ask, once everything is open."""
        from ..terminal.turn import TurnView

        loop = asyncio.get_running_loop()
        self._view = TurnView(look, reasoning)

        def tell(item: StreamItem) -> None:  # in the worker's thread
            self._items.append(item)
            if len(self._items) == 1:
                loop.call_soon_threadsafe(self._hear)

        work = self._desk.ask(self._text, self._steering, tell, effort=self._effort)
        self._future = worker.submit(work)
        self._future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))

    def say(self, line: str) -> None:
        """Hand a line over to the model."""
        self.handed.append(line)
        self._steering.say(line)

    def unread(self) -> list[str]:
        """The lines that came too late; all of them, where there is no answer that could have heeded any."""
        return [*(self._read if self._failed else ()), *self._steering.unread()]

    def stop(self) -> None:
        """Stop it: it is over within a moment, whatever it waits for."""
        if self._steering.stopped:
            return
        self._steering.stop()
        if self._future is None:
            self._write(["  stopped before it was asked"])
            self._finish(well=False)
            return
        if not self._runs:
            self._future.cancel()
        asyncio.get_running_loop().call_later(_STOP_SECONDS, self._give_up)

    def live(self, height: int) -> list[str]:
        """What is being written, as far as it came."""
        return self._view.live(height) if self._view else []

    def status(self, look: Look) -> str:
        """What is waited for."""
        if self._view is not None:
            return self._view.status()
        return waiting_line(OPENING, time.monotonic() - self._began, look)

    def _hear(self) -> None:
        lines: list[str] = []
        while self._items:
            item = self._items.popleft()
            if self._ended or self._view is None:
                continue  # it was stopped, and the prompt went on without it
            kind = getattr(item, "type", "")
            self._runs = self._runs or kind == "run_started"
            if kind == "steered" and (text := getattr(item, "text", "")) in self.handed:
                self.handed.remove(text)
                self._read.append(text)
            lines += self._view.feed(item)
        self._write(lines)

    def _done(self) -> None:
        self._hear()
        if self._ended or self._future is None or self._view is None:
            return
        if self._future.cancelled():
            self._write(self._view.stopped())
            self._finish(well=False)
        elif error := self._future.exception():
            self._failed = True
            self._write(self._view.failed(explained(error)))
            self._finish(well=False)
        else:
            self._finish(well=not self._steering.stopped)

    def _give_up(self) -> None:
        if not self._ended and self._view is not None:
            self._hear()
            self._write(self._view.stopped())
            self._finish(well=False)

    def _finish(self, *, well: bool) -> None:
        self._ended = True
        self._over(well)
