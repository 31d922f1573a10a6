"""A vLLM that plays scripted completions, for programs that open their engine themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fakes.http_server import Reply, Request
from fakes.vllm_server import FakeVllm
from ossifrage.agent.harmony import load_encoding


@dataclass
class ScriptedServer(FakeVllm):
    """Plays completions written as harmony text, one a request, one request at a time."""

    max_model_len: int = 131_072
    completions: list[str] = field(default_factory=list[str])
    prompts: list[str] = field(default_factory=list[str], init=False)

    async def answer(self, request: Request) -> Reply:
        asked: dict[str, Any] = request.body or {}
        probed = asked.get("max_tokens") == 1  # whether the server obeys a grammar
        if request.path == "/v1/completions" and not probed:
            encoding = load_encoding()
            self.prompts.append(encoding.decode(asked["prompt"]))
            self.completion = encoding.encode(self.completions.pop(0), allowed_special="all")
        return await super().answer(request)


@contextmanager
def scripted_server() -> Generator[ScriptedServer]:
    """Serve until the block ends, in a thread of its own."""
    server = ScriptedServer()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
