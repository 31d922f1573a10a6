"""The part of the Hugging Face hub that a download of one large file needs."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fakes.http_server import HttpServer, Reply, Request, json_reply, text_reply

REPOSITORY, FILE = "ggml-org/gpt-oss-20b-GGUF", "gpt-oss-20b-mxfp4.gguf"


@dataclass
class FakeHub(HttpServer):
    content: bytes = bytes(range(256)) * 1024
    breaks: list[int] = field(default_factory=list[int])
    """After how many bytes each of the next answers breaks off."""
    ranges: bool = True
    headers: bool = True
    """Whether size and hash come with the redirect, or in the LFS pointer alone."""
    sha256: str = ""
    """The hash it names; the right one unless set."""
    size: int = 0
    """The size it names; the right one unless set."""

    @property
    def asked(self) -> list[str]:
        """The ranges of the downloads."""
        return [
            request.headers.get("range", "all") for request in self.requests if request.path == "/cdn/file"
        ]

    async def answer(self, request: Request) -> Reply:
        sha256 = self.sha256 or hashlib.sha256(self.content).hexdigest()
        match request.path:
            case path if path == f"/{REPOSITORY}/resolve/main/{FILE}":
                linked = {
                    "x-linked-size": str(self.size or len(self.content)),
                    "x-linked-etag": f'"{sha256}"',
                }
                moved = {"location": f"{self.url}/cdn/file", "content-length": "0"}
                return Reply(_pieces(b""), status=302, headers={**moved, **(linked if self.headers else {})})
            case path if path == f"/{REPOSITORY}/raw/main/{FILE}":
                pointer = "version https://git-lfs.github.com/spec/v1\n"
                pointer += f"oid sha256:{sha256}\nsize {len(self.content)}\n"
                return text_reply(pointer, content_type="text/plain")
            case "/cdn/file":
                return self._file(request)
            case _:
                return json_reply({"error": "Entry not found"}, status=404)

    def _file(self, request: Request) -> Reply:
        wanted = request.headers.get("range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        rest = self.content[start:]
        headers = {"content-length": str(len(rest))}
        if start:
            total = len(self.content)
            headers["content-range"] = f"bytes {start}-{total - 1}/{total}"
        cut = self.breaks.pop(0) if self.breaks else len(rest)
        return Reply(
            _pieces(rest[:cut]),
            status=206 if start else 200,
            content_type="application/octet-stream",
            headers=headers,
        )


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]
