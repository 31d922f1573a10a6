"""``ossifrage mcp``: an MCP server on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from .options import explained, with_settings

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["mcp"]


@click.command()
@with_settings("engine", "knowledge")
def mcp(settings: Settings) -> None:
    """Serve the documents to an MCP client, which starts this command itself.

    The client speaks through standard input and output: the tools ask, search, open, find and list_sources,
    and each document as a resource. It ends when the client closes the input. docs/mcp-and-acp.md says how
    to add it to Claude, VS Code and others.
    """
    import asyncio
    import sys

    if sys.stdin.isatty():
        raise UsageError("An MCP client starts this command and speaks to it; docs/mcp-and-acp.md says how.")
    from ..serve.mcp.stdio import run_stdio

    asyncio.run(run_stdio(settings, explained=explained))
