"""A failure is told once, in one line, also where a library logs it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from fakes.http_server import Reply, event
from fakes.responses_server import FakeResponses
from ossifrage import KnowledgeBase


async def _failing() -> AsyncIterator[bytes]:
    yield event({"type": "error", "code": 400, "message": "no"})


async def test_a_stream_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "kite.md").write_text("# Kites\n\nA kite is a bird.\n")
    with KnowledgeBase(str(tmp_path / "home" / "knowledge"), embedding="none") as knowledge:
        knowledge.add([str(tmp_path / "kite.md")])
    async with FakeResponses() as server:
        server.outputs = [Reply(_failing(), content_type="text/event-stream")]
        arguments = ["--home", str(tmp_path / "home"), "--engine", "responses", "--base-url", server.url]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from ossifrage.agent.cli import main; main()",
            *arguments,
            "ask",
            "--quiet",
            "What is a kite?",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, told = await process.communicate()
    assert out == b""
    assert process.returncode == 1
    assert told.decode().splitlines() == [
        f"Error: {server.url}/v1 failed while it answered (400); its log may say more."
    ]
