"""Which tokens of a conversation may be kept where thoughts may not.

The rule is by structure alone, and hides more than it must: a message is visible only if it has the form that
the renderer writes, and, of the assistant's, only on ``commentary`` or ``final``. What is malformed is hidden
whole, since nothing says what it would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .message import HIDDEN
from .vocabulary import CALL, CHANNEL, CONSTRAIN, END, FIRST_SPECIAL, MESSAGE, RETURN, START

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding

__all__ = ["hidden_spans", "message_start"]

_STOPS = (RETURN, END, CALL)
_SHOWN = ("commentary", "final")


def hidden_spans(
    encoding: HarmonyEncoding, tokens: Sequence[int], *, prompt: int, start: int = 0
) -> list[tuple[int, int]]:
    """Where the tokens stand that may hold thoughts: first index and the one after the last, in order.

    Special tokens are never among them. A message that no stop token ends is judged like any other.

    Args:
        encoding: the harmony encoding.
        tokens: a prompt and its completion.
        prompt: how many of them are the prompt; only there may others than the assistant speak.
        start: where to begin; a message begins there.
    """
    spans: list[tuple[int, int]] = []
    spoken = False  # an action ended the completion: nothing counts after it
    at = start
    while at < len(tokens):
        end = _next_start(tokens, at + 1)
        sampled = end > prompt
        body = _body(tokens, at, end)
        if body is None or (spoken and at >= prompt):
            spans += _ordinary(tokens, at, end)
        else:
            header = _text(encoding, list(tokens[at + 1 : body - 1]))
            if header == f"assistant<|channel|>{HIDDEN}":
                spans += _ordinary(tokens, body, end)
            elif not _is_shown(header, sampled=sampled):
                spans += _ordinary(tokens, at, end)
        spoken = spoken or (sampled and tokens[end - 1] in (CALL, RETURN))
        at = end
    return spans


def message_start(tokens: Sequence[int], at: int) -> int:
    """Where the message begins that a token belongs to, or that begins with it."""
    while at > 0 and (at >= len(tokens) or tokens[at] != START):
        at -= 1
    return at


def _next_start(tokens: Sequence[int], at: int) -> int:
    try:
        return tokens.index(START, at)
    except ValueError:
        return len(tokens)


def _body(tokens: Sequence[int], at: int, end: int) -> int | None:
    """Where a well-formed message's body begins; None where it has not the form."""
    if tokens[at] != START:
        return None
    try:
        body = tokens.index(MESSAGE, at + 1, end) + 1
    except ValueError:
        return None
    kinds = [token for token in tokens[at + 1 : body - 1] if not _is_ordinary(token)]
    if kinds not in ([], [CHANNEL], [CHANNEL, CONSTRAIN]):
        return None
    text = tokens[body : end - 1 if tokens[end - 1] in _STOPS else end]
    # Bodies are long: the least and the greatest of them are found without a look at each one here.
    return body if not text or (_is_ordinary(min(text)) and _is_ordinary(max(text))) else None


def _is_ordinary(token: int) -> bool:
    return 0 <= token < FIRST_SPECIAL


def _is_shown(header: str, *, sampled: bool) -> bool:
    role, _, rest = header.partition("<|channel|>")
    if role.split()[:1] != ["assistant"]:
        return not sampled
    channel, *words = rest.replace("<|constrain|>", " <|constrain|>").split() or [""]
    recipients = [*role.split()[1:], *(word for word in words if word.startswith("to="))]
    types = [word for word in words if not word.startswith("to=")]
    return (
        channel in _SHOWN
        and all(word.startswith("to=") and HIDDEN not in word for word in recipients)
        and all(word in ("<|constrain|>json", "json", "<|constrain|>code", "code") for word in types)
    )


def _text(encoding: HarmonyEncoding, tokens: list[int]) -> str:
    return encoding.decode(tokens, errors="replace")


def _ordinary(tokens: Sequence[int], at: int, end: int) -> list[tuple[int, int]]:
    """The runs of tokens that are not special."""
    spans: list[tuple[int, int]] = []
    first: int | None = None
    for index in range(at, end):
        if tokens[index] >= FIRST_SPECIAL:
            if first is not None:
                spans.append((first, index))
            first = None
        elif first is None:
            first = index
    if first is not None:
        spans.append((first, end))
    return spans
