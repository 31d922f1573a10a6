"""``/healthz`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..service import Service

__all__ = ["health"]


def health(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """Whether the server takes requests: 503 once it is stopping."""

    async def endpoint(_: Request) -> Response:
        if service.stopping.is_set():
            return JSONResponse({"status": "stopping"}, status_code=503)
        return JSONResponse({"status": "ok"})

    return endpoint
