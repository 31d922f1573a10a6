"""The MCP server on standard input and output, for one client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mcp.server.stdio import stdio_server

from .... import OssifrageError
from ..opening import Opening
from .server import mcp_server

if TYPE_CHECKING:
    from ...settings import Settings

__all__ = ["run_stdio"]


async def run_stdio(settings: Settings, *, explained: Callable[[OssifrageError], str] = str) -> None:
    """Serve until the client closes standard input.

    Meanwhile standard output carries the protocol only: the library keeps it for itself, and whatever else
    is printed goes to standard error.

    Args:
        settings: where everything is.
        explained: an error in one line, with what helps.
    """
    opening = Opening(settings)
    server = mcp_server(opening, explained=explained)
    try:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
    finally:
        await opening.close()
