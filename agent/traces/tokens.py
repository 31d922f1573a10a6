"""The token ids of model calls, as they are kept: differences, with gaps where thoughts stood.

Inside a turn a prompt begins with the last prompt and its completion, so that all of that is one reference.
Where it does not (a tool's output was shortened to fit the window), what can be found again is referred to
message by message. Thoughts are kept beside, in the reasoning log: the record has a gap for each token.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..harmony.visible import message_start
from ..harmony.vocabulary import START
from .events import Mended, Sampled

__all__ = ["GAP", "CallLog", "Packed", "RecordedCall", "TokenCall", "TokenPacker", "TokenUnpacker"]

GAP = 0xFFFFFFFF
"""Stands for a token that is in the reasoning log only."""
_UNKNOWN = GAP - 1
"""Stands for what a server sent and is no token of any vocabulary."""

_WORD = "I"
assert array(_WORD).itemsize == 4


@dataclass(frozen=True, kw_only=True)
class TokenCall:
    """One request to an engine, as token ids, for the record."""

    response_id: str
    """The response it is part of."""
    prompt: Sequence[int]
    completion: Sequence[int]
    hidden: Sequence[tuple[int, int]]
    """Where thoughts may stand in prompt and completion together: first index, one after the last. In order;
    what stands before :attr:`known` is left out."""
    known: int
    """How many tokens the request shares with the last one of the run."""
    sampled: Sampled
    tries: int = 1
    """How often the server was asked until it answered."""
    mended: Sequence[Mended] = ()
    """What had to be mended in the response up to now."""
    channels: Mapping[str, int] = field(default_factory=dict[str, int])
    """Tokens of the response's bodies up to now, by channel."""


class Packed(NamedTuple):
    """A call as the two files have it."""

    record: bytes
    thoughts: bytes
    """Empty where there are none."""


@dataclass(frozen=True)
class RecordedCall:
    """One request to an engine, read back."""

    step: int
    attempt: int
    """Counted from 0: more than one where nothing could be acted on."""
    tokens: Sequence[int]
    """Prompt and completion; :data:`GAP` for each token that is kept apart."""
    prompt_tokens: int
    """How many of them are the prompt."""
    shared_tokens: int
    """How many it begins with that the call before began with, too."""


class TokenPacker:
    """Packs the calls of one run, in their order."""

    def __init__(self) -> None:
        self._last: list[int] = []

    def shared(self, prompt: Sequence[int]) -> int:
        """How many tokens ``prompt`` begins with that the last call began with."""
        return _shared(self._last, prompt)

    def pack(self, call: TokenCall) -> Packed:
        """The next call."""
        copies = [(0, call.known)] if call.known else []
        spans: list[tuple[int, int]] = [(call.known, len(call.prompt))]
        if call.known < len(self._last) and call.known < len(call.prompt):
            copies, spans = _found_again(self._last, call.prompt, call.known)
        spans.append((len(call.prompt), len(call.prompt) + len(call.completion)))
        tokens = [*call.prompt, *call.completion]
        self._last = tokens
        pieces = _pieces(copies, spans)
        masked = array(_WORD, [len(call.prompt), call.known, len(pieces)])
        for origin, length, literal in pieces:
            masked.extend((origin, length, literal))
        thoughts = array(_WORD)
        hidden = iter([*call.hidden, (len(tokens), len(tokens))])
        begin, end = next(hidden)
        for first, last in spans:
            at = first
            while at < last:
                while end <= at:
                    begin, end = next(hidden)
                if begin >= last:
                    masked.extend(_known(tokens[at:last]))
                    break
                if begin > at:
                    masked.extend(_known(tokens[at:begin]))
                until = min(end, last)
                held = _known(tokens[max(at, begin) : until])
                thoughts.extend(held)
                masked.extend(array(_WORD, [GAP]) * len(held))
                at = until
        return Packed(_compressed(masked), _compressed(thoughts) if thoughts else b"")


class CallLog:
    """What a model tells of its requests in one run, until it is written."""

    def __init__(self) -> None:
        self._packer = TokenPacker()
        self._waiting: dict[str, list[tuple[TokenCall, Packed]]] = {}

    def shared(self, prompt: Sequence[int]) -> int:
        """How many tokens ``prompt`` begins with that the last request began with."""
        return self._packer.shared(prompt)

    def called(self, call: TokenCall) -> None:
        """A request has ended, or was broken off."""
        self._waiting.setdefault(call.response_id, []).append((call, self._packer.pack(call)))

    def take(self, response_id: str | None = None) -> list[tuple[TokenCall, Packed]]:
        """The requests of a response, which are forgotten; None: all that are left."""
        if response_id is not None:
            return self._waiting.pop(response_id, [])
        left = [each for calls in self._waiting.values() for each in calls]
        self._waiting.clear()
        return left


class TokenUnpacker:
    """Reads the calls of one run back, in their order, with the thoughts where they are given."""

    def __init__(self) -> None:
        self._last: array[int] = array(_WORD)

    def unpack(self, step: int, attempt: int, record: bytes, thoughts: bytes | None = None) -> RecordedCall:
        """The next call.

        Raises:
            ValueError: the bytes are damaged.
        """
        words = _words(record)
        held = iter(_words(thoughts) if thoughts else ())
        tokens: array[int] = array(_WORD)
        prompt, known, count = words[:3]
        at = 3 + 3 * count
        for index in range(count):
            origin, length, literal = words[3 + 3 * index : 6 + 3 * index]
            if origin + length > len(self._last) or at + literal > len(words):
                raise ValueError("a reference beyond the last call")
            tokens.extend(self._last[origin : origin + length])
            new = words[at : at + literal]
            if thoughts:
                new = array(_WORD, [next(held, GAP) if word == GAP else word for word in new])
            tokens.extend(new)
            at += literal
        self._last = tokens
        return RecordedCall(step, attempt, tokens, prompt, known)


def _pieces(
    copies: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int]]:
    """Copies and literals in turns: origin and length of a copy, then the length of what follows it."""
    pieces: list[tuple[int, int, int]] = []
    at = 0
    literals = iter([(first, last) for first, last in spans if last > first])
    literal = next(literals, None)
    for origin, length in copies:
        if literal is not None and literal[0] == at:
            pieces.append((0, 0, literal[1] - literal[0]))
            at, literal = literal[1], next(literals, None)
        pieces.append((origin, length, 0))
        at += length
    while literal is not None:
        pieces.append((0, 0, literal[1] - literal[0]))
        literal = next(literals, None)
    return pieces


def _found_again(
    last: Sequence[int], prompt: Sequence[int], known: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What of a prompt stands in the last call, message by message, and what does not."""
    known = message_start(prompt, known)
    places = {tuple(message): at for at, message in _messages(last)}
    copies = [(0, known)] if known else []
    spans: list[tuple[int, int]] = []
    for at, message in _messages(prompt, known):
        origin = places.get(tuple(message))
        if origin is None:
            if spans and spans[-1][1] == at:
                spans[-1] = (spans[-1][0], at + len(message))
            else:
                spans.append((at, at + len(message)))
        elif copies and sum(copies[-1]) == origin and not (spans and spans[-1][1] == at):
            copies[-1] = (copies[-1][0], copies[-1][1] + len(message))
        else:
            copies.append((origin, len(message)))
    return copies, spans


def _messages(tokens: Sequence[int], at: int = 0) -> Iterator[tuple[int, Sequence[int]]]:
    while at < len(tokens):
        try:
            end = tokens.index(START, at + 1)
        except ValueError:
            end = len(tokens)
        yield at, tokens[at:end]
        at = end


def _shared(last: Sequence[int], prompt: Sequence[int]) -> int:
    length = min(len(last), len(prompt))
    if (last if length == len(last) else last[:length]) == prompt[:length]:
        return length
    low, high = 0, length
    while low < high:  # each half is compared once, as a whole
        middle = (low + high + 1) // 2
        if last[low:middle] == prompt[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _known(tokens: Sequence[int]) -> array[int]:
    """The tokens as they are kept; what no vocabulary has must not look like a gap."""
    try:
        words = array(_WORD, tokens)
    except OverflowError:
        pass
    else:
        if not words.count(GAP):
            return words
    return array(_WORD, [token if 0 <= token < _UNKNOWN else _UNKNOWN for token in tokens])


def _compressed(words: array[int]) -> bytes:
    return zlib.compress(_little_endian(words).tobytes(), 1)


def _words(data: bytes) -> array[int]:
    words: array[int] = array(_WORD)
    try:
        words.frombytes(zlib.decompress(data))
    except zlib.error as error:
        raise ValueError("not compressed tokens") from error
    return _little_endian(words)


def _little_endian(words: array[int]) -> array[int]:
    if sys.byteorder == "big":
        words = words[:]
        words.byteswap()
    return words
