"""What a server's failures mean, as typed errors of one line each."""

from __future__ import annotations

import re
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

__all__ = ["error_message", "field_of", "refusal", "seconds_to_wait", "unreachable"]

_MESSAGE_LENGTH = 200
_CONTEXT = re.compile(r"context (length|size|window)", re.IGNORECASE)
# Servers that fail on what the model wrote quote it in the error, and it may be reasoning
# (Ollama: `error parsing tool call: raw='…'`; llama.cpp names the harmony text it could not parse).
_QUOTED_OUTPUT = re.compile(r"raw=|<\||\bOutput:", re.IGNORECASE)


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
    path: str,
    has_key: bool,
    retry_after: float | None = None,
) -> EngineError:
    """The error for an HTTP status other than success.

    Args:
        address: the server, for the user.
        status: the HTTP status.
        message: what the server itself says.
        path: what was asked for.
        has_key: whether a key was sent.
        retry_after: seconds the server wants to be left alone for.
    """
    if status in (401, 403):
        # What the server says is left out here: some repeat the key.
        wish = "refuses the API key: correct" if has_key else "wants an API key: set"
        return EngineAuthError(f"{address} {wish} OSSIFRAGE_API_KEY or pass --api-key.")
    said = _one_line(message)
    if status in (400, 413) and _CONTEXT.search(message):
        return ContextWindowError(
            f"The conversation does not fit {address} ({status}{said}): start it with a larger context."
        )
    if status == 404:
        text = f"{address} does not know {path} (404{said}): is it the server that --engine names?"
    elif status == 429:
        text = f"{address} takes no more requests now (429{said}): wait and ask again."
    else:
        text = f"{address} answered {status}{said}; its log may say more."
    return EngineResponseError(text, status=status, retry_after=retry_after)


def seconds_to_wait(retry_after: str | None) -> float | None:
    """The ``Retry-After`` header in seconds (RFC 9110, section 10.2.3: a number or a date)."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(until.tzinfo or UTC)).total_seconds())


def _one_line(message: str) -> str:
    """A server's message made fit to follow a status: ``": …"``, one line, short, without model output."""
    said = " ".join(_QUOTED_OUTPUT.split(message, maxsplit=1)[0].split()).rstrip(" .:")
    if len(said) > _MESSAGE_LENGTH:
        said = f"{said[: _MESSAGE_LENGTH - 1]}…"
    return f": {said}" if said else ""


def error_message(payload: object) -> str:
    """What a body with ``error`` (an object or a text), ``message`` or ``detail`` says; may be empty."""
    for key in ("error", "message", "detail"):
        found = field_of(payload, key)
        payload = payload if found is None else found
    return payload if isinstance(payload, str) else ""


def field_of(payload: object, key: str) -> object:
    """``payload[key]``; None where there is no such thing."""
    return cast(dict[str, object], payload).get(key) if isinstance(payload, dict) else None
