"""A server that sends whatever bytes it is told, and the five clients that may be asked to read them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from agents import ModelSettings, ModelTracing

from ossifrage.agent.engines.client import open_client
from ossifrage.agent.engines.engine import Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.engines.sglang import SglangEngine
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.models.chat import chat_model
from ossifrage.agent.models.responses import responses_model

Kind = Literal["vllm", "sglang", "llama-server", "chat", "responses"]
KINDS: Sequence[Kind] = ("vllm", "sglang", "llama-server", "chat", "responses")
Script = Callable[[], AsyncIterator[bytes]]

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def head(status: int, *lines: str, content_type: str = "application/json") -> bytes:
    fields = [f"HTTP/1.1 {status} .", f"content-type: {content_type}", "connection: close", *lines]
    return "\r\n".join([*fields, "", ""]).encode("latin-1")


def once(*parts: bytes) -> Script:
    async def script() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return script


def endless(first: bytes, then: bytes, *, pause: float | None = None) -> Script:
    async def script() -> AsyncIterator[bytes]:
        yield first
        while True:
            yield then
            if pause is not None:
                await asyncio.sleep(pause)

    return script


def data(payload: object) -> bytes:
    return f"data: {json.dumps(payload)}\n\n".encode()


@dataclass
class HostileServer:
    """Use it as ``async with``; every request gets the script's bytes, until the reader goes away."""

    script: Script = field(default_factory=once)
    requests: list[bytes] = field(default_factory=list[bytes], init=False)
    sent: int = field(default=0, init=False)
    """Bytes that were written."""
    url: str = field(default="", init=False)
    _server: asyncio.Server | None = field(default=None, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False)

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
            top = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(row[15:]) for row in top.lower().split(b"\r\n") if row.startswith(b"content-length:")), 0
            )
            self.requests.append(top + await reader.readexactly(length))
            async for part in self.script():
                writer.write(part)
                self.sent += len(part)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the reader has had enough
        finally:
            writer.close()


def text(kind: Kind, count: int = 1) -> bytes:
    """An event with some text or a token, for a kind of client."""
    match kind:
        case "vllm" | "sglang":
            return data({"choices": [{"index": 0, "token_ids": [1000]}]})
        case "llama-server":
            return data({"tokens": [1000], "stop": False, "tokens_predicted": count})
        case "chat":
            return data({"choices": [{"index": 0, "delta": {"content": "kites "}}]})
        case "responses":
            where = {"item_id": "m", "output_index": 0, "content_index": 0}
            return data({"type": "response.output_text.delta", "delta": "kites ", **where})


def idle(kind: Kind) -> bytes:
    """An event without any text."""
    match kind:
        case "vllm" | "sglang":
            nothing: list[int] = []
            return data({"choices": [{"index": 0, "token_ids": nothing}]}) + data({"choices": nothing})
        case "llama-server":
            state = {"total": 9, "cache": 0, "processed": 3, "time_ms": 1}
            return data({"tokens": [0], "stop": False, "prompt_progress": state})
        case "chat":
            return data({"choices": [{"index": 0, "delta": {"content": "", "role": "assistant"}}]})
        case "responses":
            where = {"item_id": "m", "output_index": 0, "content_index": 0}
            return data({"type": "response.output_text.delta", "delta": "", **where})


def end(kind: Kind, *, usage: object = None, output: Sequence[object] | None = None) -> bytes:
    """The end of an answer that is whole."""
    match kind:
        case "vllm" | "sglang":
            return data({"choices": [{"index": 0, "token_ids": [200002], "finish_reason": "stop"}]}) + data(
                {"choices": [], "usage": usage}
            )
        case "llama-server":
            return data({"tokens": [], "stop": True, "stop_type": "eos", "timings": usage})
        case "chat":
            last = {"choices": [{"index": 0, "finish_reason": "stop"}]}
            return data(last) + data({"choices": [], "usage": usage}) + b"data: [DONE]\n\n"
        case "responses":
            content = [{"type": "output_text", "text": "kites "}]
            whole = [{"type": "message", "id": "m", "role": "assistant", "content": content}]
            response = {"id": "r", "status": "completed", "output": output or whole, "usage": usage}
            return data({"type": "response.completed", "response": response})


def failure(kind: Kind, message: str, code: object = 500) -> bytes:
    """A failure told inside the stream."""
    if kind == "responses":
        return data({"type": "response.failed", "response": {"error": {"code": code, "message": message}}})
    return data({"error": {"message": message, "code": code}})


@dataclass
class Asked:
    """What one request came to."""

    shown: list[str] = field(default_factory=list[str])
    """Texts, or tokens."""
    final: Any = None
    """The last chunk, or the response."""


async def ask(
    kind: Kind,
    url: str,
    *,
    api_key: str | None = None,
    max_tokens: int = 64,
    first_seconds: float = 5.0,
    idle_seconds: float = 5.0,
    asked: Asked | None = None,
    history: Any = "What do kites eat?",
) -> Asked:
    """Ask for one answer; what was shown before an error is in ``asked``."""
    asked = asked or Asked()
    source: Any
    if kind in ("chat", "responses"):
        opened = chat_model if kind == "chat" else responses_model
        source = opened(base_url=url, model="gpt-oss", api_key=api_key)
        source.first_wait = 0.01
        events = source.stream_response(
            *(None, history, ModelSettings(max_tokens=max_tokens), [], None, [], ModelTracing.DISABLED),
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        )
    else:
        engines = {"vllm": VllmEngine, "sglang": SglangEngine, "llama-server": LlamaServerEngine}
        source = engines[kind](open_client(url, api_key=api_key), model="gpt-oss", context_window=4096)
        events = source.generate([200006, 173781], Sampling(max_tokens=max_tokens))
    source.first_seconds, source.idle_seconds = first_seconds, idle_seconds
    try:
        await _read(events, asked)
    finally:
        await source.close()
    return asked


async def _read(events: AsyncGenerator[Any, None], asked: Asked) -> None:
    async with aclosing(events):
        async for event in events:
            kind = getattr(event, "type", None)
            if kind is None:
                asked.shown += map(str, event.tokens)
                asked.final = event
            elif kind == "response.output_text.delta":
                asked.shown.append(event.delta)
            elif kind == "response.completed":
                asked.final = event.response
