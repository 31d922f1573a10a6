"""The server of `ossifrage serve` in a thread, on a free port of loopback."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from ossifrage.agent.serve.server import Server, listen
from ossifrage.agent.serve.service import Service

__all__ = ["serving"]


@contextmanager
def serving(make: Callable[[], Service]) -> Generator[str, None, None]:
    """Its address, for as long as the block lasts.

    Args:
        make: makes the service, in the thread that serves it.
    """
    listening = listen("127.0.0.1", 0)
    servers: list[Server] = []

    async def run() -> None:
        servers.append(Server(make()))
        await servers[0].serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not (servers and servers[0].started):
        assert thread.is_alive(), "the server does not start"
        assert time.monotonic() < end, "the server does not start"
        time.sleep(0.01)
    try:
        host, port = listening.getsockname()
        yield f"http://{host}:{port}"
    finally:
        servers[0].should_exit = True
        thread.join(30)
