"""The client that everything that talks to a model server sends through.

A server is a stranger. Whatever it sends is bounded (see :mod:`.limits`), redirects are not followed, packed
bodies are not unpacked, cookies are not kept, and a failure is a typed error of one line without secrets (see
:mod:`.failures`). The SDK's models for chat and responses send through this client, too.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, cast

import anyio
import httpx

from ..errors import EngineError, EngineResponseError, EngineTimeoutError, EngineUnreachableError, UsageError
from ..text import one_line
from .failures import error_message, failed_inside, quotable, refusal, seconds_to_wait, unreachable
from .limits import BODY, STREAM, Bounded, TooLargeError, read_json
from .masking import Secrets
from .patience import IDLE_SECONDS

__all__ = [
    "CONNECT_SECONDS",
    "Client",
    "is_event_stream",
    "is_loopback",
    "open_client",
    "server_root",
    "shown_address",
]

CONNECT_SECONDS = 5.0

_NOT_AN_ADDRESS = "--base-url is not an address: write it as http://HOST:PORT."


def server_root(base_url: str) -> str:
    """The server's address without a trailing ``/v1`` or ``/``.

    Raises:
        UsageError: not an http(s) address.
    """
    root = base_url.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    try:
        url = httpx.URL(root)
    except httpx.InvalidURL as error:
        raise UsageError(_NOT_AN_ADDRESS) from error
    port = 80 if url.port is None else url.port
    if url.scheme not in ("http", "https") or not url.host or not 0 < port < 1 << 16:
        raise UsageError(_NOT_AN_ADDRESS)
    return root


def shown_address(base_url: str) -> str:
    """An address for people: without a name and password."""
    return str(httpx.URL(base_url).copy_with(userinfo=b"")).rstrip("/")


def is_loopback(base_url: str) -> bool:
    """Whether the address is this machine's own."""
    host = httpx.URL(base_url).host.rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Client(httpx.AsyncClient):
    """A client for one server.

    A request raises an :class:`~..errors.EngineError` unless it succeeds, and so does reading a response that
    is too large.

    Args:
        base_url: the server's address. A name and password in it are sent as such, and never shown.
        api_key: sent as a bearer token, to that server only.
        timeout: for connecting and for each read.

    Raises:
        UsageError: ``base_url`` is not an http(s) address, or ``api_key`` no key.
    """

    def __init__(
        self, base_url: str, *, api_key: str | None = None, timeout: httpx.Timeout | None = None
    ) -> None:
        server_root(base_url)  # an address at all?
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise UsageError("The API key holds characters that no header can hold: copy it again.")
        url = httpx.URL(base_url.strip().rstrip("/"))
        super().__init__(
            base_url=url.copy_with(userinfo=b""),
            # What is packed may be a million times larger than it looks.
            headers={"Accept-Encoding": "identity"}
            | ({"Authorization": f"Bearer {api_key}"} if api_key else {}),
            auth=(url.username, url.password) if url.userinfo else None,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=timeout or httpx.Timeout(IDLE_SECONDS, connect=CONNECT_SECONDS),
            # llama.cpp closes idle connections after 5 s, and now and then at once: a request sent over one
            # that is just closing would fail, and a completion cannot be asked for twice.
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=not is_loopback(base_url),
            verify=url.scheme == "https",  # loading certificates takes longer than asking a local server
        )
        self._secrets = Secrets(api_key, url)
        self._has_key = bool(api_key or url.userinfo)

    @property
    def address(self) -> str:
        """The server's address, for people."""
        return shown_address(str(self.base_url))

    def mask(self, text: str) -> str:
        """``text`` without secrets."""
        return self._secrets.mask(text)

    def foreign(self, path: str, what: str) -> EngineResponseError:
        """The error for an answer of the wrong form."""
        return EngineResponseError(
            f"{self.address} answered {path} with {what}: is it the server that --engine names?"
        )

    def failed_inside(self, code: object, message: str, *, path: str) -> EngineError:
        """The error for a failure that is told inside a stream."""
        return failed_inside(self.address, code, message, path=path, has_key=self._has_key)

    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,  # httpx's names for these types are private
        follow_redirects: Any = False,
    ) -> httpx.Response:
        """Send a request; redirects are never followed.

        Raises:
            EngineError: not reachable, refused, redirected, packed, or too large.
        """
        with self.typed_errors(request):
            response = await super().send(request, stream=True, auth=auth, follow_redirects=False)
            try:
                self._bound(response)
                if not response.is_success:
                    raise await self._refused(response)
                if not stream:
                    await response.aread()
            except BaseException:
                await response.aclose()
                raise
        return response

    @contextmanager
    def typed_errors(self, request: httpx.Request) -> Generator[None]:
        """What goes wrong on the way, as :class:`~..errors.EngineError`."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(self.address) from error
        except httpx.TimeoutException as error:
            seconds = request.extensions.get("timeout", {}).get("read") or IDLE_SECONDS
            raise EngineTimeoutError(
                f"{self.address} was silent for {seconds:.3g} s: it may be overloaded; ask again."
            ) from error
        # What httpx does not translate of a TLS connection that breaks.
        except (httpx.TransportError, ssl.SSLError, anyio.EndOfStream) as error:
            raise EngineUnreachableError(
                f"The connection to {self.address} was lost: is it still running? Ask again."
            ) from error

    def _bound(self, response: httpx.Response) -> None:
        if response.is_success and _is_packed(response):
            raise EngineResponseError(
                f"{self.address} packs its answers, which it was not asked to: turn compression off there, "
                "or in the proxy before it."
            )
        limit = STREAM if response.is_success and is_event_stream(response) else BODY
        error = self.foreign(_path(response), f"more than {limit >> 20} MB")
        response.stream = Bounded(cast(httpx.AsyncByteStream, response.stream), limit, error)

    async def _refused(self, response: httpx.Response) -> EngineError:
        status = response.status_code
        if response.has_redirect_location:
            return EngineResponseError(
                f"{self.address} redirects {_path(response)} to {self._target(response)}, and redirects are "
                "not followed: pass --base-url with the address that answers.",
                status=status,
            )
        try:
            message = "" if _is_packed(response) else error_message(read_json(await response.aread()))
        except (ValueError, TooLargeError, EngineResponseError):
            message = ""  # a proxy's error page says nothing in one line, nor does too large a body
        return refusal(
            self.address,
            status,
            message,
            quoted=quotable(status, message, secrets=self._secrets, sent=response.request.content),
            path=_path(response),
            has_key=self._has_key,
            retry_after=seconds_to_wait(response.headers.get("retry-after")),
        )

    def _target(self, response: httpx.Response) -> str:
        try:
            url = response.request.url.join(response.headers.get("location", ""))
        except httpx.InvalidURL:
            return "nowhere"
        # The path and the query may hold anything that was sent.
        origin = url.copy_with(userinfo=b"", raw_path=b"/", fragment=None)
        return one_line(self.mask(str(origin)), 200).rstrip("/")


def open_client(base_url: str, *, api_key: str | None = None, timeout: httpx.Timeout | None = None) -> Client:
    """A client for the root of one server.

    Raises:
        UsageError: ``base_url`` is not an http(s) address.
    """
    return Client(server_root(base_url), api_key=api_key, timeout=timeout)


def is_event_stream(response: httpx.Response) -> bool:
    """Whether a response says that it is a stream of events."""
    return response.headers.get("content-type", "").strip().lower().startswith("text/event-stream")


def _is_packed(response: httpx.Response) -> bool:
    return response.headers.get("content-encoding", "").strip().lower() not in ("", "identity")


def _path(response: httpx.Response) -> str:
    return response.request.url.path
