"""MCP servers that the settings name: bounded, and no question fails for want of them."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.tool_server import NAMES, tool_server_at
from ossifrage.agent.assistant.tool_servers import (
    DESCRIPTION,
    FIELD_DESCRIPTION,
    OUTPUT,
    ToolServer,
    configured_servers,
)
from ossifrage.agent.errors import ToolServerError
from ossifrage.agent.settings import Settings

SCRIPT = Path(__file__).resolve().parents[2] / "fakes" / "tool_server.py"


@asynccontextmanager
async def over_http(**more: Any) -> AsyncGenerator[ToolServer]:
    """A server that runs in this loop, and the settings' connection to it."""
    async with tool_server_at() as url:
        (server,) = configured_servers(Settings(mcp={"bad": {"url": url, **more}}))  # type: ignore[dict-item]
        try:
            yield server
        finally:
            await server.cleanup()


def text_of(result: Any) -> str:
    (part,) = result.content
    return part.text


async def test_what_a_server_says_is_bounded_and_made_safe(home: Path, caplog: Any) -> None:
    async with over_http() as server:
        listed = {tool.name: tool for tool in await server.list_tools()}
        assert set(listed) == set(NAMES)  # without the one that is too large
        assert "huge" in caplog.text
        for tool in listed.values():
            told = tool.description or ""
            assert "\x1b" not in told
            assert "【" not in told
            assert len(told) <= DESCRIPTION * 4  # a control character is spelled out
        field = listed["say"].input_schema["properties"]["description"]
        assert len(field["description"]) <= FIELD_DESCRIPTION * 4
        assert "【" not in str(field)
        said = text_of(await server.call_tool("say", {"description": "hello"}))
        assert "hello" in said
        assert '"bad"' in said.splitlines()[0]
        assert "\x1b" not in said
        assert "【" not in said
        long = text_of(await server.call_tool("long", {}))
        assert OUTPUT < len(long.encode()) < OUTPUT + 1000
        assert "was longer than 50000 bytes" in long
        mixed = text_of(await server.call_tool("mixed", {}))
        assert mixed.endswith("one\n\n[image: left out, it is no text]\n\ntwo")
        failed = await server.call_tool("fails", {})
        assert failed.is_error
        assert "says that it failed" in text_of(failed)


async def test_only_the_tools_that_are_allowed(home: Path) -> None:
    async with over_http(tools=["say", "unknown"]) as server:
        assert [tool.name for tool in await server.list_tools()] == ["say"]


async def test_a_call_ends_in_time(home: Path) -> None:
    async with over_http(timeout=0.5) as server:
        with pytest.raises(ToolServerError, match=r"MCP server bad failed at slow: no answer in 0\.5 s"):
            await server.call_tool("slow", {})
        assert "say" in text_of(await server.call_tool("say", {}))


@pytest.mark.parametrize(
    "table",
    [
        {"command": "/no/such/program", "env": {"TOKEN": "hush-hush"}},
        {"command": sys.executable, "args": ["-c", "print('hello')"]},
        {"url": "http://me:hush-hush@127.0.0.1:9/mcp", "headers": {"Authorization": "hush-hush"}},
    ],
)
async def test_a_server_that_cannot_be_reached_is_one_line(
    home: Path, caplog: pytest.LogCaptureFixture, table: dict[str, Any]
) -> None:
    (server,) = configured_servers(Settings(mcp={"gone": {**table, "timeout": 5}}))  # type: ignore[dict-item]
    for _ in range(3):
        await server.connect()
        assert await server.list_tools() == []
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    (told,) = [line for line in warnings if "MCP server gone" in line]
    assert told.splitlines() == [told]
    assert "its tools are left out" in told
    assert "hush" not in caplog.text
    await server.cleanup()


async def test_a_program_that_dies_is_started_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "hush")
    table = {"command": sys.executable, "args": [str(SCRIPT)], "env": {"GIVEN": "this"}, "timeout": 30}
    (server,) = configured_servers(Settings(mcp={"bad": table}))  # type: ignore[dict-item]
    assert "this None" in text_of(await server.call_tool("environment", {}))
    with pytest.raises(ToolServerError, match="failed at die"):
        await server.call_tool("die", {})
    assert "hello" in text_of(await server.call_tool("say", {"description": "hello"}))
    await asyncio.create_task(server.cleanup())  # another task than the one that connected
