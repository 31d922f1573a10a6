"""Answers that can be given up: their work ends when the client has gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import problem_of

__all__ = ["EventStream", "WholeAnswer", "event_chunk"]

T = TypeVar("T")

HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent, so that no proxy takes the silence for an end."""


def event_chunk(data: Mapping[str, Any] | str, name: str | None = None) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    head = "" if name is None else f"event: {name}\n"
    return f"{head}data: {text}\n\n".encode("utf-8", "replace")


class EventStream:
    """Server-sent events, each written at once.

    An exception before the first is an ordinary error. Closing the generator is what ends its work.

    Args:
        chunks: the events as they are written.
        headers: more headers.
    """

    def __init__(
        self, chunks: AsyncGenerator[bytes, None], *, headers: Mapping[str, str] | None = None
    ) -> None:
        self._chunks = chunks
        self._headers = headers or {}
        self._begun = False
        self._told = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI app."""
        try:
            await _unless_gone(receive, self._tell(send))
        except Exception as error:
            if self._begun:
                raise
            await problem_of(error)(scope, receive, send)

    async def _tell(self, send: Send) -> None:
        heart = asyncio.create_task(self._beat(send))
        try:
            async with aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    await self._begin(send)
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    self._told.set()
        finally:
            heart.cancel()
            await asyncio.wait({heart})
        await self._begin(send)
        await send({"type": "http.response.body", "body": b""})

    async def _begin(self, send: Send) -> None:
        if not self._begun:
            self._begun = True
            await send(self._start())

    async def _beat(self, send: Send) -> None:
        while True:
            self._told.clear()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._told.wait()
            except TimeoutError:
                if self._begun:
                    await send({"type": "http.response.body", "body": b": \n\n", "more_body": True})

    def _start(self) -> dict[str, Any]:
        headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-store",
            "x-accel-buffering": "no",  # nginx would wait for more
            **self._headers,
        }
        return {
            "type": "http.response.start",
            "status": 200,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }


class WholeAnswer:
    """One JSON answer; what makes it is cancelled when the client goes.

    Args:
        work: gives the answer's value.
        headers: more headers.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], *, headers: Mapping[str, str] | None = None) -> None:
        self._work = work
        self._headers = dict(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI app."""
        response: ASGIApp
        try:
            response = JSONResponse(await _unless_gone(receive, self._work), headers=self._headers)
        except Exception as error:
            response = problem_of(error)
        await response(scope, receive, send)


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None where the client went first, and the work has ended itself."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        gone.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    return None


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
