"""MCP servers as tools. What they send is as hostile as a document."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from agents import Agent, FunctionTool, RunContextWrapper, Tool
from agents.mcp import MCPServer, MCPServerManager, MCPUtil
from agents.tool_context import ToolContext

from ...prompts import render
from ...prompts.values import unmarked
from ..errors import ToolServerError
from ..text import one_line, well_formed
from .background import BackgroundLoop
from .tool_servers import ToolServer

__all__ = ["McpServers"]

_LONGEST_DESCRIPTION = 4_000
_CONNECT_SECONDS = 60.0
"""One that a package manager starts may be fetched first."""


class McpServers:
    """The tools of MCP servers, each called ``mcp_SERVER__TOOL``, so that none can pass for another.

    A server that is connected is used in the event loop where its app connected it, and is the app's to clean
    up. One that is not is connected when it is first needed, serves every thread and loop, and is cleaned up
    by :meth:`close`.

    Args:
        servers: the SDK's.
        background: where the connections live that are made here.
    """

    def __init__(self, servers: Sequence[MCPServer], background: BackgroundLoop) -> None:
        self._servers = tuple(servers)
        self._background = background
        self._managers: dict[MCPServer, MCPServerManager] = {}

    async def tools(self, agent: Agent[Any], context: object, *, seconds: float | None = None) -> list[Tool]:
        """What the servers offer now.

        Args:
            agent: whose tools they are to be.
            context: the app's.
            seconds: longest to wait. A server that takes longer is left out, and goes on connecting.

        Raises:
            ToolServerError: one cannot be reached, or does not say what it offers.
        """
        wrapper = RunContextWrapper(context)
        tools: list[Tool] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for server in self._servers:
                    tools += await asyncio.shield(self._offered(server, wrapper, agent))
        return tools

    async def close(self) -> None:
        """Clean up what was connected here. Safe to call twice."""
        if self._managers:
            await self._there(self._clean_up())

    async def _offered(
        self, server: MCPServer, wrapper: RunContextWrapper[Any], agent: Agent[Any]
    ) -> list[Tool]:
        if server not in self._managers and getattr(server, "session", server) is not None:
            found = await _listed(server, wrapper, agent)
        else:
            found = await self._there(self._listed_here(server, wrapper, agent))
            found = [self._called_there(tool) for tool in found]
        return [_texts_only(tool) for tool in found]

    async def _there(self, work: Any) -> Any:
        return await asyncio.wrap_future(self._background.submit(work))

    async def _listed_here(
        self, server: MCPServer, wrapper: RunContextWrapper[Any], agent: Agent[Any]
    ) -> list[Tool]:
        manager = self._managers.get(server)
        if manager is None:
            # One that bounds its own time has to be let, or the manager's error would fail the question.
            seconds = None if isinstance(server, ToolServer) else _CONNECT_SECONDS
            manager = MCPServerManager([server], strict=True, connect_timeout_seconds=seconds)
            self._managers[server] = manager
        try:
            await manager.connect_all()
            return await _listed(server, wrapper, agent)
        except Exception as error:
            self._managers.pop(server, None)  # connected anew by the next run
            await manager.cleanup_all()
            if isinstance(error, ToolServerError):
                raise
            raise _unreachable(server, error) from error

    def _called_there(self, tool: Tool) -> Tool:
        assert isinstance(tool, FunctionTool)
        invoke_tool = tool.on_invoke_tool

        async def invoke(context: ToolContext[Any], raw: str) -> Any:
            return await self._there(invoke_tool(context, raw))

        copied = copy.copy(tool)
        copied.on_invoke_tool = invoke
        return copied

    async def _clean_up(self) -> None:
        managers, self._managers = list(self._managers.values()), {}
        for manager in managers:
            await manager.cleanup_all()


async def _listed(server: MCPServer, wrapper: RunContextWrapper[Any], agent: Agent[Any]) -> list[Tool]:
    try:
        return await MCPUtil.get_all_function_tools(
            [server], False, wrapper, agent, include_server_in_tool_names=True
        )
    except Exception as error:
        raise _unreachable(server, error) from error


def _unreachable(server: MCPServer, error: Exception) -> ToolServerError:
    # What it says may be of anybody's making.
    name = one_line(server.name, 100)
    if isinstance(error, TimeoutError):
        return ToolServerError(f"The MCP server {name} took longer than {_CONNECT_SECONDS:g} s to start.")
    return ToolServerError(f"The MCP server {name} offers no tools: is it running? ({type(error).__name__})")


def _texts_only(tool: Tool) -> Tool:
    """A tool that gives one text, whatever its server sends: gpt-oss reads nothing else."""
    assert isinstance(tool, FunctionTool)
    invoke_tool = tool.on_invoke_tool

    async def invoke(context: ToolContext[Any], raw: str) -> str:
        return unmarked(well_formed(_text(await invoke_tool(context, raw))))

    copied = copy.copy(tool)
    copied.on_invoke_tool = invoke
    copied.description = tool.description[:_LONGEST_DESCRIPTION]
    return copied


def _text(output: Any) -> str:
    match output:
        case str():
            return output
        case list():
            return "\n\n".join(map(_text, cast("list[Any]", output)))
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image" | "file" as kind}:
            return render("tools/not_text", kind=kind)
        case _:
            return json.dumps(output, ensure_ascii=False, default=str)
