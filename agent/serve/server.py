"""The process: one listening socket, and a stop that loses nothing."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from ..errors import UsageError
from .app import create_app
from .connection import connections
from .service import Service

__all__ = ["Server", "check_address", "listen", "serve"]

_CONNECTIONS = 4
"""Open connections at a time, for each request that may run."""


class Server(uvicorn.Server):
    """uvicorn's server, which tells the service at once that it is to stop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        super().__init__(
            uvicorn.Config(
                create_app(service),
                http=connections(service.limits.head_seconds),
                log_config=None,
                access_log=False,  # an address may hold a token
                server_header=False,
                ws="none",
                limit_concurrency=_CONNECTIONS * service.limits.running,
                # Five seconds, uvicorn's own, close connections that a busy client is about to use again.
                timeout_keep_alive=int(service.limits.head_seconds),
                timeout_graceful_shutdown=int(service.limits.stop_seconds),
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take SIGINT and SIGTERM; uvicorn's own raises them again once all is closed, as a traceback."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """At the first signal running answers are ended in good order; at the second all ends now."""
        self._service.stopping.set()
        super().handle_exit(sig, frame)


def serve(service: Service, *, host: str, port: int, told: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        service: what is served.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        told: is told once where the server listens.

    Raises:
        UsageError: another address than loopback without a token, or the address cannot be had.
    """
    check_address(host, service)
    with listen(host, port) as listening:
        told(_url(listening))
        Server(service).run(sockets=[listening])


def check_address(host: str, service: Service) -> None:
    """Refuse to be reached from elsewhere by everybody.

    Raises:
        UsageError: another address than loopback, and no token.
    """
    if not service.tokens and not _is_loopback(host):
        raise UsageError(
            f"Listening on {host} lets others in: set a token they have to show, with OSSIFRAGE_SERVE_TOKEN "
            "or --token."
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UsageError: the address is none of this machine's, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"{host} is no address to listen on: {error.strerror}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"Port {port} of {host} cannot be listened on ({error.strerror}): name another with --port."
        ) from error
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
