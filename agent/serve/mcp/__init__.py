"""Ossifrage as an MCP server: its tools and documents for any MCP client, on stdio or over HTTP."""

from __future__ import annotations

from .http import Mounted, mounted
from .server import mcp_server
from .stdio import run_stdio

__all__ = ["Mounted", "mcp_server", "mounted", "run_stdio"]
