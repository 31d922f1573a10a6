"""The ASGI app: the guard, and behind it the API, the pages and the MCP server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from ..settings import load_settings
from . import api
from .guard import Guard
from .mcp.http import mounted
from .pages import routes as pages
from .problems import Problem
from .service import Service

__all__ = ["application", "create_app"]


def create_app(service: Service) -> Starlette:
    """The server's app.

    Args:
        service: what the endpoints share; it is opened when the app starts, and closed when it stops.
    """
    mcp = mounted(service)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        await service.start()
        try:
            async with mcp.lifespan():
                yield
        finally:
            await service.stop()

    return Starlette(
        routes=[*api.routes(service), *mcp.routes, *pages.routes(service)],
        middleware=[
            Middleware(Guard, tokens=service.tokens, limits=service.limits, names=service.names),
        ],
        exception_handlers={HTTPException: _http_problem, Problem: _problem},
        lifespan=lifespan,
    )


def application() -> Starlette:
    """The app by the settings in the environment.

    For other servers: ``uvicorn --factory ossifrage.agent.serve.app:application``.

    Raises:
        UsageError: a setting is not valid.
    """
    return create_app(Service(load_settings()))


async def _http_problem(_: Request, error: Exception) -> Response:
    """What the router refuses: no such address (404), no such method there (405)."""
    if not isinstance(error, HTTPException):
        raise error
    words = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    return Problem(
        error.status_code, words.get(error.status_code, error.detail), headers=error.headers
    ).response()


async def _problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return error.response()
