"""What a server's failures mean, as typed errors of one line each.

What a server says is quoted only where it can be about the request alone. It may hold what the model wrote,
reasoning too: llama.cpp and Ollama answer 500 with the text they could not parse, others repeat the request
they refuse, in which the reasoning of the open turn is sent back. So three things have to hold: the status is
one that comes before anything is generated, the sentence does not speak of the model's output, and it repeats
nothing of what was sent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

from ..errors import (
    ContextWindowError,
    EngineAuthError,
    EngineError,
    EngineResponseError,
    EngineUnreachableError,
)
from ..text import one_line
from .masking import Secrets

__all__ = [
    "error_message",
    "failed_inside",
    "field_of",
    "quotable",
    "refusal",
    "seconds_to_wait",
    "unreachable",
]

_MESSAGE_LENGTH = 200
_CONTEXT = re.compile(r"context (length|size|window)", re.IGNORECASE)
_BEFORE_GENERATION = frozenset({400, 402, 404, 405, 409, 413, 415, 422, 429, 503})
_SENTENCE_END = re.compile(r"[.!?]\s|[\r\n]")
_ABOUT_OUTPUT = re.compile(
    r"<\||raw\s*=|\bpars(?:e|ed|er|ing)\b|\bgenerat\w*|\boutputs?\b|\bharmony\b|\bpeg\b|\banalysis\b"
    r"|\breason(?:ed|ing)\b|\bthought|\btool[ _]?calls?\b|(?:\d+\s*,\s*){3}",
    re.IGNORECASE,
)
_ECHO = 12
"""Characters in a row that make a sentence a repetition of what the model wrote."""
_LONGEST_WAIT = 31_536_000.0
"""A year, in seconds."""


def unreachable(address: str) -> EngineUnreachableError:
    """The error for a server that does not answer at all."""
    return EngineUnreachableError(
        f"No server answers at {address}: is it running? Start it, or check --base-url."
    )


def refusal(
    address: str,
    status: int,
    message: str,
    *,
    quoted: str,
    path: str,
    has_key: bool,
    retry_after: float | None = None,
) -> EngineError:
    """The error for an HTTP status other than success.

    Args:
        address: the server, for the user.
        status: the HTTP status.
        message: what the server itself says; never shown.
        quoted: what of it may be shown (see :func:`quotable`).
        path: what was asked for.
        has_key: whether a key was sent.
        retry_after: seconds the server wants to be left alone for.
    """
    if status in (401, 403):
        wish = "refuses the API key: correct" if has_key else "wants an API key: set"
        return EngineAuthError(f"{address} {wish} OSSIFRAGE_API_KEY or pass --api-key.")
    said = f": {quoted}" if quoted else ""
    if status in (400, 413) and _CONTEXT.search(message):
        return ContextWindowError(
            f"The conversation does not fit {address} ({status}{said}): start it with a larger context."
        )
    if status == 404:
        text = f"{address} does not know {path} (404{said}): is it the server that --engine names?"
    elif status == 429:
        text = f"{address} takes no more requests now (429{said}): wait and ask again."
    elif status >= 500 and _ABOUT_OUTPUT.search(message):
        text = f"{address} could not read what the model wrote ({status}); its log may say more."
    else:
        text = f"{address} answered {status}{said}; its log may say more."
    return EngineResponseError(text, status=status, retry_after=retry_after)


def failed_inside(address: str, code: object, message: str, *, path: str, has_key: bool) -> EngineError:
    """The error for a failure that is told inside a stream: its kind, and nothing that the server says.

    Args:
        address: the server, for the user.
        code: the HTTP status the server names, if it does.
        message: what the server says; never shown.
        path: what was asked for.
        has_key: whether a key was sent.
    """
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    if status in (401, 403) or (status in (400, 413) and _CONTEXT.search(message)):
        return refusal(address, status, message, quoted="", path=path, has_key=has_key)
    return EngineResponseError(
        f"{address} failed while it answered ({status}); its log may say more.", status=status
    )


def quotable(status: int, message: str, *, secrets: Secrets, sent: bytes) -> str:
    """What of a server's message may be shown: its first sentence, in one line, or nothing.

    Args:
        status: the HTTP status it came with.
        message: what the server says.
        secrets: what is masked in it.
        sent: the body of the request, in JSON.
    """
    if status not in _BEFORE_GENERATION:
        return ""
    sentence = _SENTENCE_END.split(secrets.mask(message).lstrip(), maxsplit=1)[0][: 2 * _MESSAGE_LENGTH]
    if _ABOUT_OUTPUT.search(sentence) or _echoes(sentence, sent):
        return ""
    return one_line(sentence, _MESSAGE_LENGTH).rstrip(" .:")


def seconds_to_wait(retry_after: str | None) -> float | None:
    """The ``Retry-After`` header in seconds (RFC 9110, section 10.2.3: number or date); at most a year's."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            until = parsedate_to_datetime(retry_after)
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            seconds = (until - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(0.0, seconds), _LONGEST_WAIT)


def error_message(payload: object) -> str:
    """What a body with ``error`` (an object or a text), ``message`` or ``detail`` says; may be empty."""
    for key in ("error", "message", "detail"):
        found = field_of(payload, key)
        payload = payload if found is None else found
    return payload if isinstance(payload, str) else ""


def field_of(payload: object, key: str) -> object:
    """``payload[key]``; None where there is no such thing."""
    return cast(dict[str, object], payload).get(key) if isinstance(payload, dict) else None


def _echoes(sentence: str, sent: bytes) -> bool:
    """Whether a sentence repeats something of the model's own, which a conversation holds."""
    written = "\n".join(_written(json.loads(sent))) if sent else ""
    runs = (sentence[start : start + _ECHO] for start in range(len(sentence) - _ECHO + 1))
    return any(run in written for run in runs)


def _written(value: object, *, own: bool = False) -> Iterator[str]:
    """The texts in a request that the model wrote: in messages of the assistant, thoughts and calls."""
    if isinstance(value, str):
        if own:
            yield value
    elif isinstance(value, dict):
        fields = cast(dict[str, object], value)
        own = own or fields.get("role") == "assistant" or fields.get("type") in ("reasoning", "function_call")
        for item in fields.values():
            yield from _written(item, own=own)
    elif isinstance(value, list):
        for item in cast(list[object], value):
            yield from _written(item, own=own)
