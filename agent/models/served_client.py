"""The openai client for one server, which is given only what the SDK can read.

The SDK and the openai client take what a server sends for what the API promises, and bound nothing. So the
events of a response are read here, bounded, checked and written anew, and only then handed on.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import openai

from ..engines.client import CONNECT_SECONDS, Client
from ..engines.http import events_of
from ..errors import EngineError

__all__ = ["MAX_TOKENS", "Fit", "ServedClient", "open_client"]

MAX_TOKENS = 131_072
"""Tokens of gpt-oss's longest answer."""

Fit = Callable[
    [Client, str, AsyncGenerator[Mapping[str, Any], None]], AsyncGenerator[Mapping[str, Any], None]
]
"""Makes of a server's events, at a path, those that the SDK can read."""

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_MORE_EVENTS = 1000
_BYTES_A_TOKEN = 1024
_MORE_BYTES = 16 << 20


def open_client(base_url: str, api_key: str | None, *, fit: Fit) -> openai.AsyncOpenAI:
    """A client for one server, with ``/v1`` added to an address without a path.

    Keys, organisations and projects that the environment names for OpenAI are not sent.

    Raises:
        UsageError: ``base_url`` is no address.
    """
    url = base_url.strip().rstrip("/")
    if not urlsplit(url).path:
        url = f"{url}/v1"
    # Who is patient waits for the answer and each event of it.
    http = ServedClient(url, api_key=api_key, timeout=httpx.Timeout(None, connect=CONNECT_SECONDS), fit=fit)
    client = openai.AsyncOpenAI(
        base_url=http.address,
        api_key=api_key or "none",
        timeout=openai.Timeout(None, connect=CONNECT_SECONDS),
        max_retries=0,  # see ServedModel.stream_response
        http_client=cast(Any, http),  # typed for httpx2, takes both
    )
    client.organization = client.project = None  # the environment's
    return client


class ServedClient(Client):
    """A client whose event streams hold nothing but what ``fit`` makes of them.

    Args:
        base_url: the address of the API.
        api_key: sent as a bearer token.
        timeout: for connecting and for each read.
        fit: see :data:`Fit`.
    """

    def __init__(self, base_url: str, *, api_key: str | None, timeout: httpx.Timeout, fit: Fit) -> None:
        super().__init__(base_url, api_key=api_key, timeout=timeout)
        self._fit = fit

    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = False,
    ) -> httpx.Response:
        """Send a request for a stream; see :class:`~..engines.client.Client`."""
        response = await super().send(request, stream=True, auth=auth)
        content = cast(httpx.AsyncByteStream, response.stream)
        path = request.url.path
        events = self._fit(self, path, events_of(self, response, content))
        response.stream = _Fitted(
            content, events, _asked_for(request), self.foreign(path, "an answer without end")
        )
        return response


class _Fitted(httpx.AsyncByteStream):
    """Events, written as a stream of them.

    Args:
        content: what they are read from, and is closed.
        events: what is written.
        max_tokens: most tokens that were asked for.
        error: what is raised where there are more events, or longer ones, than so many tokens can have.
    """

    def __init__(
        self,
        content: httpx.AsyncByteStream,
        events: AsyncGenerator[Mapping[str, Any], None],
        max_tokens: int,
        error: EngineError,
    ) -> None:
        self._content = content
        self._events = events
        self._events_left = 2 * max_tokens + _MORE_EVENTS
        self._bytes_left = _BYTES_A_TOKEN * max_tokens + _MORE_BYTES
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._events) as events:
            async for event in events:
                written = json.dumps(event).encode()
                self._events_left -= 1
                self._bytes_left -= len(written)
                if self._events_left < 0 or self._bytes_left < 0:
                    raise self._error
                yield b"data: " + written + b"\n\n"

    async def aclose(self) -> None:
        """Close the connection."""
        await self._events.aclose()
        await self._content.aclose()


def _asked_for(request: httpx.Request) -> int:
    body: Mapping[str, Any] = json.loads(request.content)
    told = (body.get(name) for name in _LIMITS)
    return next((limit for limit in told if isinstance(limit, int)), MAX_TOKENS)
