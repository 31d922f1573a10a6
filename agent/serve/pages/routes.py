"""The pages that people look at."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from ..problems import Problem
from ..service import Service
from .asking import ask
from .assets import STATIC, asset
from .following import follow
from .reading import reading

__all__ = ["routes"]

_TYPES = {".js": "text/javascript", ".css": "text/css"}


def routes(service: Service) -> list[BaseRoute]:
    """Every page."""
    page = asset("page.html")
    for mark, text in {
        "policy": "",
        "style": '<link rel="stylesheet" href="/static/style.css">',
        "script": '<script type="module" src="/static/site.js"></script>',
    }.items():
        page = page.replace(f"<!--{mark}-->", text)
    files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}

    async def shell(_: Request) -> Response:
        return HTMLResponse(page)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        content = files.get(name)
        if content is None:
            raise Problem(404, "There is no such file.", code="not_found")
        tag = f'"{hashlib.blake2s(content, digest_size=8).hexdigest()}"'
        headers = {"etag": tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        kind = next(kind for suffix, kind in _TYPES.items() if name.endswith(suffix))
        return Response(content, media_type=kind, headers=headers)

    return [
        *reading(service),
        *(Route(path, shell) for path in ("/", "/traces", "/traces/{trace_id}", "/compare/{left}/{right}")),
        Route("/traces/{trace_id}/events", follow(service)),
        Route("/static/{name}", static),
        Route("/ask", ask(service), methods=["POST"]),
    ]
