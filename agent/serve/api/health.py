"""``/healthz`` and ``/metrics``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..metrics import CONTENT_TYPE
from ..service import Service

__all__ = ["health_routes"]


def health_routes(service: Service) -> list[BaseRoute]:
    """Whether the server takes requests (503 once it is stopping), and what it has measured."""

    async def health(_: Request) -> Response:
        if service.stopping.is_set():
            return JSONResponse({"status": "stopping"}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def metrics(_: Request) -> Response:
        return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})

    return [Route("/healthz", health, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]
