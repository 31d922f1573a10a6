"""The prompt on a terminal: a line to type in that is always there, and above it what happens."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import FileHistory
from prompt_toolkit.output import create_output
from prompt_toolkit.patch_stdout import patch_stdout

from ..run.steering import Steering
from ..terminal.ink import cut, ink, wrapped
from ..terminal.lines import clock
from ..terminal.look import Look
from .clipboard import copied
from .completion import PromptCompleter
from .desk import Desk
from .keys import key_bindings
from .notes import notes_to
from .opening import explained, names_of, open_desk
from .surroundings import editing_mode, private_file
from .words import Line, read_line
from .worker import Worker

if TYPE_CHECKING:
    from ..models.writer import Effort
    from ..run.stream import StreamItem
    from ..terminal.turn import ReasoningView, TurnView

__all__ = ["Prompt"]

_STOP_SECONDS = 0.07
"""How long a stopped question may take to say its last words; it goes on unseen after that."""
_TWICE_SECONDS = 3.0
_REDRAW_SECONDS = 0.03
_TICK_SECONDS = 0.12
_LIVE_SECONDS = 0.08
"""Least time between two drawings of what is being written."""


class _Asked:
    """A question that is being worked on."""

    def __init__(self, question: str, effort: Effort | None) -> None:
        self.question = question
        self.effort = effort
        self.steering = Steering()
        self.began = time.monotonic()
        self.view: TurnView | None = None
        self.future: Future[Any] | None = None
        self.running = False
        self.items: deque[StreamItem] = deque()
        self.handed: list[str] = []
        """Lines that were handed over and are not read yet."""


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
        self.failure: Exception | None = None
        self._worker = Worker()
        self._names: Sequence[str] = ()
        self._ready = False
        self._began = time.monotonic()
        self._asked: _Asked | None = None
        self._command: tuple[str, float, asyncio.Task[None]] | None = None
        self._queue: deque[str] = deque()
        self._next: tuple[str, Effort | None] | None = None
        self._editing: int | None = None
        self._left_at = 0.0
        self._live: tuple[float, float, list[str]] = (0.0, 0.0, [])
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            multiline=True,
            history=FileHistory(str(private_file(desk.home / "history"))),
            completer=PromptCompleter(desk, lambda: self._names),
            complete_while_typing=False,
            complete_in_thread=True,
            editing_mode=EditingMode.VI if editing_mode() == "vi" else EditingMode.EMACS,
            enable_history_search=False,
            search_ignore_case=True,
            prompt_continuation="  ",
            key_bindings=key_bindings(self),
            output=create_output(),
            erase_when_done=True,
            reserve_space_for_menu=6,
            mouse_support=False,
        )
        self._session.app.min_redraw_interval = _REDRAW_SECONDS
        self._session.app.ttimeoutlen = 0.1

    # What commands use.

    def write(self, lines: Sequence[str]) -> None:
        """Show lines that stay, above the prompt."""
        if not lines:
            return
        app = self._session.app
        text = "\r\n".join(lines) + "\r\n"
        if app.is_running:
            app.renderer.erase(leave_alternate_screen=False)
        app.output.write_raw(text)
        app.output.flush()
        self._live = (0.0, 0.0, [])
        app.invalidate()

    def say(self, text: str) -> None:
        """Show some words, wrapped."""
        self.write(wrapped(text, self.look, margin="  "))

    async def work(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the worker's thread."""
        return await asyncio.wrap_future(self._worker.submit(work))

    def ask(self, question: str, *, effort: Effort | None = None) -> None:
        """Ask a question after this command."""
        self._next = question, effort

    def copy(self, text: str) -> str:
        """Put a text on the clipboard."""

        def send(sequence: str) -> None:
            self._session.app.output.write_raw(sequence)
            self._session.app.output.flush()

        return copied(text, send if self.look.styled or self.look.links else None)

    def clear(self) -> None:
        """Clear the screen."""
        self._session.app.renderer.clear()

    def leave(self) -> None:
        """End the prompt."""
        if self._session.app.is_running:
            self._session.app.exit(result="")

    # What keys do.

    @property
    def working(self) -> bool:
        """A question or a command is being worked on."""
        return self._asked is not None or self._command is not None

    def entered(self, typed: str) -> None:
        """A line was typed, or a text pasted, and Enter pressed."""
        line = read_line(typed)
        editing, self._editing = self._editing, None
        if line.kind == "nothing":
            return
        if editing is not None and line.kind == "question" and not self.working:
            self._fork_and_ask(editing, line.text)
        elif line.kind == "command":
            self._enter_command(line, typed)
        elif self._asked is not None:
            self._asked.handed.append(line.text)
            self._asked.steering.say(line.text)
        elif self._command is not None:
            self._queue.append(typed)
        else:
            self._start(line.text, None)
        self._redraw()

    def queued(self, typed: str) -> None:
        """A line is kept for afterwards."""
        if read_line(typed).kind != "nothing":
            self._queue.append(typed)
            self._redraw()

    def interrupted(self, typed: str) -> bool:
        """Ctrl-C. Whether what was typed is to go."""
        if self._asked is not None:
            self._stop(self._asked)
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
        self._live = (0.0, 0.0, [])
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
            self._worker.close(seconds=5)
        if self.failure is not None:
            raise self.failure

    async def _run(self, resume: Callable[[Prompt], None] | None) -> None:
        self._background(self._open(resume))
        self._background(self._tick())
        try:
            with patch_stdout(raw=True), notes_to(self._note):
                await self._session.prompt_async()
        except (EOFError, KeyboardInterrupt):
            pass
        if self._asked is not None:
            self._asked.steering.stop()
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.wait_for(self.work(self.desk.close()), 5)
        except (TimeoutError, Exception):  # nothing of it is worth staying for
            return

    async def _open(self, resume: Callable[[Prompt], None] | None) -> None:
        try:
            if resume is not None:
                resume(self)
            opened = await self.work(open_desk(self.desk))
        except Exception as error:
            self.failure = error
            self.leave()
            return
        self._names = opened.names
        self._ready = True
        for line in opened.told:
            self.say(line)
        if self._asked is not None:
            self._begin(self._asked)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            if self.working or not self._ready:
                self._redraw()

    def _background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _note(self, text: str) -> None:
        loop = self._session.app.loop
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(self.write, wrapped(text, self.look, "dim", margin="  "))

    def _redraw(self) -> None:
        self._session.app.invalidate()

    # Questions.

    def _start(self, question: str, effort: Effort | None) -> None:
        mark = "❯" if self.look.unicode else ">"
        self.write(wrapped(f"{mark} {question}", self.look, "bold"))
        self._asked = _Asked(question, effort)
        if self._ready:
            self._begin(self._asked)

    def _begin(self, asked: _Asked) -> None:
        from ..terminal.turn import TurnView

        loop = asyncio.get_running_loop()
        asked.view = TurnView(self.look, lambda: self.reasoning)

        def tell(item: StreamItem) -> None:  # in the worker's thread
            asked.items.append(item)
            if len(asked.items) == 1:
                loop.call_soon_threadsafe(self._hear, asked)

        asked.future = self._worker.submit(
            self.desk.ask(asked.question, asked.steering, tell, effort=asked.effort)
        )
        asked.future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._ended, asked))

    def _hear(self, asked: _Asked) -> None:
        lines: list[str] = []
        while asked.items:
            item = asked.items.popleft()
            if asked is not self._asked or asked.view is None:
                continue  # it was stopped, and the prompt went on without it
            kind = getattr(item, "type", "")
            asked.running = asked.running or kind == "run_started"
            if kind == "steered" and (text := getattr(item, "text", "")) in asked.handed:
                asked.handed.remove(text)
            lines += asked.view.feed(item)
        self.write(lines)
        self._redraw()

    def _ended(self, asked: _Asked) -> None:
        self._hear(asked)
        if asked is not self._asked or asked.future is None:
            return
        error = None if asked.future.cancelled() else asked.future.exception()
        if error is not None and asked.view is not None:
            self.write(asked.view.failed(explained(error) if isinstance(error, Exception) else repr(error)))
        elif asked.future.cancelled() and asked.view is not None:
            self.write(asked.view.stopped())
        self._over(asked, well=error is None and not asked.steering.stopped)

    def _stop(self, asked: _Asked) -> None:
        if asked.steering.stopped:
            return
        asked.steering.stop()
        if asked.future is None:
            self._over(asked, well=False)
            return
        if not asked.running:
            asked.future.cancel()
        asyncio.get_running_loop().call_later(_STOP_SECONDS, self._give_up, asked)

    def _give_up(self, asked: _Asked) -> None:
        if asked is self._asked and asked.view is not None:
            self._hear(asked)
            self.write(asked.view.stopped())
            self._over(asked, well=False)

    def _over(self, asked: _Asked, *, well: bool) -> None:
        """A question is done with. What was said too late is asked next, or goes back to the prompt."""
        self._asked = None
        late = asked.steering.unread()
        self._queue.extendleft(reversed(late))
        if well:
            self._go_on()
            return
        if self._queue:
            buffer = self._session.default_buffer
            back = "\n".join([*self._queue, *([buffer.text] if buffer.text else [])])
            self._queue.clear()
            buffer.text = back
            buffer.cursor_position = len(back)
        self._redraw()

    def _go_on(self) -> None:
        while self._queue and not self.working:
            self.entered(self._queue.popleft())
        self._redraw()

    def _fork_and_ask(self, number: int, question: str) -> None:
        before = self.desk.conversation
        if before is None:
            return
        self.desk.enter(before.fork(number - 1))
        if self.desk.conversation is not None:
            self.say(f"{self.desk.conversation.name}: {before.name} stays as it is.")
        self._start(question, None)

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
            self._queue.append(typed)
            return
        mark = "❯" if self.look.unicode else ">"
        self.write(wrapped(f"{mark} /{command.name} {line.text}".rstrip(), self.look, "bold"))
        task = self._background(self._do(command.run, line.text))
        if not command.meanwhile:
            self._command = command.name, time.monotonic(), task

    async def _do(self, run: Callable[[Any, str], Any], words: str) -> None:
        try:
            await run(self, words)
        except asyncio.CancelledError:
            self.say("Stopped.")
        except Exception as error:
            self.write(wrapped(f"Error: {explained(error)}", self.look, "red"))
        if self._command is not None and self._command[2] is asyncio.current_task():
            name, self._command = self._command[0], None
            if name == "kb":
                self._background(self._learn_names())
            after, self._next = self._next, None
            if after is not None:
                self._start(*after)
            else:
                self._go_on()

    async def _learn_names(self) -> None:
        try:
            self._names = await self.work(names_of(self.desk))
        except Exception:  # completion goes without them
            self._names = ()

    # What is drawn.

    def _message(self) -> ANSI:
        app = self._session.app
        mark = "❯ " if self.look.unicode else "> "
        if app.is_done:
            return ANSI("")
        lines = self._below()
        rows = app.output.get_size().rows
        typed = self._session.default_buffer.text.count("\n") + 1
        room = max(0, rows - len(lines) - min(typed, rows // 2) - 2)
        lines = [*self._written(room), *lines]
        return ANSI("".join(f"{line}\n" for line in lines) + ink(mark, self.look, "bold"))

    def _written(self, height: int) -> list[str]:
        """What is being written. Drawn anew now and then only: a token costs next to nothing."""
        if self._asked is None or self._asked.view is None:
            return []
        drawn_at, took, lines = self._live
        now = time.monotonic()
        if now - drawn_at > max(_LIVE_SECONDS, 6 * took):
            plain = self._asked.view.live(height)
            lines = plain
            self._live = now, time.monotonic() - now, plain
        return lines[-height:] if height else []

    def _below(self) -> list[str]:
        """The line of what is waited for, and the lines that wait themselves."""
        dot = "·" if self.look.unicode else "-"
        lines: list[str] = []
        if self._asked is not None and self._asked.view is not None:
            lines.append(self._asked.view.status())
        elif self._asked is not None or not self._ready:
            passed = clock(time.monotonic() - (self._asked.began if self._asked else self._began))
            lines.append(ink(f"  opening the engine and the knowledge base {dot} {passed}", self.look, "dim"))
        elif self._command is not None:
            name, began, _ = self._command
            lines.append(ink(f"  /{name} {dot} {clock(time.monotonic() - began)}", self.look, "dim"))
        if self._editing is not None:
            lines.append(
                f"  editing question {self._editing}: Enter asks it in a new conversation; Esc Esc: the one before"
            )
        if self._asked is not None:
            lines += [
                f"  {text}  {dot} will be read before the next step" for text in self._asked.handed[-3:]
            ]
        lines += [f"  next: {text}" for text in list(self._queue)[:3]]
        columns = self.look.columns - 1
        return [
            line
            if line.startswith("\x1b")
            else ink(cut(" ".join(line.split("\n")), columns, self.look), self.look, "dim")
            for line in lines
        ]
