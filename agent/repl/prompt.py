"""The prompt on a terminal: what is typed becomes a question, a command, or a word to the model at work."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..terminal.ink import OPENING, ink, said, waiting_line, wrapped
from ..terminal.look import Look
from ..text import one_line
from .clipboard import copied
from .completion import PromptCompleter
from .desk import Desk
from .display import Display
from .keys import key_bindings
from .notes import notes_to
from .opening import explained, names_of, open_desk
from .question import Question
from .words import Line, as_typed, read_line
from .worker import Worker

if TYPE_CHECKING:
    from ..models.writer import Effort
    from ..terminal.turn import ReasoningView
    from .commands import Command

__all__ = ["Prompt"]

_TWICE_SECONDS = 3.0
_TICK_SECONDS = 0.12
_CLOSING_SECONDS = 5.0


@dataclass(frozen=True)
class _Waiting:
    """A line that was typed while a command was at work, or that is kept for later."""

    typed: str
    later: bool = False

    @property
    def handed(self) -> bool:
        return not self.later and read_line(self.typed).kind == "question"


class Prompt:
    """The face at a terminal.

    Args:
        desk: what it works with.
        look: what the terminal can show.
    """

    def __init__(self, desk: Desk, look: Look) -> None:
        self.desk = desk
        self.look = look
        self.reasoning: ReasoningView = "folded"
        self._failure: Exception | None = None
        self._worker = Worker()
        self._began = time.monotonic()
        self._names: Sequence[str] = ()
        self._ready = False
        self._question: Question | None = None
        self._command: tuple[str, float, asyncio.Task[None]] | None = None
        self._progress = ""
        self._queue: deque[_Waiting] = deque()
        self._next: tuple[str, Effort | None] | None = None
        self._editing: int | None = None
        self._left_at = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._display = Display(
            look,
            desk.home / "history",
            PromptCompleter(desk, lambda: self._names),
            key_bindings(self),
            live=lambda height: self._question.live(height) if self._question else [],
            below=self._below,
        )

    # What commands use.

    def write(self, lines: Sequence[str]) -> None:
        """Show lines that stay, above the prompt."""
        self._display.write(lines)

    def say(self, text: str) -> None:
        """Show some words, wrapped."""
        self.write(wrapped(text, self.look, margin="  "))

    async def work(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the worker's thread."""
        return await asyncio.wrap_future(self._worker.submit(work))

    def ask(self, question: str, *, effort: Effort | None = None) -> None:
        """Ask a question after this command."""
        self._next = question, effort

    def progress(self, told: str) -> None:
        """Say how far a command has come; drawn with the next tick."""
        self._progress = told

    def copy(self, text: str) -> str:
        """Put a text on the clipboard."""
        return copied(text, self._display.send)

    def clear(self) -> None:
        """Clear the screen."""
        self._display.clear()

    def leave(self) -> None:
        """End the prompt."""
        self._display.leave()

    # What keys do.

    @property
    def working(self) -> bool:
        """A question or a command is being worked on."""
        return self._question is not None or self._command is not None

    def entered(self, typed: str) -> None:
        """A line was typed, or a text pasted, and Enter pressed."""
        line = read_line(typed)
        editing, self._editing = self._editing, None
        if line.kind == "command":
            self._enter_command(line, typed)
        elif line.kind == "question" and self._question is not None:
            self._question.say(line.text)
        elif line.kind == "question" and self._command is not None:
            self._queue.append(_Waiting(typed))
        elif line.kind == "question":
            if editing is not None:
                self._fork(editing - 1)
            self._start(line.text, None)
        self._display.redraw()

    def queued(self, typed: str) -> None:
        """A line is kept for afterwards."""
        if read_line(typed).kind != "nothing":
            self._queue.append(_Waiting(typed, later=True))
            self._display.redraw()

    def interrupted(self, typed: str) -> bool:
        """Ctrl-C. Whether what was typed is to go."""
        if self._question is not None:
            self._question.stop()
        elif self._command is not None:
            self._command[2].cancel()
        elif self._editing is not None or typed:
            self._editing = None
            return True
        elif time.monotonic() - self._left_at < _TWICE_SECONDS:
            self.leave()
        else:
            self._left_at = time.monotonic()
            self.write([ink("  Ctrl-C again leaves", self.look, "dim")])
        return False

    def earlier(self) -> str | None:
        """Esc Esc: the question before, to be edited; None where there is none."""
        turns = self.desk.conversation.turns() if self.desk.conversation and not self.working else []
        if not turns:
            return None
        number = len(turns) if self._editing is None else self._editing - 1
        self._editing = number if number > 0 else len(turns)
        return turns[self._editing - 1].question

    def show_more(self) -> None:
        """Alt-R: the next way of showing the thinking."""
        from ..terminal.turn import REASONING

        self.reasoning = REASONING[(REASONING.index(self.reasoning) + 1) % len(REASONING)]
        self.write([ink(f"  the thinking is {self.reasoning}", self.look, "dim")])

    # The life of the prompt.

    def run(self, resume: Callable[[Prompt], None] | None) -> None:
        """Read and answer until the user leaves.

        Raises:
            Exception: what keeps the prompt from working at all, such as a setting that is not valid.
        """
        try:
            asyncio.run(self._run(resume))
        finally:
            self._worker.close(seconds=_CLOSING_SECONDS)
        if self._failure is not None:
            raise self._failure

    async def _run(self, resume: Callable[[Prompt], None] | None) -> None:
        loop = asyncio.get_running_loop()
        self._background(self._open(resume))
        self._background(self._tick())
        with notes_to(lambda text: loop.call_soon_threadsafe(self.say, text)):
            await self._display.run()
        if self._question is not None:
            self._question.stop()
        for task in self._tasks:
            task.cancel()
        closing = self._worker.submit(self.desk.close())
        await asyncio.wait([asyncio.wrap_future(closing)], timeout=_CLOSING_SECONDS)

    async def _open(self, resume: Callable[[Prompt], None] | None) -> None:
        await self._display.drawn.wait()  # what comes now takes long
        try:
            if resume is not None:
                resume(self)
            opened = await self.work(open_desk(self.desk))
        except Exception as error:
            self._failure = error
            self.leave()
            return
        self._names = opened.names
        self._ready = True
        for line in opened.told:
            self.say(line)
        if self._question is not None:
            self._question.begin(self._worker, self.look, lambda: self.reasoning)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            if self.working or not self._ready:
                self._display.redraw()

    def _background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Questions.

    def _start(self, text: str, effort: Effort | None) -> Question:
        self.write(said(text, self.look))
        question = Question(text, effort, self.desk, write=self._display.write, over=self._over)
        self._question = question
        if self._ready:
            question.begin(self._worker, self.look, lambda: self.reasoning)
        return question

    def _over(self, well: bool) -> None:
        """A question is done with. What was said too late is asked next, or goes back to the prompt."""
        late = self._question.unread() if self._question else []
        self._question = None
        if well and late:
            question = self._start(late[0], None)
            for line in late[1:]:  # in the order of typing, before what is typed from now on
                question.say(line)
        elif well:
            self._go_on()
        elif late or self._queue:
            self._display.put_back([*map(as_typed, late), *(each.typed for each in self._queue)])
            self._queue.clear()
        self._display.redraw()

    def _go_on(self) -> None:
        """Take what waits, as if it was typed now: what was meant for the model's ear does not wait again."""
        while self._queue and (not self.working or (self._question and self._queue[0].handed)):
            self.entered(self._queue.popleft().typed)

    def _fork(self, turns: int) -> None:
        if (before := self.desk.conversation) is not None:
            new = before.fork(turns)
            self.desk.enter(new)
            self.say(f"{new.name}: {before.name} stays as it is.")

    # Commands.

    def _enter_command(self, line: Line, typed: str) -> None:
        from .commands import find_command, nearest

        command = find_command(line.name)
        if command is None:
            self.say(
                f"There is no /{line.name}; the nearest is /{nearest(line.name)}. "
                "A question that begins with a slash begins with two."
            )
            return
        if self.working and not command.meanwhile:
            self._queue.append(_Waiting(typed))
            return
        self.write(said(f"/{command.name} {line.text}".rstrip(), self.look))
        task = self._background(self._do(command, line.text))
        if not command.meanwhile:
            self._command = command.name, time.monotonic(), task
            self._progress = ""

    async def _do(self, command: Command, words: str) -> None:
        try:
            if not command.meanwhile:
                await self.work(self.desk.idle())
            await command.run(self, words)
        except asyncio.CancelledError:
            self.say("Stopped.")
        except Exception as error:
            self.write(wrapped(f"Error: {explained(error)}", self.look, "red"))
        if self._command is None or self._command[2] is not asyncio.current_task():
            return
        name, self._command = self._command[0], None
        if name == "kb":
            self._background(self._learn_names())
        after, self._next = self._next, None
        if after is not None:
            self._start(*after)
        else:
            self._go_on()
        self._display.redraw()

    async def _learn_names(self) -> None:
        try:
            self._names = await self.work(names_of(self.desk))
        except Exception:  # completion goes without them
            self._names = ()

    def _below(self) -> list[str]:
        """The line of what is waited for, and the lines that wait themselves."""
        dot = "·" if self.look.unicode else "-"
        now = time.monotonic()
        lines: list[str] = []
        if self._question is not None:
            lines.append(self._question.status(self.look))
            handed = self._question.handed[-3:]
            lines += [f"  {one_line(text)}  {dot} will be read before the next step" for text in handed]
        elif not self._ready:
            lines.append(waiting_line(OPENING, now - self._began, self.look))
        elif self._command is not None:
            name, began, _ = self._command
            lines.append(waiting_line([self._progress or f"/{name}"], now - began, self.look))
        if self._editing is not None:
            lines.append(
                f"  question {self._editing}: Enter asks it in a new conversation; Esc Esc: the one before"
            )
        return lines + [f"  next: {one_line(each.typed)}" for each in list(self._queue)[:3]]
