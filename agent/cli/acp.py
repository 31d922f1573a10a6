"""``ossifrage acp``: an agent for editors, on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from .options import explained, with_settings

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["acp"]


@click.command()
@click.option("--show-reasoning", is_flag=True, help="Show what the model thinks in the editor.")
@with_settings("engine", "knowledge")
def acp(settings: Settings, show_reasoning: bool) -> None:
    """Be an agent in an editor, which starts this command itself.

    The editor speaks the Agent Client Protocol through standard input and output. Conversations are kept, as
    those of the prompt are. It ends when the editor closes the input. docs/mcp-and-acp.md says how to add it
    to Zed, JetBrains, Neovim and others.
    """
    import asyncio
    import sys

    if sys.stdin.isatty():
        raise UsageError("An editor starts this command and speaks to it; docs/mcp-and-acp.md says how.")
    from ..serve.acp.stdio import run_stdio

    asyncio.run(run_stdio(settings, show_reasoning=show_reasoning, explained=explained))
