"""A chat server that plays scripted messages and remembers what it was sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fakes.http_server import HttpServer, Reply, Request, event, json_reply


@dataclass
class FakeChat(HttpServer):
    messages: list[Mapping[str, Any] | Reply] = field(default_factory=list[Mapping[str, Any] | Reply])
    """Assistant messages as the server says them, reasoning field and all; or whole replies, to misbehave.
    The key ``finish_reason`` is told as such."""
    models: Mapping[str, str] = field(default_factory=lambda: {"gpt-oss:20b": "library"})
    """Names, and who owns them."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """More paths, with the JSON they answer."""

    @property
    def sent(self) -> list[Any]:
        """Bodies of the chat requests."""
        return [request.body for request in self.requests if request.path == "/v1/chat/completions"]

    async def answer(self, request: Request) -> Reply:
        if request.path in self.extra:
            return json_reply(self.extra[request.path])
        if request.path == "/v1/models":
            models = [{"id": name, "owned_by": owner} for name, owner in self.models.items()]
            return json_reply({"object": "list", "data": models})
        if request.path != "/v1/chat/completions":
            return json_reply({"error": {"message": "not found"}}, status=404)
        message = self.messages.pop(0)
        if isinstance(message, Reply):
            return message
        return Reply(_stream(message, request.body), content_type="text/event-stream")


_HEAD = {"id": "chatcmpl-1", "created": 0, "model": "gpt-oss:20b"}
_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


async def _stream(message: Mapping[str, Any], body: Mapping[str, Any]) -> AsyncIterator[bytes]:
    def chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return event({**_HEAD, "object": "chat.completion.chunk", "choices": [choice]})

    yield chunk({"role": "assistant"})
    finish_reason = "stop"
    for key, value in message.items():
        if key == "finish_reason":
            continue
        if key == "tool_calls":
            yield chunk({key: [{"index": index, **call} for index, call in enumerate(value)]})
            finish_reason = "tool_calls"
        else:
            for word in pieces(value):
                yield chunk({key: word})
    yield chunk({}, message.get("finish_reason", finish_reason))
    if body.get("stream_options") == {"include_usage": True}:
        yield event({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
    yield b"data: [DONE]\n\n"


def pieces(text: str) -> list[str]:
    """A text in pieces that are it again when joined."""
    return re.findall(r"\S+\s*|\s+", text) or [""]


async def hanging() -> AsyncIterator[bytes]:
    """An answer that never comes."""
    yield b""
    await asyncio.sleep(3600)
