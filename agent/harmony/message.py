"""What a completion says, as values: messages, and what had to be mended to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["HarmonyMessage", "Reading", "Repair", "RepairKind"]

CHANNELS = ("analysis", "commentary", "final")
HIDDEN = "analysis"
"""The one channel that people are not shown (docs/format.md, "Channels")."""
ROLES = ("assistant", "developer", "system", "tool", "user")


class RepairKind(StrEnum):
    """Ways in which a completion left the format (openai/harmony, docs/format.md)."""

    MISSING_START = "missing_start"
    """A header began without ``<|start|>``."""
    MISSING_ROLE = "missing_role"
    """``<|start|>`` was followed by no role; the assistant is speaking."""
    MISSING_MESSAGE = "missing_message"
    """A body followed its header without ``<|message|>``."""
    MISSING_END = "missing_end"
    """A new header began inside a body."""
    DOUBLED_TOKEN = "doubled_token"
    """A structural token came twice, or where it changes nothing."""
    DOUBLED_CHANNEL = "doubled_channel"
    """A header named several channels; the last one counts, or the one that hides more."""
    AMBIGUOUS_CHANNEL = "ambiguous_channel"
    """A header named the hidden channel beside ``final``: neither shown nor trusted."""
    CHANNEL_IN_ROLE = "channel_in_role"
    """The channel stood where the role belongs."""
    CHANNEL_IN_TYPE = "channel_in_type"
    """The channel stood after ``<|constrain|>``."""
    TOOL_IN_ROLE = "tool_in_role"
    """A tool's name stood in the role slot of a call."""
    TOOL_IN_CHANNEL = "tool_in_channel"
    """A tool's name stood in a channel slot."""
    TYPE_IN_RECIPIENT = "type_in_recipient"
    """A content type was glued to a tool's name."""
    ROLE_AS_RECIPIENT = "role_as_recipient"
    """A role or a channel was addressed, which is nobody that can be called; dropped."""
    UNKNOWN_RECIPIENT = "unknown_recipient"
    """Something that is not on offer was addressed on the hidden channel, or with an answer: no call."""
    EXTRA_WORDS = "extra_words"
    """Words in a header that mean nothing there; dropped."""
    UNCLEAR_RECIPIENT = "unclear_recipient"
    """It cannot be told who is addressed, or several are: not a call."""
    THOUGHT_AS_CALL = "thought_as_call"
    """A call on the hidden channel whose body is no JSON object: a thought."""
    UNROUTED_TEXT = "unrouted_text"
    """Text that belongs to no channel; kept apart, never shown."""
    BODY_WITHOUT_HEADER = "body_without_header"
    """A body with no header at all; dropped."""
    TEXT_AFTER_CALL = "text_after_call"
    """What followed a call without a new header; dropped, since the tool has not answered yet."""
    TEXT_AFTER_RETURN = "text_after_return"
    """What followed an answer that ``<|return|>`` had ended; dropped."""
    STRAY_WHITESPACE = "stray_whitespace"
    """Blanks between messages; dropped."""
    STRAY_TOKEN = "stray_token"
    """A reserved or unknown token; dropped."""
    STRIPPED_MARKUP = "stripped_markup"
    """The special tokens were missing, their words were there."""
    MARKUP_AS_TEXT = "markup_as_text"
    """The special tokens came written out, as the text of a message."""
    MENDED_ARGUMENTS = "mended_arguments"
    """A call's arguments were not JSON, or wrapped; what they were taken for is valid for the tool."""
    BARE_JSON = "bare_json"
    """One JSON object without any header, taken for the final answer."""


@dataclass(frozen=True)
class Repair:
    """One departure from the format and where it was met. Carries no text: that may be reasoning."""

    kind: RepairKind
    position: int
    """Index of the token, counted from the start of the completion."""
    dropped: int = 0
    """Characters of a header that were dropped with it."""


@dataclass(frozen=True, kw_only=True)
class HarmonyMessage:
    """One message of a completion."""

    role: str
    channel: str | None
    """``analysis``, ``commentary``, ``final``; another word as the model wrote it; ``None`` for text that
    belongs to no channel and must never be shown as the answer."""
    recipient: str | None = None
    content_type: str | None = None
    content: str
    name: str | None = None
    """The tool's name, when ``role`` is ``tool``."""
    hidden: bool = False
    """The header named the hidden channel, wherever in it: what is no call is a thought."""
    unclear: bool = False
    """The header addressed somebody, and it cannot be told whom: neither a call nor words for people."""
    tokens: tuple[int, ...] | None = None
    """The message's tokens as they stand in a history, from ``<|start|>`` to ``<|end|>`` or ``<|call|>``;
    ``None`` when the message had to be mended."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read from a completion."""

    messages: Sequence[HarmonyMessage]
    repairs: Sequence[Repair]
    """Empty for a well-formed completion."""
    truncated: bool
    """No stop token at the end."""
