"""An MCP server that lets whoever connects wait."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from agents.mcp import MCPServer
from mcp_types import CallToolResult, GetPromptResult, ListPromptsResult, TextContent, Tool


class LateServer(MCPServer):
    """Connected once ``ready`` is set; its one tool is called ``say``."""

    session = None

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Event()

    @property
    def name(self) -> str:
        return "late"

    async def connect(self) -> None:
        await asyncio.to_thread(self.ready.wait, 60)

    async def cleanup(self) -> None:
        pass

    async def list_tools(self, run_context: Any = None, agent: Any = None) -> list[Tool]:
        return [Tool(name="say", input_schema={"type": "object", "properties": {}})]

    async def call_tool(self, tool_name: str, arguments: Any, meta: Any = None) -> CallToolResult:
        return CallToolResult(content=[TextContent(text="said")])

    async def list_prompts(self) -> ListPromptsResult:
        raise NotImplementedError

    async def get_prompt(self, name: str, arguments: Any = None) -> GetPromptResult:
        raise NotImplementedError
