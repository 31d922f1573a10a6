"""Harmony whose special tokens a server removed: ``analysis…assistantfinal…`` as plain text.

Seen from chat servers and from ``skip_special_tokens``. Only read when a completion holds no structural
token at all, since the words themselves are ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .message import HarmonyMessage

__all__ = ["read_stripped"]

_SEAM = re.compile(r"assistant(?=analysis|commentary|final)")
_HEAD = re.compile(
    r"(?P<channel>analysis|commentary|final)"
    r"(?:\s+to=(?P<recipient>[\w.\-]+?)(?:\s*(?P<type><\|constrain\|>\w+?|\s(?:json|code)))?(?=\s*\{))?"
)


def read_stripped(text: str) -> Sequence[HarmonyMessage]:
    """Split at the words where headers stood.

    Returns:
        The messages; empty when the text does not look like stripped harmony. Text before the first header
        word counts as reasoning, since that is what comes first.
    """
    text = text.strip()
    pieces = _SEAM.split(text)
    if len(pieces) == 1 and _HEAD.match(text) is None:
        return []
    messages: list[HarmonyMessage] = []
    for index, piece in enumerate(pieces):
        head = _HEAD.match(piece)
        if head is None:
            if piece.strip():
                channel = "analysis" if index == 0 else None
                messages.append(HarmonyMessage(role="assistant", channel=channel, content=piece))
            continue
        content_type = head["type"]
        messages.append(
            HarmonyMessage(
                role="assistant",
                channel=head["channel"],
                recipient=head["recipient"],
                content_type=content_type.strip() if content_type else None,
                content=piece[head.end() :],
            )
        )
    if len(messages) == 1 and messages[0].recipient is None and messages[0].channel != "analysis":
        return []  # one word of prose that happens to be a channel's name
    return messages
