"""A small web site on the loopback interface, in threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass
class Page:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    claims: int | None = None
    """The length that is told, if it is not the true one."""


class Site(ThreadingHTTPServer):
    """A real web server on the loopback interface; what it serves is in ``pages``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, Mapping[str, str]]] = []
        self.silence = threading.Event()
        """What ``/silent`` waits for."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def put(self, path: str, body: bytes | str, media_type: str = "text/plain", **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = Page(data, headers={"content-type": media_type, **named})

    def redirect(self, path: str, location: str) -> None:
        self.pages[path] = Page(b"", status=302, headers={"location": location})

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that goes away is no error here."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site = cast(Site, self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        site.requests.append((self.path, headers))
        if self.path == "/silent":
            site.silence.wait(20)
        page = site.pages.get(self.path, Page(b"no", status=404))
        self.send_response(page.status)
        length = len(page.body) if page.claims is None else page.claims
        for name, value in {"content-length": str(length), **page.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
