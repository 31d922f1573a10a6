"""Which addresses are public, and connections that are made to these and to no others.

A page may lead anywhere, also to what only this machine can reach. A name is resolved once: what was looked
at is what is connected to, whatever its server says the next time.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.request import getproxies

import httpcore
import httpx

__all__ = ["Addresses", "PinnedTransport", "behind_proxy", "is_public"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, loopback, link-local or reserved."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        within = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if found in _NAT64:
            within = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if within:
            found = within
    return found.is_global and not found.is_multicast


def behind_proxy() -> bool:
    """Whether the environment names a proxy, which then resolves the names."""
    return any(scheme in getproxies() for scheme in ("http", "https", "all"))


class Addresses:
    """What names resolve to. Threads may share it."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def of(self, host: str) -> tuple[str, ...]:
        """The IP addresses of a host; the same each time.

        Raises:
            OSError: it has none.
        """
        with self._lock:
            if host not in self._known:
                try:
                    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                except UnicodeError as error:
                    raise OSError("a name that cannot be resolved") from error
                self._known[host] = tuple(dict.fromkeys(str(each[4][0]) for each in found))
            return self._known[host]

    def private(self, host: str) -> str | None:
        """The first address of a host that is not public, if there is one.

        Raises:
            OSError: it has none at all.
        """
        return next((each for each in self.of(host) if not is_public(each)), None)


class PinnedTransport(httpx.BaseTransport):
    """Connects to what ``addresses`` says, and without a proxy."""

    def __init__(self, addresses: Addresses) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=_Backend(addresses)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; see :class:`httpx.BaseTransport`."""
        url = request.url
        with _as_httpx(request):
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response, request),
            extensions=dict(cast(Any, response).extensions),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx(self._request):
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._addresses.of(host)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception | None = None
        for address in addresses:
            try:
                return self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"no address for {host}")


@contextmanager
def _as_httpx(request: httpx.Request) -> Generator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except httpcore.UnsupportedProtocol as error:
        raise httpx.UnsupportedProtocol(str(error), request=request) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise httpx.NetworkError(str(error) or type(error).__name__, request=request) from error
