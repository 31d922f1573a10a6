"""How much of what a server sends is taken: bytes of a body, of an event and of a stream, values in JSON.

Nothing is unpacked (see :mod:`.http`), so what is counted is what there is. Where a server sends faster than
it is read, other tasks get their turn all the same: what is made of a piece takes no time to speak of, and
after :data:`TURN_SECONDS` of pieces others come first.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import cast

import httpx
from pydantic_core import from_json

from ..errors import EngineError
from ..text import well_formed

__all__ = ["BODY", "EVENT", "STREAM", "Bounded", "TooLargeError", "event_data", "read_json"]

BODY = 1 << 20
"""Bytes of an answer that is no stream."""
EVENT = 8 << 20
"""Bytes of one event of a stream."""
STREAM = 256 << 20
"""Bytes of a stream: gpt-oss's longest answer, 131,072 tokens, takes some 60 MB of events."""
PIECE = 1024
"""Bytes that are handed on at once: some hundred of the smallest events."""
TURN_SECONDS = 0.005

# What takes time and memory in JSON is not its length: eight million bytes of `[],` are two seconds and a
# gigabyte. An event with these many is read in less than a tenth of a second.
_STRUCTURE = 50_000
_SEPARATORS = 300_000

_LINE_END = re.compile(rb"\r\n|\r|\n")
_MARK = b"\xef\xbb\xbf"


class TooLargeError(Exception):
    """More came than is taken; the message says of what."""


class Bounded(httpx.AsyncByteStream):
    """A response's bytes, up to a limit, in pieces.

    Args:
        stream: the bytes.
        limit: how many are taken.
        error: what is raised when there are more.
    """

    def __init__(self, stream: httpx.AsyncByteStream, limit: int, error: EngineError) -> None:
        self._stream = stream
        self._limit = limit
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes.

        Raises:
            EngineError: there are too many.
        """
        taken = 0
        began = time.monotonic()  # of the turn: a read of the network may give thousands of tiny chunks
        async for chunk in self._stream:
            taken += len(chunk)
            if taken > self._limit:
                raise self._error
            for start in range(0, len(chunk), PIECE):
                yield chunk[start : start + PIECE]
                if time.monotonic() - began > TURN_SECONDS:
                    await asyncio.sleep(0)
                    began = time.monotonic()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


async def event_data(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of each event of a stream (WHATWG HTML, section 9.2.6), as bytes; events without any are none.

    Raises:
        TooLargeError: an event is larger than :data:`EVENT`.
    """
    line, data = bytearray(), bytearray()
    size = 0
    follows_cr = False
    first = True
    async for chunk in chunks:
        if follows_cr:
            chunk = chunk.removeprefix(b"\n")
        follows_cr = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk)
        for end in ended:
            line.extend(end)
            size += len(end) + 1
            if first and line.startswith(_MARK):
                del line[: len(_MARK)]
            first = False
            if line.startswith(b"data:") or bytes(line[:5]) == b"data":
                data.extend(line[5:].removeprefix(b" ") + b"\n")
            elif not line:
                if data and not data.isspace():
                    yield bytes(data[:-1])
                data.clear()
                size = 0
            line.clear()
        line.extend(rest)
        size += len(rest)
        if size > EVENT:
            raise TooLargeError(f"an event of more than {EVENT >> 20} MB")


def read_json(data: bytes) -> object:
    """Decode JSON.

    Lone surrogates, which some servers make of a character that they cut in two, are replaced.

    Raises:
        ValueError: it is none, or nested too deep.
        TooLargeError: it holds too many values.
    """
    structure = data.count(b"[") + data.count(b"{") + data.count(b":")
    if structure > _STRUCTURE or data.count(b",") + data.count(b"\\") > _SEPARATORS:
        raise TooLargeError("more values than an answer has")
    try:
        return from_json(data)
    except ValueError:
        if b"\\ud" not in data.lower():
            raise
    try:
        mended = well_formed(json.dumps(cast(object, json.loads(data)), ensure_ascii=False))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return from_json(mended)
