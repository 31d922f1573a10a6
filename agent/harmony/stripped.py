"""Harmony whose special tokens a server removed: ``analysis…assistantfinal…`` as plain text.

Seen from chat servers and from ``skip_special_tokens``. Only read when a completion holds no structural
token at all, since the words themselves are ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .header import split_type
from .message import HIDDEN, HarmonyMessage
from .names import FunctionNames

__all__ = ["read_stripped"]

# A new message of the assistant; or a tool's answer that the model made up, with the tool's name before it.
_SEAM = re.compile(
    r"assistant(?=analysis|commentary|final)|(?P<tool> to=assistant)\s*(?:analysis|commentary)?"
)
_NAME = re.compile(r"[\w.-]*\Z")
_LONGEST_NAME = 100
_CHANNEL = re.compile("analysis|commentary|final")
_ADDRESSED = re.compile(r"\s*to\s*=")
_RECIPIENT = re.compile(
    r"\s*to=(?P<recipient>[\w.-]+?)(?:\s*(?P<type><\|constrain\|>\w+?|\s(?:json|code)))?(?=\s*\{)"
)


def read_stripped(text: str, *, offered: FunctionNames | None = None) -> Sequence[HarmonyMessage]:
    """Split at the words where headers stood.

    Args:
        text: all of the completion.
        offered: what may be called; None where that is not known.

    Returns:
        The messages; empty when the text does not look like stripped harmony. Text before the first header
        word counts as reasoning, since that is what comes first. What is addressed to nobody that can be told
        belongs to no channel, unless it is reasoning.
    """
    text = text.strip()
    seams = list(_SEAM.finditer(text))
    if not seams and _CHANNEL.match(text) is None:
        return []
    messages: list[HarmonyMessage] = []
    tools = [None if seam["tool"] is None else _name_before(text, seam.start()) for seam in seams]
    starts = [0, *(seam.end() for seam in seams)]
    ends = [*(seam.start() - len(tool or "") for seam, tool in zip(seams, tools, strict=True)), len(text)]
    for start, end, tool in zip(starts, ends, [None, *tools], strict=True):
        piece = text[start:end]
        if tool is not None:
            messages.append(HarmonyMessage(role="tool", name=tool, channel="commentary", content=piece))
        elif head := _CHANNEL.match(piece):
            messages.append(_message(head[0], piece[head.end() :], offered))
        elif piece.strip():
            channel = HIDDEN if start == 0 else None
            messages.append(HarmonyMessage(role="assistant", channel=channel, content=piece))
    if not seams and messages[0].recipient is None and messages[0].channel not in (HIDDEN, None):
        return []  # one word of prose that happens to be a channel's name
    return messages


def _name_before(text: str, end: int) -> str:
    found = _NAME.search(text[max(0, end - _LONGEST_NAME) : end])
    return found[0] if found else ""


def _message(channel: str, text: str, offered: FunctionNames | None) -> HarmonyMessage:
    hidden = channel == HIDDEN
    if _ADDRESSED.match(text) is None:
        return HarmonyMessage(role="assistant", channel=channel, content=text, hidden=hidden)
    head = _RECIPIENT.match(text)
    if head is None:
        return HarmonyMessage(
            role="assistant", channel=HIDDEN if hidden else None, content=text, hidden=hidden, unclear=True
        )
    recipient, content_type = split_type(head["recipient"], offered)
    content_type = content_type or (head["type"] or "").strip() or None
    called: str | None = recipient
    if offered is not None and not offered.offers(recipient) and channel != "commentary":
        called = None
    return HarmonyMessage(
        role="assistant",
        channel=channel,
        recipient=called,
        content_type=content_type,
        content=text[head.end() :],
        hidden=hidden,
    )
