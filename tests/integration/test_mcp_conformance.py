"""The conformance suite of the protocol against ``/mcp``: the scenarios that need no tools of the suite's.

``OSSIFRAGE_MCP_CONFORMANCE`` is the command that runs it (npm: @modelcontextprotocol/conformance, Node 22).
"""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path

import pytest
import uvicorn

from fakes.process import free_port
from ossifrage.agent.serve.app import create_app
from ossifrage.agent.serve.service import Service
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase

SCENARIOS = (
    "server-initialize",
    "ping",
    "tools-list",
    "resources-list",
    "server-sse-polling",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)
COMMAND = os.environ.get("OSSIFRAGE_MCP_CONFORMANCE", "")


@pytest.mark.integration
@pytest.mark.skipif(not COMMAND, reason="OSSIFRAGE_MCP_CONFORMANCE names no conformance suite")
async def test_the_conformance_suite_passes(birds: KnowledgeBase, home: Path) -> None:
    port = free_port()
    service = Service(Settings(home=home, engine="extractive"), knowledge=birds)
    config = uvicorn.Config(create_app(service), port=port, log_level="critical", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not task.done()
    try:
        for scenario in SCENARIOS:
            run = await asyncio.create_subprocess_exec(
                *shlex.split(COMMAND),
                *("server", "--url", f"http://127.0.0.1:{port}/mcp", "--scenario", scenario),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            told, _ = await run.communicate()
            assert run.returncode == 0, f"{scenario}: {told.decode()[-2000:]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 30)
