"""Message headers: the words between the special tokens, and what they mean.

The grammar (openai/harmony, docs/format.md, "Message format")::

    header   = [role-part] [channel-part] [type-part]
    role     = ROLE-OR-TOOL [" to=" RECIPIENT]
    channel  = <|channel|> CHANNEL [" to=" RECIPIENT] [" " CONTENT-TYPE]
    type     = <|constrain|> CONTENT-TYPE

What departs from it is read by these rules: the recipient is whatever follows ``to=``, in any part; a
channel is one of the three names, in any part; the last channel named counts, unless that would turn
something hidden into an answer; other words are dropped, but a tool's name in a slot of its own counts as
the recipient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .message import CHANNELS, ROLES, RepairKind
from .vocabulary import CHANNEL, CONSTRAIN, START

__all__ = ["Header", "HeaderPart", "body_without_marker", "read_header"]

_MOST_PARTS = 16
"""A header has three parts; of one with very many, only the last count."""


@dataclass(frozen=True)
class HeaderPart:
    """The text after one marker (``<|start|>``, ``<|channel|>`` or ``<|constrain|>``)."""

    marker: int
    text: str


@dataclass(kw_only=True)
class Header:
    """Who speaks, on which channel, to whom."""

    role: str = "assistant"
    name: str | None = None
    channel: str | None = None
    recipient: str | None = None
    content_type: str | None = None
    repairs: list[RepairKind] = field(default_factory=list[RepairKind])


def read_header(parts: Sequence[HeaderPart], *, role: str | None) -> Header:
    """Read a header that a body follows.

    Args:
        parts: the header's parts in order; the first is the role part.
        role: the role that was given with the prompt, so that the role part begins after it; None when the
            role stands in the role part.
    """
    reader = _HeaderReader(role)
    parts = [parts[0], *parts[1:][-_MOST_PARTS:]]
    typed_at = max((index for index, part in enumerate(parts) if part.marker == CONSTRAIN), default=-1)
    for index, part in enumerate(parts):
        typed_later = index < typed_at
        words = part.text.split()
        if part.marker == START:
            reader.role_part(words, typed_later=typed_later)
        elif part.marker == CHANNEL:
            reader.channel_part(words, typed_later=typed_later)
        else:
            reader.type_part(words)
    return reader.header()


def body_without_marker(parts: Sequence[HeaderPart], *, role: str | None) -> tuple[Header, str] | None:
    """Read a header that ended without ``<|message|>``: what of its text was meant as a body.

    Returns:
        The header and the body, or None when there was nothing but a header.
    """
    last = parts[-1]
    text = last.text
    if "to=" in "".join(part.text for part in parts):
        # A call whose arguments follow at once; anything else is a header cut short.
        at = text.find("{")
        if at < 0 or not text.rstrip().endswith("}"):
            return None
        header = read_header([*parts[:-1], HeaderPart(last.marker, text[:at])], role=role)
        header.repairs.append(RepairKind.MISSING_MESSAGE)
        return header, text[at:]
    first, _, rest = text.strip().partition(" ")
    if last.marker == CHANNEL and first in CHANNELS:
        if not rest.strip():
            return None
        header = read_header([*parts[:-1], HeaderPart(CHANNEL, first)], role=role)
        header.repairs.append(RepairKind.MISSING_MESSAGE)
        return header, rest
    if last.marker == START and role is None:
        text = rest if first in ROLES else text
    elif last.marker == CONSTRAIN:
        text = text.strip() if rest else ""
    if not text.strip():
        return None
    return Header(repairs=[RepairKind.UNROUTED_TEXT]), text


class _HeaderReader:
    """Collects what the parts of one header say."""

    def __init__(self, role: str | None) -> None:
        self._role = role
        self._name: str | None = None
        self._channels: list[str] = []
        self._slot_words: list[str] = []  # words that stood alone in a channel slot
        self._recipient: str | None = None
        self._content_type: str | None = None
        self._unclear = False
        self._headless = False
        self._repairs: list[RepairKind] = []

    def role_part(self, words: Sequence[str], *, typed_later: bool) -> None:
        if self._role is None:
            if not words:
                self._repairs.append(RepairKind.MISSING_ROLE)
                self._role = "assistant"
                return
            first, words = words[0], words[1:]
            if first.startswith("to="):
                self._role, self._unclear = "assistant", True
                return
            self._take_role(first)
        elif words and words[0] in CHANNELS:
            self._take_role(words[0])
            words = words[1:]
        elif words and not words[0].startswith("to="):
            self._headless = True  # text where a header belongs
            return
        self._rest(words, typed_later=typed_later)

    def _take_role(self, word: str) -> None:
        if word in CHANNELS:
            self._role = "assistant"
            self._channels.append(word)
            self._repairs.append(RepairKind.CHANNEL_IN_ROLE)
        elif word in ROLES:
            self._role = word
        else:
            self._role, self._name = "tool", word

    def channel_part(self, words: Sequence[str], *, typed_later: bool) -> None:
        if not words:
            return
        first, *rest = words
        if first in CHANNELS:
            self._channels.append(first)
        elif first.startswith("to="):
            rest = list(words)
        else:
            self._slot_words.append(first)
        self._rest(rest, typed_later=typed_later)

    def type_part(self, words: Sequence[str]) -> None:
        addressed = any(word.startswith("to=") for word in words)
        for word in [word for word in words if word in CHANNELS]:
            self._channels.append(word)
            self._repairs.append(RepairKind.CHANNEL_IN_TYPE)
        words = [word for word in words if word not in CHANNELS]
        if addressed:
            self._rest(words, typed_later=False)
        elif words:
            self._content_type = f"<|constrain|>{words[0]}"
            if len(words) > 1:
                self._repairs.append(RepairKind.EXTRA_WORDS)

    def _rest(self, words: Sequence[str], *, typed_later: bool) -> None:
        """What follows the role or the channel: junk, recipient, content type."""
        at = next((i for i, word in enumerate(words) if word.startswith("to=")), None)
        before = words if at is None else words[:at]
        if "to" in before:
            self._unclear = True
        if at is None:
            if len(before) == 1 and before[0].startswith("functions."):
                self._recipient = before[0]
                self._repairs.append(RepairKind.TOOL_IN_CHANNEL)
            elif len(before) == 1:
                self._content_type = before[0]
            elif before:
                self._repairs.append(RepairKind.EXTRA_WORDS)
            return
        if before:
            self._repairs.append(RepairKind.EXTRA_WORDS)
        recipient, after = words[at].removeprefix("to="), list(words[at + 1 :])
        if not recipient:
            self._unclear = True
        elif typed_later and after:
            recipient = " ".join([recipient, *after])  # a tool registered under a name with blanks
        elif after:
            self._content_type = after[-1]
            if len(after) > 1:
                self._repairs.append(RepairKind.EXTRA_WORDS)
        self._recipient = recipient or None

    def header(self) -> Header:
        repairs = list(self._repairs)
        recipient = self._recipient
        channel = self._channels[-1] if self._channels else None
        if len(self._channels) > 1:
            repairs.append(RepairKind.DOUBLED_CHANNEL)
            if channel == "final" and any(other != "final" for other in self._channels):
                return Header(
                    role=self._role or "assistant", repairs=[*repairs, RepairKind.AMBIGUOUS_CHANNEL]
                )
        if self._slot_words:
            if channel is None:
                channel = self._slot_words[-1]
            elif recipient is None:
                recipient = self._slot_words[-1]
                repairs.append(RepairKind.TOOL_IN_CHANNEL)
            else:
                repairs.append(RepairKind.EXTRA_WORDS)
        if self._unclear:
            return Header(role=self._role or "assistant", repairs=[*repairs, RepairKind.UNCLEAR_RECIPIENT])
        if self._headless:
            return Header(role=self._role or "assistant", repairs=[*repairs, RepairKind.UNROUTED_TEXT])
        return Header(
            role=self._role or "assistant",
            name=self._name,
            channel=channel,
            recipient=recipient,
            content_type=self._content_type,
            repairs=repairs,
        )
