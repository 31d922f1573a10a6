"""The MCP server at ``/mcp`` of ``ossifrage serve``, as streamable HTTP.

Who is let in is decided before: the server's guard looks at Host, Origin, token and size of every request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.routing import BaseRoute, Route

from .server import Opens, mcp_server

__all__ = ["McpRoutes", "routes"]

_MOST_SESSIONS = 1_000


class McpRoutes:
    """The route, and what has to run as long as it is served.

    Args:
        opens: what the server answers from.
    """

    def __init__(self, opens: Opens) -> None:
        self._manager = StreamableHTTPSessionManager(mcp_server(opens), max_sessions=_MOST_SESSIONS)
        self.routes: list[BaseRoute] = [Route("/mcp", StreamableHTTPASGIApp(self._manager))]

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Serves the sessions of older clients. Enter it once, in the application's lifespan."""
        async with self._manager.run():
            yield


def routes(opens: Opens) -> McpRoutes:
    """The route ``/mcp`` and its lifespan, for the application that serves it."""
    return McpRoutes(opens)
