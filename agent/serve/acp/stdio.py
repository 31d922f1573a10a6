"""The agent on standard input and output, for the editor that started it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from acp import run_agent
from acp.core import DEFAULT_STDIO_BUFFER_LIMIT_BYTES
from acp.stdio import stdio_streams

from .... import OssifrageError
from .agent import EditorAgent

if TYPE_CHECKING:
    from acp import Agent

    from ...settings import Settings

__all__ = ["run_stdio"]


async def run_stdio(
    settings: Settings, *, show_reasoning: bool = False, explained: Callable[[OssifrageError], str] = str
) -> None:
    """Serve until the editor closes standard input.

    Args:
        settings: where everything is.
        show_reasoning: tell the editor what the model thinks.
        explained: an error in one line, with what helps.
    """
    agent = EditorAgent(settings, show_reasoning=show_reasoning, explained=explained)
    with _output_kept():
        try:
            reader, writer = await stdio_streams(limit=DEFAULT_STDIO_BUFFER_LIMIT_BYTES)
            sys.stdout = sys.stderr
            # What is stable in the protocol by now is still called unstable in the library: resume, close.
            await run_agent(cast("Agent", agent), writer, reader, use_unstable_protocol=True)
        finally:
            await agent.close()


@contextmanager
def _output_kept() -> Generator[None]:
    """Keep standard output for the protocol: whatever else is printed goes to standard error."""
    before = sys.stdout
    before.flush()
    private = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = private
    try:
        yield
    finally:
        sys.stdout = before
