"""The line to type in, at the bottom of the terminal, and what is drawn over and over above it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.patch_stdout import patch_stdout

from ..terminal.ink import cut, ink
from ..terminal.look import Look
from .surroundings import editing_mode, private_file

__all__ = ["Display"]

_REDRAW_SECONDS = 0.03
_LIVE_SECONDS = 0.08
"""Least time between two drawings of what is being written."""
_LEAST_ROWS = 2


class Display:
    """What stays is written once and never touched again; below it are the live lines and the prompt.

    Args:
        look: what the terminal can show.
        history: the file of what was typed before.
        completer: for Tab.
        keys: bindings on top of prompt_toolkit's own.
        live: what is being written, in at most so many lines.
        below: the lines between it and the prompt.
    """

    def __init__(
        self,
        look: Look,
        history: Path,
        completer: Completer,
        keys: KeyBindings,
        *,
        live: Callable[[int], list[str]],
        below: Callable[[], list[str]],
    ) -> None:
        self._look = look
        self._live = live
        self._below = below
        self._drawn_at = self._took = 0.0
        self._drawn: list[str] = []
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            multiline=True,
            history=FileHistory(str(private_file(history))),
            completer=completer,
            complete_while_typing=False,
            complete_in_thread=True,
            editing_mode=EditingMode.VI if editing_mode() == "vi" else EditingMode.EMACS,
            search_ignore_case=True,
            prompt_continuation="  ",
            key_bindings=keys,
            output=_output(),
            erase_when_done=True,
            reserve_space_for_menu=6,
        )
        self._app = self._session.app
        self._app.min_redraw_interval = _REDRAW_SECONDS
        self._app.ttimeoutlen = 0.1
        self.drawn = asyncio.Event()
        """The prompt is there."""
        self._app.after_render.add_handler(self._was_drawn)
        resized = self._app._on_resize  # pyright: ignore[reportPrivateUsage]  (there is no event for it)

        def erase_first() -> None:
            self._erase()
            resized()

        self._app._on_resize = erase_first  # pyright: ignore[reportPrivateUsage]

    async def run(self) -> None:
        """Read keys until :meth:`leave`, or the end of input."""
        try:
            with patch_stdout(raw=True):
                await self._session.prompt_async()
        except (EOFError, KeyboardInterrupt):
            return

    def write(self, lines: Sequence[str]) -> None:
        """Show lines that stay, above all that is drawn."""
        if not lines:
            return
        if self._app.is_running:
            self._erase()
        self._app.output.write_raw("\r\n".join(lines) + "\r\n")
        self._app.output.flush()
        self.redraw(anew=True)

    def send(self, sequence: str) -> None:
        """Tell the terminal something that cannot be seen."""
        self._app.output.write_raw(sequence)
        self._app.output.flush()

    def redraw(self, *, anew: bool = False) -> None:
        """Draw the prompt again soon; ``anew``: what is being written, too."""
        if anew:
            self._drawn_at = self._took = 0.0
        self._app.invalidate()

    def clear(self) -> None:
        """Clear the screen."""
        self._app.renderer.clear()

    def leave(self) -> None:
        """End :meth:`run`."""
        if self._app.is_running and not self._app.is_done:
            self._app.exit(result="")

    def put_back(self, lines: Sequence[str]) -> None:
        """Put lines before what is typed."""
        buffer = self._session.default_buffer
        text = "\n".join([*lines, *([buffer.text] if buffer.text else [])])
        buffer.text = text
        buffer.cursor_position = len(text)

    def _erase(self) -> None:
        """Take away what is drawn, also where a narrower window has broken it into more rows."""
        output, screen = self._app.output, self._app.renderer.last_rendered_screen
        if screen is not None and self._look.reflows:
            columns = output.get_size().columns
            cursor = screen.get_cursor_position(self._app.layout.current_window)
            rows = [_width(screen.data_buffer[number]) for number in range(cursor.y)]
            if more := sum((width - 1) // columns for width in [*rows, cursor.x] if width):
                output.cursor_up(more)
        self._app.renderer.erase(leave_alternate_screen=False)

    def _was_drawn(self, sender: object) -> None:
        self.drawn.set()

    def _message(self) -> ANSI:
        if self._app.is_done:
            return ANSI("")
        columns = self._look.columns - 1
        below = [
            line if line.startswith("\x1b") else ink(cut(line, columns, self._look), self._look, "dim")
            for line in self._below()
        ]
        rows = self._app.output.get_size().rows
        typed = min(self._session.default_buffer.text.count("\n") + 1, rows // 2)
        written = self._written(max(0, rows - len(below) - typed - _LEAST_ROWS))
        prompt = ink("❯ " if self._look.unicode else "> ", self._look, "bold")
        return ANSI("".join(f"{line}\n" for line in [*written, *below]) + prompt)

    def _written(self, height: int) -> list[str]:
        """What is being written. It is drawn now and then only: a token costs next to nothing."""
        now = time.monotonic()
        if now - self._drawn_at > max(_LIVE_SECONDS, 6 * self._took):
            self._drawn = self._live(height)
            self._drawn_at, self._took = now, time.monotonic() - now
        return self._drawn[-height:] if height else []


def _width(row: Mapping[int, Char]) -> int:
    """Columns of a row that is drawn."""
    return max((column + char.width for column, char in row.items() if char.char.strip()), default=0)


def _output() -> Output:
    """Standard output, never asked where its cursor is: not every terminal answers, and nothing needs it."""
    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False
    return output
