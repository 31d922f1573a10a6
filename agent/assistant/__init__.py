"""A question in, a checked answer out: the one place where the parts are put together."""

from __future__ import annotations

from .assistant import Assistant
from .options import AssistantOptions, Instructions, RunOptions
from .tool_servers import configured_servers

__all__ = ["Assistant", "AssistantOptions", "Instructions", "RunOptions", "configured_servers"]
