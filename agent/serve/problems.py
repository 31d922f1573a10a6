"""Errors on the wire, in the shape that OpenAI's clients read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents import UserError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...tools.knowledge import EmbeddingUnavailableError, KnowledgeError
from ..errors import (
    ContextWindowError,
    EngineAuthError,
    EngineError,
    EngineResponseError,
    EngineTimeoutError,
    EngineUnreachableError,
    InvalidOutputError,
    NoEngineError,
    OssifrageError,
    TraceNotFoundError,
    UsageError,
)
from ..harmony import HarmonyParseError

__all__ = ["Problem", "problem_of"]


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: the HTTP status.
        message: one line: what happened, and what to do next.
        code: a name for programs.
        param: the parameter that is wrong.
        headers: more headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """``{"error": {…}}``."""
        return {
            "error": {
                "message": self.message,
                "type": _type(self.status),
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> Response:
        """The error as a response."""
        return Response(
            json.dumps(self.body),
            status_code=self.status,
            headers=self.headers,
            media_type="application/json",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with it, as an ASGI app."""
        await self.response()(scope, receive, send)


_SERVER = (
    (NoEngineError, 503, "no_engine"),
    (EngineTimeoutError, 504, "engine_timeout"),
    (EngineUnreachableError, 503, "engine_unreachable"),
    (EngineAuthError, 502, "engine_auth"),
    (EngineResponseError, 502, "engine_failed"),
    (EngineError, 502, "engine_failed"),
    (HarmonyParseError, 502, "no_answer"),
    (InvalidOutputError, 502, "invalid_output"),
    (KnowledgeError, 503, "knowledge"),
)


def problem_of(error: Exception) -> Problem:
    """What to tell a client of an exception: one of ours in its own words, of any other its type alone."""
    match error:
        case Problem():
            return error
        case ContextWindowError():
            return Problem(400, str(error), code="context_length_exceeded")
        case TraceNotFoundError():
            return Problem(404, str(error), code="not_found")
        case UsageError() | UserError() | EmbeddingUnavailableError():
            return Problem(400, str(error), code="invalid_value")
        case OssifrageError():
            status, code = next(
                ((status, code) for kind, status, code in _SERVER if isinstance(error, kind)), (500, "failed")
            )
            return Problem(status, str(error), code=code)
        case _:
            return Problem(
                500, f"The server failed ({type(error).__name__}); its log says more.", code="internal_error"
            )


def _type(status: int) -> str:
    """OpenAI's name for a kind of error."""
    match status:
        case 401:
            return "authentication_error"
        case 403:
            return "permission_error"
        case 404:
            return "not_found_error"
        case 429:
            return "rate_limit_error"
        case _ if status >= 500:
            return "server_error"
        case _:
            return "invalid_request_error"
