"""A real pseudo-terminal with a program in it, and the screen that it draws."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pexpect
import pyte

_CODES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Terminal:
    """Starts a program and draws what it writes; the screen has a scrollback.

    Args:
        command: the program and its arguments.
        env: on top of the environment of the tests.
        columns: of the screen.
        rows: of the screen.
        screen: another one, of its own size.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        columns: int = 80,
        rows: int = 24,
        screen: Any = None,
    ) -> None:
        self.screen: Any = screen or pyte.HistoryScreen(columns, rows, history=100_000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        size = (self.screen.lines, self.screen.columns)
        self.process: Any = pexpect.spawn(
            command[0], list(command[1:]), env=environment, dimensions=size, timeout=30
        )
        self.process.delaybeforesend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.close(force=True)

    def send(self, text: str) -> None:
        """Type."""
        self.process.send(text)

    def paste(self, text: str) -> None:
        """Paste, as terminals do that say where a paste begins and ends."""
        self.send(f"\x1b[200~{text}\x1b[201~")

    def read(self, seconds: float = 0.02) -> bool:
        """Take what the program has written; whether there was something."""
        try:
            data = self.process.read_nonblocking(65536, seconds)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    def until(self, there: str | Callable[[], object], *, seconds: float = 60) -> float:
        """Read until a text is, or was, on the screen, or something is so; how long that took.

        What comes and goes between two readings counts: a busy machine reads seldom.
        """
        began, new = time.monotonic(), True
        while True:
            new = self.read() or new
            if new and (self._was_there(there) if isinstance(there, str) else there()):
                return time.monotonic() - began
            new = False  # what was looked at once need not be looked at again
            if time.monotonic() - began > seconds:
                raise AssertionError(f"{there!r} did not come; the screen:\n{self.text}")

    def _was_there(self, text: str) -> bool:
        return text in self.text or text in "\n".join(self.scrollback)

    def ever(self, text: str) -> bool:
        """Whether a text was drawn at any time, in one go."""
        return text in _CODES.sub(b"", bytes(self.raw)).decode(errors="replace")

    def settle(self, seconds: float = 0.3) -> None:
        """Read until nothing has come for a while."""
        while self.read(seconds):
            pass

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    @property
    def text(self) -> str:
        """What can be seen, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def scrollback(self) -> list[str]:
        """All lines that were ever written, those above the screen among them."""
        above = [
            "".join(line[column].data for column in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return [*above, *(line.rstrip() for line in self.screen.display)]


def ossifrage(home: Path, *arguments: str) -> list[str]:
    """The command line of this tree."""
    return [
        sys.executable,
        "-c",
        "from ossifrage.agent.cli import main; main()",
        "--home",
        str(home),
        *arguments,
    ]
