"""``/v1/models``."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..problems import Problem
from ..service import Service
from .answering import served_models

__all__ = ["models_routes"]


def models_routes(service: Service) -> list[BaseRoute]:
    """The models that a request may name."""
    since = int(time.time())

    def told(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": since, "owned_by": "ossifrage"}

    async def listed(_: Request) -> Response:
        names = await served_models(service)
        return JSONResponse({"object": "list", "data": [told(name) for name in names]})

    async def one(request: Request) -> Response:
        name = request.path_params["model"]
        if name not in await served_models(service):
            raise Problem(404, f"The model {name[:100]!r} is not served here.", code="model_not_found")
        return JSONResponse(told(name))

    return [
        Route("/v1/models", listed, methods=["GET"]),
        Route("/v1/models/{model:path}", one, methods=["GET"]),
    ]
