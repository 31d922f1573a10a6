"""Bodies of requests, checked."""

from __future__ import annotations

import logging
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from ..problems import Problem

__all__ = ["IGNORED", "ignored_headers", "read"]

_logger = logging.getLogger(__name__)

IGNORED = "x-ossifrage-ignored"
"""The header that names what was asked for and is not heeded."""

T = TypeVar("T", bound=BaseModel)

_CANNOT = frozenset(
    {
        "audio",
        "background",
        "conversation",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "modalities",
        "n",
        "presence_penalty",
        "prompt",
        "stop",
        "top_logprobs",
        "truncation",
    }
)
"""Parameters that can be given, but have no effect other than their default here."""


async def read(request: Request, kind: type[T]) -> T:
    """The body of a request.

    Raises:
        Problem: it is not JSON (400), not called JSON (415), or not of this kind (400).
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        # What a page of another site can send without asking is not JSON by its name.
        raise Problem(415, "Send JSON, with `Content-Type: application/json`.", code="content_type")
    body = await request.body()
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _problem(error) from error


def ignored_headers(names: list[str]) -> dict[str, str]:
    """A header that names what was given and changes nothing; told in the log as well."""
    if not names:
        return {}
    shown = sorted({"".join(c if c.isascii() and c.isprintable() else "?" for c in name) for name in names})
    text = ", ".join(shown)[:1000]
    _logger.info("not heeded: %s", text)
    return {IGNORED: text}


def _problem(error: ValidationError) -> Problem:
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = [
        part for part in detail["loc"] if isinstance(part, int) or not part.startswith(("function-", "list["))
    ]
    param = ".".join(str(part) for part in where) or None
    if detail["type"] == "json_invalid":
        return Problem(400, f"The body is not JSON: {detail['msg']}", code="invalid_json")
    if where and where[0] in _CANNOT:
        return Problem(
            400,
            f"{where[0]} cannot be had here with this value: leave it out.",
            code="unsupported_parameter",
            param=str(where[0]),
        )
    return Problem(400, f"{param or 'The body'}: {detail['msg']}", code="invalid_value", param=param)
