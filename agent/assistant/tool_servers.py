"""MCP servers as an agent may have them: what such a server says is trusted no more than a document.

A server is connected when its tools are first asked for, in a task of its own, which closes it, too: the
library wants both in one task. One that the settings name and that cannot be reached is told of in one line,
and the question goes on without its tools.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from agents import RunContextWrapper
from agents.agent import AgentBase
from agents.mcp import MCPServer, MCPServerStdio, MCPServerStreamableHttp
from mcp_types import CallToolResult, GetPromptResult, ListPromptsResult, TextContent
from mcp_types import Tool as ServerTool

from ...prompts import render
from ...prompts.values import unmarked
from ..credentials import CredentialMask
from ..errors import ToolServerError
from ..text import one_line, printable

if TYPE_CHECKING:
    from ..settings import McpServer, Settings

__all__ = ["ToolServer", "configured_servers"]

_logger = logging.getLogger(__name__)

MOST_TOOLS = 100
"""Of one server: each is in every prompt."""
DESCRIPTION = 1_000
"""Characters of a tool's description."""
FIELD_DESCRIPTION = 300
"""Characters of the description of one field of its arguments."""
SCHEMA = 20_000
"""Characters of the schema of its arguments; a tool that wants more is left out."""
OUTPUT = 50_000
"""Bytes of what one call gives back."""
_AGAIN = 30.0
"""Seconds after which a server that could not be reached is tried again."""


def configured_servers(settings: Settings) -> list[ToolServer]:
    """The servers of the settings' ``[mcp.NAME]``, none of them connected. Close each with ``cleanup()``."""
    return [
        ToolServer(
            _configured(name, server),
            seconds=server.timeout,
            approve=server.approve,
            secrets=settings.secrets,
        )
        for name, server in settings.mcp.items()
    ]


def _configured(name: str, server: McpServer) -> MCPServer:
    if server.command is not None:
        return MCPServerStdio(
            {"command": server.command, "args": server.args, "env": _plain(server.env)},
            name=name,
            cache_tools_list=True,
            client_session_timeout_seconds=server.timeout,
            tool_filter=None if server.tools is None else {"allowed_tool_names": server.tools},
            max_list_pages=20,
        )
    return MCPServerStreamableHttp(
        {"url": server.url or "", "headers": _plain(server.headers), "timeout": server.timeout},
        name=name,
        cache_tools_list=True,
        client_session_timeout_seconds=server.timeout,
        tool_filter=None if server.tools is None else {"allowed_tool_names": server.tools},
        max_list_pages=20,
    )


def _plain(secrets: Mapping[str, Any]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in secrets.items()}


class _Connection:
    """One connection, opened and closed in a task of its own."""

    def __init__(self, server: MCPServer, seconds: float) -> None:
        self._server = server
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(seconds))

    async def opened(self) -> None:
        """Wait until it is open; raises what went wrong."""
        await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Close it. Safe to call twice."""
        self._closing.set()
        await asyncio.wait({self._task})

    async def _run(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._server.connect()
        except Exception as error:
            self._opened.set_exception(error)
            self._opened.exception()  # somebody may have stopped waiting
            return
        self._opened.set_result(None)
        await self._closing.wait()
        with suppress(Exception):  # it may have ended by itself
            await self._server.cleanup()


class ToolServer(MCPServer):
    """A server whose tools are bounded in time and size, and whose absence fails no question.

    For one event loop. Close it with :meth:`cleanup`; it connects again when it is used again.

    Args:
        server: the SDK's, not connected.
        seconds: longest that connecting and a call may take.
        approve: ask before calls of its tools: of all, or of these.
        secrets: texts that no message may hold.
    """

    session = None
    """As the SDK's servers have it while they are not connected: whoever gets this one connects it."""

    def __init__(
        self,
        server: MCPServer,
        *,
        seconds: float,
        approve: bool | Sequence[str] = False,
        secrets: Sequence[str] = (),
    ) -> None:
        super().__init__(
            require_approval=approve if isinstance(approve, bool) else dict.fromkeys(approve, "always")
        )
        self._server = server
        self._seconds = seconds
        self._mask = CredentialMask(secrets)
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._not_before = 0.0

    @property
    def name(self) -> str:
        """The server's."""
        return self._server.name

    async def connect(self) -> None:
        """Connect, if that is not done. A server that cannot be reached is told of, and tried again later."""
        if time.monotonic() < self._not_before:
            return
        try:
            await self._connect()
        except ToolServerError as error:
            self._absent(error)

    async def cleanup(self) -> None:
        """Close the connection. Safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def list_tools(
        self, run_context: RunContextWrapper[Any] | None = None, agent: AgentBase | None = None
    ) -> list[ServerTool]:
        """The server's tools as the model may see them; none where it cannot be reached."""
        if time.monotonic() < self._not_before:
            return []
        try:
            await self._connect()
            async with asyncio.timeout(self._seconds):
                listed = await self._server.list_tools(run_context, agent)
            fit = [_fit(tool) for tool in listed[:MOST_TOOLS]]
            sizes = [len(json.dumps(tool.input_schema)) for tool in fit]
        except ToolServerError as error:
            self._absent(error)
            return []
        except Exception as error:
            self._absent(self._error("lists no tools", error))
            await self.cleanup()
            return []
        if len(listed) > MOST_TOOLS:
            self._warn(f"has {len(listed)} tools, and the first {MOST_TOOLS} are taken: `tools` chooses some")
        for tool, size in zip(fit, sizes, strict=True):
            if size > SCHEMA:
                self._warn(f"has a tool that takes too much to describe, which is left out: {tool.name}")
        return [tool for tool, size in zip(fit, sizes, strict=True) if size <= SCHEMA]

    async def call_tool(
        self, tool_name: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None = None
    ) -> CallToolResult:
        """Call a tool; what comes back is one bounded text.

        Raises:
            ToolServerError: it did not answer.
        """
        try:
            await self._connect()
            async with asyncio.timeout(self._seconds):
                result = await self._server.call_tool(tool_name, arguments, meta)
        except ToolServerError:
            raise
        except Exception as error:
            if not _answered(error):
                await self.cleanup()  # the next call begins anew
            raise self._error(f"failed at {tool_name}", error) from error
        failed = bool(result.is_error)
        text = TextContent(text=self._told(result, tool_name, failed=failed))
        return CallToolResult(content=[text], is_error=failed)

    async def list_prompts(self) -> ListPromptsResult:
        """The server's prompts."""
        await self._connect()
        return await self._server.list_prompts()

    async def get_prompt(self, name: str, arguments: dict[str, Any] | None = None) -> GetPromptResult:
        """One of the server's prompts."""
        await self._connect()
        return await self._server.get_prompt(name, arguments)

    async def _connect(self) -> None:
        async with self._connecting:
            if self._connection is not None:
                return
            connection = _Connection(self._server, self._seconds)
            try:
                await connection.opened()
            except Exception as error:
                raise self._error("cannot be reached", error) from error
            except asyncio.CancelledError:
                await connection.close()
                raise
            self._connection = connection

    def _told(self, result: CallToolResult, tool: str, *, failed: bool) -> str:
        parts = [_text(part) for part in result.content]
        if not any(parts) and result.structured_content:
            parts = [json.dumps(result.structured_content, ensure_ascii=False)]
        text = _clean("\n\n".join(part for part in parts if part)[: OUTPUT + 1])
        if len(data := text.encode(errors="replace")) > OUTPUT:
            note = render("tools/cut_output", tool=tool, limit=OUTPUT)
            text = f"{data[:OUTPUT].decode(errors='ignore')}\n\n{note}"
        return render("tools/outside", server=self.name, text=text, failed=failed)

    def _absent(self, error: ToolServerError) -> None:
        _logger.warning("%s; its tools are left out", error)
        self._not_before = time.monotonic() + _AGAIN

    def _warn(self, what: str) -> None:
        _logger.warning("MCP server %s %s", one_line(self.name), one_line(what, 200))

    def _error(self, what: str, error: BaseException) -> ToolServerError:
        while isinstance(error, BaseExceptionGroup):
            error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        match error:
            case TimeoutError():
                reason = f"no answer in {self._seconds:g} s"
            case OSError(strerror=str(reason)):
                pass
            case _:
                reason = str(error) or type(error).__name__
        reason = one_line(self._mask.text(reason), 200)
        return ToolServerError(f"MCP server {one_line(self.name)} {one_line(what)}: {reason}")


def _answered(error: Exception) -> bool:
    """Whether an error is the server's answer, and no sign that it has gone."""
    from mcp.shared.exceptions import MCPError
    from mcp_types import CONNECTION_CLOSED

    return isinstance(error, MCPError) and error.error.code != CONNECTION_CLOSED


def _fit(tool: ServerTool) -> ServerTool:
    """A tool as the model may see it."""
    described = _short(tool.description or tool.title or "", DESCRIPTION)
    schema = _described(tool.input_schema)
    return tool.model_copy(update={"title": None, "description": described, "input_schema": schema})


def _described(schema: Any) -> Any:
    """A schema with descriptions that are short and clean."""
    match schema:
        case dict():
            given = cast("dict[str, Any]", schema)
            return {
                key: _short(value, FIELD_DESCRIPTION)
                if key in ("description", "title") and isinstance(value, str)
                else _described(value)
                for key, value in given.items()
            }
        case list():
            return [_described(item) for item in cast("list[Any]", schema)]
        case _:
            return schema


def _short(text: str, limit: int) -> str:
    return _clean(text if len(text) <= limit else text[: limit - 1] + "…")


def _clean(text: str) -> str:
    """Text of a stranger's: nothing in it acts on a terminal or looks like a citation."""
    return printable(unmarked(text))


def _text(part: Any) -> str:
    """A part of a result as text; what is none is named."""
    match part.type:
        case "text":
            return part.text
        case "resource":
            return getattr(part.resource, "text", None) or f"[{part.resource.uri}: left out, it is no text]"
        case "resource_link":
            return f"[{part.name}: {part.uri}]"
        case kind:
            return f"[{kind}: left out, it is no text]"
