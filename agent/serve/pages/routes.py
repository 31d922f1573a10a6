"""The pages that people look at."""

from __future__ import annotations

from starlette.routing import BaseRoute

from ..service import Service

__all__ = ["routes"]


def routes(service: Service) -> list[BaseRoute]:
    """Every page."""
    del service
    return []
