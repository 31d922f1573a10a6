"""The MCP server."""

from __future__ import annotations

from starlette.routing import BaseRoute

from ..service import Service

__all__ = ["routes"]


def routes(service: Service) -> list[BaseRoute]:
    """What MCP clients speak to."""
    del service
    return []
