"""The door of the server: who may come in, with how much, and for how long.

Pure ASGI, around everything else. A request is looked at in this order: its host, its origin, its token, how
many there are, its size and its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..text import one_line
from .limits import Limits
from .problems import Problem, problem_of
from .tokens import OWNER, Tokens

__all__ = ["COOKIE", "HEADERS", "Guard"]

_logger = logging.getLogger(__name__)

COOKIE = "ossifrage"
"""The cookie that a browser gets for a token."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""On every response; ``cache-control: no-store`` as well, where the response says nothing else."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_OPEN = frozenset({"/healthz"})
"""What needs no token: it tells nothing."""
_RETRY = {"retry-after": "1"}


class Guard:
    """ASGI middleware that refuses what should not come in.

    ``scope["state"]["client"]`` is the name of the client that asks, for the app inside.

    Args:
        app: what is guarded.
        tokens: who may ask.
        limits: with how much.
        names: host names under which the server is reached, beside its addresses; with a port where that is
            not the one that is listened on, nor the scheme's own.
    """

    def __init__(self, app: ASGIApp, *, tokens: Tokens, limits: Limits, names: Iterable[str] = ()) -> None:
        self._app = app
        self._tokens = tokens
        self._limits = limits
        self._names = frozenset(name.lower() for name in names)
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with what is wrong."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        guarded = _Answer(send)
        try:
            client = self._admitted(scope)
            if (login := self._login(scope)) is not None:
                await login(scope, receive, guarded)
                return
            scope.setdefault("state", {})["client"] = client
            await self._passed(client, scope, receive, guarded)
        except Exception as error:
            problem = problem_of(error)
            if not isinstance(error, Problem) and problem.status >= 500:
                _logger.exception("%s %s failed", scope["method"], one_line(scope["path"], 200))
            if guarded.started:
                raise _Broken from None  # the client sees a response that was cut off
            await problem(scope, receive, guarded)

    def _admitted(self, scope: Scope) -> str:
        """The client that asks."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if len(headers.getlist("host")) != 1 or not self._is_ours(host, scope):
            raise Problem(
                403,
                "This server is not reached by that name: use its address, or name it with --name.",
                code="host",
            )
        for origin in headers.getlist("origin"):
            if origin.lower() not in (f"http://{host}", f"https://{host}"):
                raise Problem(403, "Pages of other sites may not use this server.", code="origin")
        if scope["path"] in _OPEN or not self._tokens:
            return OWNER
        client = self._shown_by(headers)
        if client is None and (token := _token_in(scope)) is not None:
            client = self._tokens.client_of(token)
        if client is None:
            raise Problem(
                401,
                "A token is wanted: send `Authorization: Bearer TOKEN`, or, in a browser, open the address "
                "with ?token=TOKEN once.",
                code="invalid_api_key",
                headers={"www-authenticate": "Bearer"},
            )
        return client

    def _is_ours(self, host: str, scope: Scope) -> bool:
        """Whether a Host header names this server: a name of another's may point at it as well."""
        if host in self._names:
            return True
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname, parts.port
        except ValueError:
            return False
        if not name or parts.username is not None or parts.path or host != parts.netloc:
            return False
        address, own_port = scope.get("server") or (None, None)
        if (port or _default_port(scope)) != own_port:
            return False
        if name in self._names or name == address:
            return True
        return name in _LOOPBACK and _is_loopback(address)

    def _shown_by(self, headers: Headers) -> str | None:
        """Whose token or cookie there is."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and (client := self._tokens.client_of(token.strip())) is not None:
            return client
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return None if cookie is None else self._tokens.client_of_cookie(cookie.value)

    def _login(self, scope: Scope) -> Response | None:
        """For a right ``?token=…``: the cookie, and the same address without the token."""
        token = _token_in(scope)
        if not self._tokens or token is None or scope["method"] != "GET":
            return None
        client = self._tokens.client_of(token)
        if client is None:
            return None
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query = urlencode([(name, value) for name, value in given if name != "token"])
        # Two slashes, or a slash and a backslash, would lead a browser to another host.
        path = "/" + scope.get("raw_path", b"").decode("latin-1").partition("?")[0].lstrip("/\\")
        response = Response(status_code=303, headers={"location": f"{path}?{query}" if query else path})
        response.set_cookie(
            COOKIE,
            self._tokens.cookie_of(client),
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",
            path="/",
        )
        return response

    async def _passed(self, client: str, scope: Scope, receive: Receive, send: _Answer) -> None:
        if scope["path"] in _OPEN:  # also told by a server that is full
            await self._app(scope, receive, send)
            return
        if self._running.total() >= self._limits.running:
            raise Problem(503, "The server is busy: try again soon.", code="busy", headers=_RETRY)
        if self._running[client] >= self._limits.running_each:
            raise Problem(
                429,
                f"{self._limits.running_each} requests of yours are running: wait for one to end.",
                code="too_many_requests",
                headers=_RETRY,
            )
        body = _Body(scope, receive, self._limits)
        self._running[client] += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._app(scope, body, send)
        except TimeoutError as error:
            raise Problem(
                504, f"The answer took longer than {self._limits.seconds:g} seconds.", code="timeout"
            ) from error
        finally:
            self._running[client] -= 1
            if not self._running[client]:
                del self._running[client]


class _Broken(Exception):
    """A response that had begun cannot be ended: the server closes the connection."""


class _Answer:
    """Sends what is answered, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            message = {**message, "headers": headers.raw}
        await self._send(message)


class _Body:
    """Receives a request's body, as far as it may go, and in the time it may take."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._bytes = 0
        self._ended = False
        self._until = asyncio.get_running_loop().time() + limits.body_seconds
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise Problem(400, "Content-Length has to be a number.", code="invalid_header")
        if int(length) > limits.body_bytes:
            raise self._too_large()

    async def __call__(self) -> MutableMapping[str, Any]:
        if self._ended:  # all that can come is that the client goes
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as error:
            raise Problem(408, "The request's body took too long.", code="timeout") from error
        self._bytes += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._bytes > self._limits.body_bytes:
            raise self._too_large()
        return message

    def _too_large(self) -> Problem:
        return Problem(
            413,
            f"The request's body is larger than {self._limits.body_bytes} bytes.",
            code="request_too_large",
            headers={"connection": "close"},
        )


def _token_in(scope: Scope) -> str | None:
    """The token in an address."""
    given = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return next((value for name, value in given if name == "token"), None)


def _default_port(scope: Scope) -> int:
    return 443 if scope.get("scheme") == "https" else 80


def _is_loopback(address: str | None) -> bool:
    return address is not None and (address in _LOOPBACK or address.startswith("127."))
