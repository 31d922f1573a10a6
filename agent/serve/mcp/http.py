"""The MCP server at ``/mcp`` of ``ossifrage serve``, as streamable HTTP.

Who is let in is decided before: the server's guard looks at Host, Origin, token and size of every request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from ....tools.knowledge import Knowledge
from ...assistant import Assistant
from ..service import Service
from .server import mcp_server

__all__ = ["Mounted", "mounted"]

_MOST_SESSIONS = 1_000


class Mounted(NamedTuple):
    """What the application serves."""

    routes: list[BaseRoute]
    lifespan: Callable[[], AbstractAsyncContextManager[None]]
    """Serves the sessions of older clients; to be entered once, while the application runs."""


def mounted(service: Service) -> Mounted:
    """The route ``/mcp``, and what has to run as long as it is served."""
    manager = StreamableHTTPSessionManager(
        mcp_server(_Opened(service)),
        max_sessions=_MOST_SESSIONS,
        max_request_body_size=service.limits.body_bytes,
    )
    return Mounted([Route("/mcp", _OfClients(manager, service))], manager.run)


class _OfClients:
    """Passes requests on, each with its client: a session is the client's who began it."""

    def __init__(self, manager: StreamableHTTPSessionManager, service: Service) -> None:
        self._manager = manager
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = self._service.client(HTTPConnection(scope)).name
        # Not the name alone: the owner has none, and the library takes an empty one for nobody's.
        user = AuthenticatedUser(AccessToken(token="", client_id=f"client:{client}", scopes=[]))
        await self._manager.handle_request({**scope, "user": user}, receive, send)


class _Opened:
    """What the service has open."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @asynccontextmanager
    async def knowledge(self) -> AsyncGenerator[Knowledge]:
        knowledge, _ = await self._service.opened()
        yield knowledge

    @asynccontextmanager
    async def assistant(self, request: HTTPConnection | None) -> AsyncGenerator[Assistant]:
        if request is None:
            raise RuntimeError("there is no request over HTTP")
        yield await self._service.assistant(self._service.client(request))
