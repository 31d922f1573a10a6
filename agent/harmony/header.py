"""Message headers: the words between the special tokens, and what they mean.

The grammar (openai/harmony, docs/format.md, "Message format")::

    header   = [role-part] [channel-part] [type-part]
    role     = ROLE-OR-TOOL [" to=" RECIPIENT]
    channel  = <|channel|> CHANNEL [" to=" RECIPIENT] [" " CONTENT-TYPE]
    type     = <|constrain|> CONTENT-TYPE

What departs from it is read by these rules:

* The recipient is what follows ``to=``, in any part. Several equal ones are one; different ones are unclear,
  and then nobody is called. A role or a channel is no recipient. A tool's name in a slot of its own counts
  where nothing follows ``to=``.
* A channel is one of the three names, in any part; the last one counts. But where the hidden channel's name
  stands anywhere in a header, nothing of it is shown: an answer belongs to no channel then, and words without
  a recipient are a thought.
* Where the tools on offer are known, only they can be called. Another recipient on the hidden channel or with
  an answer is none.
* Other words are dropped and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .message import CHANNELS, HIDDEN, ROLES, RepairKind
from .names import FunctionNames
from .vocabulary import CHANNEL, CONSTRAIN, START

__all__ = ["Header", "HeaderPart", "body_without_marker", "read_header", "split_type"]

_MOST_PARTS = 16
"""A header has three parts; of one with very many, only the last count."""
_LONGEST_NAME = 128
"""Characters; what is longer is no tool's name."""
_TYPES = ("json", "code")
"""Content types that are seen without ``<|constrain|>``."""
_TO = "to="


@dataclass(frozen=True)
class HeaderPart:
    """The text after one marker (``<|start|>``, ``<|channel|>`` or ``<|constrain|>``)."""

    marker: int
    text: str


@dataclass(kw_only=True)
class Header:
    """Who speaks, on which channel, to whom; ``hidden`` and ``unclear`` as in ``HarmonyMessage``."""

    role: str = "assistant"
    name: str | None = None
    channel: str | None = None
    recipient: str | None = None
    content_type: str | None = None
    hidden: bool = False
    unclear: bool = False
    repairs: list[RepairKind] = field(default_factory=list[RepairKind])
    dropped: int = 0
    """Characters of words that were dropped."""


def read_header(
    parts: Sequence[HeaderPart],
    *,
    role: str | None,
    offered: FunctionNames | None = None,
    hidden: bool = False,
) -> Header:
    """Read a header that a body follows.

    Args:
        parts: the header's parts in order; the first is the role part.
        role: the role that was given with the prompt, so that the role part begins after it; None when the
            role stands in the role part.
        offered: what may be called; None where that is not known.
        hidden: whether the hidden channel is named where these parts do not show it.
    """
    reader = _HeaderReader(role, offered, hidden=hidden)
    read = [parts[0], *parts[1:][-_MOST_PARTS:]]
    left_out = parts[1 : len(parts) - len(read) + 1]
    reader.drop(*(word for part in left_out for word in part.text.split()))
    typed_at = max((index for index, part in enumerate(read) if part.marker == CONSTRAIN), default=-1)
    for index, part in enumerate(read):
        reader.part(part.marker, part.text.split(), typed_later=index < typed_at)
    return reader.header()


def body_without_marker(
    parts: Sequence[HeaderPart], *, role: str | None, offered: FunctionNames | None = None
) -> tuple[Header, str] | None:
    """Read a header that ended without ``<|message|>``: what of its text was meant as a body.

    Returns:
        The header and the body, or None when there was nothing but a header.
    """
    last = parts[-1]
    text = last.text
    if _TO in "".join(part.text for part in parts):
        # A call whose arguments follow at once; anything else is a header cut short.
        at = text.find("{")
        if at < 0 or not text.rstrip().endswith("}"):
            return None
        header = read_header([*parts[:-1], HeaderPart(last.marker, text[:at])], role=role, offered=offered)
        header.repairs.append(RepairKind.MISSING_MESSAGE)
        return header, text[at:]
    # Nothing tells where the header ends: the hidden channel's name anywhere hides all of it.
    hidden = any(HIDDEN in part.text.casefold() for part in parts)
    words, rest = _channels_at_the_start(text)
    if last.marker == CHANNEL and words:
        if not rest.strip():
            return None
        first = HeaderPart(CHANNEL, " ".join(words))
        header = read_header([*parts[:-1], first], role=role, offered=offered, hidden=hidden)
        header.repairs.append(RepairKind.MISSING_MESSAGE)
        return header, rest
    if last.marker == START and role is None:
        first, _, after = text.strip().partition(" ")
        text = after if first in ROLES else text
    elif last.marker == CONSTRAIN:
        text = text.strip() if " " in text.strip() else ""
    if not text.strip():
        return None
    return Header(hidden=hidden, repairs=[RepairKind.UNROUTED_TEXT]), text


def split_type(recipient: str, offered: FunctionNames | None) -> tuple[str, str | None]:
    """A recipient, and the content type that was glued to it: ``searchjson`` where ``search`` is on offer."""
    if offered is not None and not offered.offers(recipient):
        for content_type in _TYPES:
            bare = recipient.removesuffix(content_type)
            if bare != recipient and offered.offers(bare):
                return bare, content_type
    return recipient, None


def _channels_at_the_start(text: str) -> tuple[list[str], str]:
    """The channels' names that ``text`` begins with, and what follows them."""
    words: list[str] = []
    rest = text.strip()
    while True:
        first, _, after = rest.partition(" ")
        if first not in CHANNELS:
            return words, rest
        words.append(first)
        rest = after


class _HeaderReader:
    """Collects what the parts of one header say."""

    def __init__(self, role: str | None, offered: FunctionNames | None, *, hidden: bool) -> None:
        self._role = role
        self._offered = offered
        self._name: str | None = None
        self._channels: list[str] = []
        self._slot_words: list[str] = []  # words that stood alone in a channel slot
        self._recipients: list[str] = []
        self._content_type: str | None = None
        self._hidden = hidden  # the hidden channel's name stood somewhere
        self._garbled = False  # "to" without anybody behind it
        self._headless = False
        self._repairs: list[RepairKind] = []
        self._dropped = 0

    def part(self, marker: int, words: Sequence[str], *, typed_later: bool) -> None:
        """Take the words of the next part."""
        if marker == START:
            self._role_part(words, typed_later=typed_later)
        elif marker == CHANNEL:
            self._channel_part(words, typed_later=typed_later)
        else:
            self._type_part(words)

    def drop(self, *words: str) -> None:
        """Words that mean nothing where they stand."""
        for word in words:
            self._dropped += len(word)
            self._hidden = self._hidden or HIDDEN in word.casefold()
        if words and RepairKind.EXTRA_WORDS not in self._repairs:
            self._repairs.append(RepairKind.EXTRA_WORDS)

    def header(self) -> Header:
        """What was said."""
        recipient, unclear = self._recipient()
        channel = self._channels[-1] if self._channels else None
        if len(self._channels) > 1:
            self._repairs.append(RepairKind.DOUBLED_CHANNEL)
        if channel is None and self._slot_words:
            channel = self._slot_words[-1]
        if recipient is not None and self._is_no_call(recipient, channel):
            self._repairs.append(RepairKind.UNKNOWN_RECIPIENT)
            self._hidden = self._hidden or HIDDEN in recipient.casefold()
            recipient = None
        if self._hidden and channel == "final":
            self._repairs.append(RepairKind.AMBIGUOUS_CHANNEL)
            channel = recipient = None
        elif self._hidden and recipient is None:
            channel = HIDDEN
        elif "final" in self._channels and recipient is None:
            channel = "final"  # beside "commentary", which is not hidden
        if self._garbled and channel != HIDDEN:
            channel = recipient = None
        if self._headless:
            if not self._garbled:
                self._repairs.append(RepairKind.UNROUTED_TEXT)
            channel = recipient = None
        return Header(
            role=self._role or "assistant",
            name=self._name,
            channel=channel,
            recipient=recipient,
            content_type=self._content_type,
            hidden=self._hidden,
            unclear=unclear,
            repairs=self._repairs,
            dropped=self._dropped,
        )

    def _role_part(self, words: Sequence[str], *, typed_later: bool) -> None:
        if self._role is None:
            if not words:
                self._repairs.append(RepairKind.MISSING_ROLE)
                self._role = "assistant"
                return
            first, words = words[0], words[1:]
            if first.startswith(_TO):  # who speaks to them?
                self._role, self._garbled, self._headless = "assistant", True, True
                return
            self._take_role(first)
        elif words and words[0] not in CHANNELS and not words[0].startswith(_TO):
            self._headless = True  # text where a header belongs
            self._hidden = any(HIDDEN in word.casefold() for word in words)
            return
        if self._role == "assistant" and words and words[0] in CHANNELS:
            self._take_role(words[0])
            words = words[1:]
        self._rest(words, typed_later=typed_later)

    def _take_role(self, word: str) -> None:
        if word in CHANNELS:
            self._role = "assistant"
            self._take_channel(word)
            self._repairs.append(RepairKind.CHANNEL_IN_ROLE)
        elif word in ROLES:
            self._role = word
        else:
            self._role, self._name = "tool", word

    def _take_channel(self, word: str) -> None:
        self._channels.append(word)
        self._hidden = self._hidden or word == HIDDEN

    def _channel_part(self, words: Sequence[str], *, typed_later: bool) -> None:
        if not words:
            return
        first, *rest = words
        if first in CHANNELS:
            self._take_channel(first)
        elif first.startswith(_TO):
            rest = list(words)
        else:
            self._slot_words.append(first)
            self._hidden = self._hidden or HIDDEN in first.casefold()
        self._rest(rest, typed_later=typed_later)

    def _type_part(self, words: Sequence[str]) -> None:
        for word in words:
            if word in CHANNELS:
                self._take_channel(word)
                self._repairs.append(RepairKind.CHANNEL_IN_TYPE)
        words = [word for word in words if word not in CHANNELS]
        if any(word.startswith(_TO) for word in words):
            self._rest(words, typed_later=False)
        elif words:
            self._take_type(f"<|constrain|>{words[0]}")
            self.drop(*words[1:])

    def _take_type(self, content_type: str) -> None:
        self._content_type = content_type
        self._hidden = self._hidden or HIDDEN in content_type.casefold()

    def _rest(self, words: Sequence[str], *, typed_later: bool) -> None:
        """What follows the role or the channel: junk, recipients, content type."""
        starts = [index for index, word in enumerate(words) if word.startswith(_TO)]
        before = list(words[: starts[0]] if starts else words)
        if "to" in before:
            self._garbled = True
        if not starts and len(before) == 1:
            self._single(before[0])
        else:
            self.drop(*before)
        for start, end in pairwise([*starts, len(words)]):
            self._addressed(words[start].removeprefix(_TO), words[start + 1 : end], typed_later=typed_later)

    def _single(self, word: str) -> None:
        """A word alone behind the role or the channel: a recipient without ``to=``, else a content type."""
        if word.startswith("functions.") or (self._offered is not None and self._offered.offers(word)):
            self._take_recipient(word)
            self._repairs.append(RepairKind.TOOL_IN_CHANNEL)
        else:
            self._take_type(word)

    def _addressed(self, name: str, after: Sequence[str], *, typed_later: bool) -> None:
        """One ``to=`` and the words behind it."""
        if not name and after and after[0] in (*ROLES, *CHANNELS):
            name, after = after[0], after[1:]
        if self._role == "assistant" and (name in ROLES or name in CHANNELS):
            self._repairs.append(RepairKind.ROLE_AS_RECIPIENT)
            self._hidden = self._hidden or name == HIDDEN
        elif not 0 < len(name.removeprefix("functions.")) <= _LONGEST_NAME:
            self._garbled = True
            self.drop(*after)
            return
        else:
            if typed_later and after and self._is_one_name(joined := " ".join([name, *after])):
                name, after = joined, ()
            self._take_recipient(name)
        if after:
            self._take_type(after[-1])
            self.drop(*after[:-1])

    def _take_recipient(self, name: str) -> None:
        name, glued = split_type(name, self._offered)
        if glued is not None:
            self._repairs.append(RepairKind.TYPE_IN_RECIPIENT)
            self._take_type(glued)
        self._recipients.append(name)

    def _is_one_name(self, joined: str) -> bool:
        """Whether words before ``<|constrain|>`` are the name of one tool, which has blanks in it."""
        return self._offered is None or self._offered.offers(joined)

    def _recipient(self) -> tuple[str | None, bool]:
        """The recipient, and whether it is unclear who is addressed."""
        unclear = self._garbled
        if self._garbled:
            self._repairs.append(RepairKind.UNCLEAR_RECIPIENT)
        recipients = {self._tool(name): name for name in reversed(self._recipients)}
        if len(recipients) > 1:
            self._repairs.append(RepairKind.UNCLEAR_RECIPIENT)
            self.drop(*self._recipients)
            return None, True
        spare = self._slot_words
        if not self._channels:  # the last one stands for the channel
            self.drop(*spare[:-1])
            spare = []
        if recipients:
            self.drop(*spare)
            return next(iter(recipients.values())), unclear
        if not spare:
            return None, unclear
        if self._offered is not None and not self._offered.offers(spare[-1]):
            # Somebody may have been meant who does not exist.
            self.drop(*spare)
            return None, True
        self.drop(*spare[:-1])
        self._repairs.append(RepairKind.TOOL_IN_CHANNEL)
        return spare[-1], unclear

    def _tool(self, name: str) -> str:
        return self._offered.original(name) if self._offered is not None else name.removeprefix("functions.")

    def _is_no_call(self, recipient: str, channel: str | None) -> bool:
        """A recipient that is not on offer is told so on ``commentary``; elsewhere it is none."""
        if self._offered is None or self._offered.offers(recipient):
            return False
        return self._hidden or channel != "commentary"
