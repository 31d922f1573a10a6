"""Harmony that a server was to read, and let through as the text of a message.

Either the special tokens are gone (see :mod:`.stripped`), or they are written out: ``<|channel|>analysis…``.
Only a text that begins so is taken for it: an answer may quote the format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from .errors import HarmonyParseError
from .message import CHANNELS, HIDDEN, HarmonyMessage, RepairKind
from .names import FunctionNames
from .reader import Reader
from .stripped import read_stripped
from .texts import EncodedTexts
from .vocabulary import CALL, CHANNEL, CONSTRAIN, END, MESSAGE, RETURN, START, load_encoding

__all__ = ["Unread", "begins_unread", "may_be_unread", "read_unread"]

_MARKERS = {
    "<|start|>": START,
    "<|channel|>": CHANNEL,
    "<|constrain|>": CONSTRAIN,
    "<|message|>": MESSAGE,
    "<|end|>": END,
    "<|return|>": RETURN,
    "<|call|>": CALL,
}
_MARKER = re.compile("(" + "|".join(map(re.escape, _MARKERS)) + ")")
_HEADS = ("<|channel|>", *CHANNELS)
_BEGINNINGS = ("<|start|>", "<|message|>", *_HEADS, *(f"assistant{head}" for head in _HEADS))


class Unread(NamedTuple):
    """What such a text says."""

    messages: Sequence[HarmonyMessage]
    """Empty when it is no harmony after all."""
    repair: RepairKind


def may_be_unread(text: str) -> bool:
    """Whether a text that begins with ``text`` may be harmony."""
    text = text.lstrip()
    return any(beginning.startswith(text) for beginning in _BEGINNINGS) or text.startswith(_BEGINNINGS)


def begins_unread(text: str) -> bool:
    """Whether a text begins as harmony does."""
    return text.lstrip().startswith(_BEGINNINGS)


def read_unread(text: str, *, offered: FunctionNames | None = None) -> Unread:
    """Split a text for which :func:`begins_unread` holds.

    What cannot be read is one thought.

    Args:
        text: all of a message.
        offered: what may be called; None where that is not known.
    """
    first, *others = _MARKER.split(text.strip())
    if not any(piece in _MARKERS for piece in others if piece != "<|constrain|>"):
        return Unread(read_stripped(text, offered=offered), RepairKind.STRIPPED_MARKUP)
    encoding = load_encoding()
    texts = EncodedTexts(encoding)
    reader = Reader(encoding, offered=offered)
    for piece in (first.removeprefix("assistant"), *others):
        marker = _MARKERS.get(piece)
        for token in texts.tokens(piece) if marker is None else (marker,):
            reader.feed(token)
    try:
        messages = reader.finish().messages
    except HarmonyParseError:
        messages = ()
    # The server never gave these tokens.
    messages = [replace(message, tokens=None) for message in messages]
    if not messages:
        messages = [HarmonyMessage(role="assistant", channel=HIDDEN, content=text, hidden=True)]
    return Unread(messages, RepairKind.MARKUP_AS_TEXT)
