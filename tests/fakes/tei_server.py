"""A server that speaks the /rerank of text-embeddings-inference, in a thread: its client is not async."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Score = Callable[[str, str], float]


@dataclass
class TeiServer:
    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@contextmanager
def tei_server(score: Score, *, error: str | None = None) -> Generator[TeiServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.bodies.append(body)
            ranked = [
                {"index": index, "score": score(body["query"], text), "text": text}
                for index, text in enumerate(body["texts"])
            ]
            ranked.sort(key=lambda each: -each["score"])
            wrong = self.path != "/rerank" or error is not None
            content = json.dumps({"error": error, "error_type": "Backend"} if wrong else ranked).encode()
            self.send_response(424 if wrong else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = TeiServer(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
