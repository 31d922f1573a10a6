"""A small HTTP server in the test's own event loop: every request is recorded, every answer is a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    chunks: AsyncIterator[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def json_reply(payload: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(_once(json.dumps(payload).encode()), status=status, headers=headers or {})


def text_reply(text: str, *, status: int = 200, content_type: str = "text/event-stream") -> Reply:
    return Reply(_once(text.encode()), status=status, content_type=content_type)


def event(payload: object) -> bytes:
    return f"data: {json.dumps(payload)}\n\n".encode()


@dataclass
class HttpServer:
    """Use it as ``async with``; subclasses say what is answered."""

    requests: list[Request] = field(default_factory=list[Request], init=False)
    abandoned: int = field(default=0, init=False)
    """Answers whose reader went away before the end."""
    url: str = field(default="", init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False)
    _server: asyncio.Server | None = field(default=None, init=False)

    async def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = "http://127.0.0.1:{1}".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            self.requests.append(request)
            reply = await self.answer(request)
            headers = {"content-type": reply.content_type, "connection": "close", **reply.headers}
            head = [f"HTTP/1.1 {reply.status} .", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*head, "", ""]).encode())
            gone = asyncio.create_task(reader.read())
            try:
                async for chunk in reply.chunks:
                    if gone.done():
                        self.abandoned += 1
                        break
                    writer.write(chunk)
                    await writer.drain()
            finally:
                gone.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.abandoned += 1
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in head[1:])}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, json.loads(content) if content else None)
