"""One question at the command line, followed on a terminal: the steps, what is waited for, the answer."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from ..answer import Result
from ..assistant import Assistant
from ..run.stream import TextDelta
from ..text import one_line
from .ink import OPENING, waiting_line, wrapped
from .look import Look
from .turn import TurnView

if TYPE_CHECKING:
    from ...tools.knowledge import Knowledge
    from ..models.open import OpenModel

__all__ = ["can_follow", "follow_run", "open_followed"]

_TICK_SECONDS = 0.12


def can_follow() -> bool:
    """Whether standard error is a terminal on which a line can be drawn over."""
    return Look.of(sys.stderr).drawable


async def open_followed(assistant: Assistant[Any]) -> tuple[Knowledge, OpenModel]:
    """Open the engine and the knowledge base, with a line on stderr that says so.

    Raises:
        The errors of :meth:`~..assistant.Assistant.open`.
    """
    look, began = Look.of(sys.stderr), time.monotonic()
    with _drawn_over(lambda: waiting_line(OPENING, time.monotonic() - began, look)):
        return await assistant.open()


async def follow_run(
    assistant: Assistant[Any], question: str, *, show_reasoning: bool, answer: bool
) -> Result[Any]:
    """Run a question; its steps are told on stderr, with a line below them that says what is waited for.

    Args:
        assistant: what answers.
        question: what to answer.
        show_reasoning: show what the model thinks, dimmed.
        answer: show the answer as it comes, on stdout, and what it cites.
    """
    look = Look.of(sys.stderr)
    view = TurnView(look, lambda: "shown" if show_reasoning else "folded", hint=None)
    with _drawn_over(view.status) as write:
        _, model = await assistant.open()
        write(wrapped(one_line(model.why), look))
        async for item in assistant.run_stream(question):
            lines = view.feed(item)
            of_answer = isinstance(item, TextDelta | Result)
            if lines and (answer or not of_answer):
                write(lines, out=of_answer)
            if isinstance(item, Result):
                return item
    raise RuntimeError("the run ended without a result")


class _Write(Protocol):
    def __call__(self, lines: Sequence[str], *, out: bool = False) -> None: ...


@contextmanager
def _drawn_over(status: Callable[[], str]) -> Generator[_Write]:
    """A line on stderr that is drawn again and again, below what is written: on stderr, or with ``out``."""

    def draw(line: str) -> None:
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)

    async def tick() -> None:
        while True:
            draw(status())
            await asyncio.sleep(_TICK_SECONDS)

    def write(lines: Sequence[str], *, out: bool = False) -> None:
        draw("")
        click.echo("\n".join(lines), err=not out)

    ticking = asyncio.ensure_future(tick())
    try:
        yield write
    finally:
        ticking.cancel()
        draw("")
