"""The prompt without a terminal that can draw: lines in, lines out."""

from __future__ import annotations

import asyncio
import queue
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..run.steering import Steering
from ..terminal.ink import wrapped
from ..terminal.look import Look
from .clipboard import copied
from .desk import Desk
from .opening import explained, open_desk
from .words import read_line
from .worker import Worker

if TYPE_CHECKING:
    from ..models.writer import Effort
    from ..run.stream import StreamItem
    from ..terminal.turn import ReasoningView

__all__ = ["PlainPrompt"]

_POLL_SECONDS = 0.05


class PlainPrompt:
    """The face in a pipe, where standard output has the answers and nothing else, and on a dumb terminal.

    Args:
        desk: what it works with.
        look: what can be shown.
        person: somebody types; in a pipe nobody does.
    """

    def __init__(self, desk: Desk, look: Look, *, person: bool) -> None:
        self.desk = desk
        self.look = look
        self.reasoning: ReasoningView = "hidden"
        self._person = person
        self._worker = Worker()
        self._next: tuple[str, Effort | None] | None = None
        self._left = False

    def write(self, lines: Sequence[str]) -> None:
        """Show lines."""
        for line in lines:
            click.echo(line)

    def say(self, text: str) -> None:
        """Show some words of the program's own."""
        for line in wrapped(text, self.look):
            click.echo(line, err=not self._person)

    async def work(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the worker's thread."""
        return await asyncio.wrap_future(self._worker.submit(work))

    def ask(self, question: str, *, effort: Effort | None = None) -> None:
        """Ask a question after this command."""
        self._next = question, effort

    def progress(self, told: str) -> None:
        """There is no line to say it on."""

    def copy(self, text: str) -> str:
        """Put a text on the clipboard."""
        return copied(text, None)

    def clear(self) -> None:
        """There is nothing to clear."""

    def leave(self) -> None:
        """End the prompt."""
        self._left = True

    def run(self, resume: Callable[[PlainPrompt], None] | None) -> None:
        """Read and answer until the lines end.

        Raises:
            UsageError: a setting is not valid.
        """
        try:
            opened = self._worker.submit(open_desk(self.desk)).result()
            for line in opened.told:
                click.echo(line, err=True)
            if resume is not None:
                resume(self)
            while not self._left and (typed := self._read()) is not None:
                self._entered(typed)
        finally:
            self._worker.submit(self.desk.close()).result(timeout=10)
            self._worker.close(seconds=5)

    def _read(self) -> str | None:
        if self._person:
            click.echo("> ", nl=False)
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            click.echo()
            return ""
        return line or None

    def _entered(self, typed: str) -> None:
        line = read_line(typed)
        if line.kind == "question":
            self._question(line.text, None)
        elif line.kind == "command":
            self._command(line.name, line.text)
        if self._next is not None:
            after, self._next = self._next, None
            self._question(*after)

    def _command(self, name: str, words: str) -> None:
        from .commands import find_command, nearest

        command = find_command(name)
        if command is None:
            self.say(f"There is no /{name}; the nearest is /{nearest(name)}.")
            return
        try:
            asyncio.run(_awaited(command.run(self, words)))
        except KeyboardInterrupt:
            self.say("Stopped.")
        except Exception as error:
            click.echo(f"Error: {explained(error)}", err=True)

    def _question(self, question: str, effort: Effort | None) -> None:
        from ..terminal.turn import TurnView

        view = TurnView(self.look, lambda: self.reasoning)
        heard: queue.SimpleQueue[StreamItem] = queue.SimpleQueue()
        steering = Steering()
        asked = self._worker.submit(self.desk.ask(question, steering, heard.put, effort=effort))
        while not (asked.done() and heard.empty()):
            try:
                while not heard.empty():
                    self._tell(heard.get(), view.feed)
                time.sleep(0 if asked.done() else _POLL_SECONDS)
            except KeyboardInterrupt:
                steering.stop()
        if error := asked.exception():
            click.echo(f"Error: {explained(error)}", err=True)

    def _tell(self, item: StreamItem, feed: Callable[[StreamItem], list[str]]) -> None:
        from ..answer import Result
        from ..terminal.live import show_item
        from ..terminal.render import answer_text, remarks

        if self._person:
            self.write(feed(item))
        elif isinstance(item, Result):
            click.echo(f"\n{answer_text(item)}\n")
            for remark in remarks(item):
                click.echo(remark, err=True)
        else:
            show_item(item)


async def _awaited(work: Any) -> None:
    await work
