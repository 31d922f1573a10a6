"""A completion ends where it was to end, whatever the server sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace

from ..errors import EngineError
from ..harmony.vocabulary import CALL, ENDOFTEXT, RETURN
from .engine import Chunk

__all__ = ["bounded"]

LAST_WORD_SECONDS = 2.0
"""How long a server may take, once a completion has ended, to say how much of the prompt was cached."""

_PIECE = 256
_ENDS = frozenset({RETURN, CALL, ENDOFTEXT})


async def bounded(chunks: AsyncGenerator[Chunk, None], max_tokens: int) -> AsyncGenerator[Chunk, None]:
    """The chunks of a completion up to its first stop token, and no more than ``max_tokens`` tokens.

    Long chunks come in pieces, and other tasks get their turn between two of them. Once the completion has
    ended, only a chunk without tokens is taken, for what it tells of the prompt.
    """
    left = max_tokens
    async with aclosing(chunks):
        async for chunk in chunks:
            tokens = chunk.tokens[:left]
            end = next((index for index, token in enumerate(tokens, 1) if token in _ENDS), None)
            tokens = tokens[:end]
            for start in range(0, len(tokens), _PIECE):
                yield Chunk(tokens=tokens[start : start + _PIECE], tries=chunk.tries)
                await asyncio.sleep(0)
            left -= len(tokens)
            if end is not None or left <= 0:
                last = chunk if chunk.finish_reason is not None else await _last_word(chunks)
                reason = "stop" if end is not None else last.finish_reason or "length"
                yield replace(last, tokens=(), finish_reason=reason)
                return
            if chunk.finish_reason is not None or chunk.cached_tokens is not None:
                yield replace(chunk, tokens=())


async def _last_word(chunks: AsyncGenerator[Chunk, None]) -> Chunk:
    """What the server says after the last token: why it ended, how much of the prompt was cached."""
    with suppress(TimeoutError, EngineError):  # the completion is whole without it
        async with asyncio.timeout(LAST_WORD_SECONDS):
            async for chunk in chunks:
                if chunk.tokens:
                    break
                if chunk.finish_reason is not None:
                    return chunk
    return Chunk()
