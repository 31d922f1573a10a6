"""Model calls as raw harmony: special tokens apart from text that merely looks like them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from ..harmony.vocabulary import FIRST_SPECIAL, VOCABULARY_SIZE
from .tokens import GAP, RecordedCall

__all__ = ["Decode", "Segment", "raw_segments"]

Decode = Callable[[Sequence[int]], str]
"""Token ids to text."""


Part = Literal["shared", "prompt", "completion"]


class Segment(NamedTuple):
    """Some tokens of a call that are of one kind."""

    kind: Literal["text", "special", "gap", "unknown"]
    text: str
    """A special token's name; empty for a gap."""
    tokens: int
    """How many there are."""
    part: Part
    """``shared``: the beginning of the prompt, which the call before began with, too."""


def raw_segments(call: RecordedCall, decode: Decode) -> Iterator[Segment]:
    """A call from its first token to its last."""
    shared = min(call.shared_tokens, call.prompt_tokens)
    bounds: list[tuple[Part, int, int]] = [
        ("shared", 0, shared),
        ("prompt", shared, call.prompt_tokens),
        ("completion", call.prompt_tokens, len(call.tokens)),
    ]
    for part, first, last in bounds:
        at = first
        while at < last:
            kind = _kind(call.tokens[at])
            end = at + 1
            while end < last and kind != "special" and _kind(call.tokens[end]) == kind:
                end += 1
            text = decode(call.tokens[at:end]) if kind in ("text", "special") else ""
            yield Segment(kind, text, end - at, part)
            at = end


def _kind(token: int) -> Literal["text", "special", "gap", "unknown"]:
    if token == GAP:
        return "gap"
    if token < FIRST_SPECIAL:
        return "text"
    return "special" if token < VOCABULARY_SIZE else "unknown"
