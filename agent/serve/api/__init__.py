"""The HTTP API: OpenAI's, and this program's own."""

from __future__ import annotations

from starlette.routing import BaseRoute

from ..service import Service
from .ask import ask_routes
from .chat import chat_routes
from .health import health_routes
from .kept import Kept
from .models import models_routes
from .openapi import openapi_routes
from .responses import responses_routes

__all__ = ["routes"]


def routes(service: Service) -> list[BaseRoute]:
    """Every endpoint of the API."""
    kept = Kept(service.limits)
    return [
        *responses_routes(service, kept),
        *chat_routes(service, kept),
        *models_routes(service),
        *ask_routes(service),
        *health_routes(service),
        *openapi_routes(),
    ]
