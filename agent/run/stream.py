"""What a run yields beside the trace's events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from typing_extensions import TypeVar

from ..answer import Answer, Citation, Result
from ..traces.events import Event

__all__ = ["ModelAsked", "PartialOutput", "ReasoningDelta", "StreamItem", "TextDelta", "TraceBegun"]


@dataclass(frozen=True)
class TraceBegun:
    """What the run is called, whatever comes of it."""

    trace_id: str


@dataclass(frozen=True)
class TextDelta:
    """Some more text for people: of a preamble, or of the answer as it is being written; never JSON.

    The deltas of one message, put together, only ever grow. Of an :class:`~..answer.Answer` the text is its
    ``answer``; citations are numbered in it as in the result (``[1]``), and a marker is held back until it is
    whole. A new message is a new text: an ``OutputRejected`` event before it says that what was shown of the
    answer does not count. After ``CitationsRejected`` the answer is corrected unseen; the result has the one
    that stands.
    """

    text: str
    message: int = 1
    """Which message of the run it belongs to, counted from 1."""
    citations: tuple[Citation, ...] = ()
    """What its numbers cite that no earlier delta of the message did, in order. Not yet checked against what
    the model itself quotes."""


@dataclass(frozen=True)
class ModelAsked:
    """The model was asked, and nothing has come yet: a server reads the prompt first.

    Of models of the SDK's own it comes with their first word, and without a number.
    """

    step: int
    """Which call of the model it is, counted from 1."""
    prompt_tokens: int | None = None


@dataclass(frozen=True)
class PartialOutput:
    """What is known so far of an output of the user's own type, as it is being written.

    Each one holds the whole; the last may still be refused, which an ``OutputRejected`` event says.
    """

    value: Any
    """Plain JSON values, not validated: fields that have not come yet are absent, the last text may go on,
    and so may the last number. Citation markers are as the model wrote them."""
    message: int = 1
    """Which message of the run it belongs to, counted from 1."""


@dataclass(frozen=True)
class ReasoningDelta:
    """Some more of what the model thinks. Not for end users: it is not trained to be shown."""

    text: str


T = TypeVar("T", default=Answer)

StreamItem: TypeAlias = (
    Event | TraceBegun | ModelAsked | TextDelta | PartialOutput | ReasoningDelta | Result[T]
)
"""One of them; ``StreamItem[X]`` of a run whose output is an ``X``."""
