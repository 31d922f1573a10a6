"""Where the limits lie: what is just inside is taken, what is just outside is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from ossifrage.agent.engines.limits import (
    BODY,
    EVENT,
    STREAM,
    Bounded,
    TooLargeError,
    event_data,
    read_json,
)
from ossifrage.agent.errors import EngineError

TOO_LARGE = EngineError("too large")


class Source(httpx.AsyncByteStream):
    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk

    async def aclose(self) -> None:
        self.closed = True


async def sent(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def events(*chunks: bytes) -> list[bytes]:
    return [data async for data in event_data(sent(*chunks))]


def test_a_body_is_small_and_a_stream_holds_the_longest_answer() -> None:
    assert (BODY, EVENT, STREAM) == (2**20, 8 * 2**20, 256 * 2**20)


async def test_a_stream_is_taken_up_to_its_limit_and_closed() -> None:
    source = Source(b"abc", b"", b"def")
    bounded = Bounded(source, 6, TOO_LARGE)
    assert b"".join([piece async for piece in bounded]) == b"abcdef"
    await bounded.aclose()
    assert source.closed
    pieces = aiter(Bounded(Source(b"abc", b"def"), 5, TOO_LARGE))
    assert await anext(pieces) == b"abc"
    with pytest.raises(EngineError, match="too large"):
        await anext(pieces)


async def test_long_chunks_come_in_pieces_and_others_get_their_turn() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    content = bytes(range(256)) * 16
    pieces: list[bytes] = []
    async for piece in Bounded(Source(content + b"end"), STREAM, TOO_LARGE):
        assert len(piece) <= 1024
        pieces.append(piece)
        until = asyncio.get_running_loop().time() + 0.006  # what is made of it takes its time
        while asyncio.get_running_loop().time() < until:
            pass
    task.cancel()
    assert b"".join(pieces) == content + b"end"
    assert turns >= len(pieces)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
async def test_an_event_is_counted_with_all_its_lines(end: bytes) -> None:
    line = b"data:" + b"x" * 1018
    lines = EVENT // (len(line) + 1)
    inside = (line + end) * (lines - 1)
    assert len((await events(inside + end))[0]) == 1019 * (lines - 1) - 1
    assert len(await events(*[inside + end] * 3)) == 3, "each event begins anew"
    with pytest.raises(TooLargeError, match="more than 8 MB"):
        await events(inside, line + end, b"da")


async def test_a_line_is_counted_before_it_ends() -> None:
    assert await events(b"x" * EVENT) == []
    with pytest.raises(TooLargeError):
        await events(b"x" * EVENT, b"x")


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ([b"data: a\n\n"], [b"a"]),
        ([b"data:a\rdata:  b\r\r"], [b"a\n b"]),
        ([b"data: a\r\n\r\ndata: b\r\n\r\n"], [b"a", b"b"]),
        ([b"data: a\r", b"\n\r", b"\ndata: b\r", b"\n\r", b"\n"], [b"a", b"b"]),
        ([b"\xef\xbb", b"\xbfdata: a\n\n"], [b"a"]),
        ([b"data: a\n\n\xef\xbb\xbfdata: b\n\n"], [b"a"]),
        ([b"data\ndata: a\n\n"], [b"\na"]),
        ([b"database: a\n\n", b": data: b\n\n", b"event: c\n\n"], []),
        ([b"data: \n\n", b"data\n\n"], []),
        ([b"data: half"], []),
    ],
)
async def test_events_are_split_as_the_standard_says(stream: list[bytes], expected: list[bytes]) -> None:
    assert await events(*stream) == expected
    assert await events(*(bytes([byte]) for chunk in stream for byte in chunk)) == expected


@pytest.mark.parametrize(
    ("opening", "value", "closing", "most"),
    [
        (b"[", b"[]", b"]", 49_999),
        (b"[", b"{}", b"]", 49_999),
        (b"{", b'"a":1', b"}", 49_999),
        (b"[", b"1", b"]", 300_001),
        (b'["', b"\\n", b'"]', 300_000),
    ],
    ids=["lists", "objects", "fields", "numbers", "escapes"],
)
def test_json_holds_so_many_values(opening: bytes, value: bytes, closing: bytes, most: int) -> None:
    between = b"" if value == b"\\n" else b","
    assert read_json(opening + between.join([value] * most) + closing)
    with pytest.raises(TooLargeError):
        read_json(opening + between.join([value] * (most + 1)) + closing)


def test_json_with_half_a_character_is_mended_and_other_mistakes_are_told() -> None:
    assert read_json(b'{"a": "x\\uD83Dy"}') == {"a": "x\ufffdy"}
    for wrong in (b'{"a": 1', b'{"a": "\\ud83d"', b"", b"[" * 2_000 + b'"\\ud83d"' + b"]" * 2_000):
        with pytest.raises(ValueError, match=r".") as caught:
            read_json(wrong)
        assert not isinstance(caught.value, RecursionError)
