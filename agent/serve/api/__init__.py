"""The HTTP API: OpenAI's, and this program's own."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from ..service import Service
from .health import health

__all__ = ["routes"]


def routes(service: Service) -> list[BaseRoute]:
    """Every endpoint of the API."""
    return [Route("/healthz", health(service))]
