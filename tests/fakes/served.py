"""The app on a real server at a loopback port, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from ossifrage.agent.serve.server import Server, listen
from ossifrage.agent.serve.service import Service


@dataclass(frozen=True)
class Served:
    url: str
    service: Service
    server: Server
    loop: asyncio.AbstractEventLoop


@contextmanager
def served(service: Service) -> Generator[Served]:
    """Serve until the block ends; then it is stopped as by a first Ctrl-C."""
    listening = listen("127.0.0.1", 0)
    server = Server(service)
    loop = asyncio.new_event_loop()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.serve(sockets=[listening]))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", service, server, loop)
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()
        assert not thread.is_alive(), "the server did not stop"
