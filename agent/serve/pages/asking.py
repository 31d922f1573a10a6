"""A question from the page, and its answer as it comes: one JSON object a line."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ...answer import Result
from ...assistant import Assistant
from ...run.stream import StreamItem, TextDelta
from ...traces.events import (
    CitationsRejected,
    LimitReached,
    OutputRejected,
    PromptCompacted,
    Steered,
    ToolCalled,
    ToolReturned,
)
from ...traces.told import told
from ..problems import Problem, problem_of
from ..service import Service

__all__ = ["ask"]

_logger = logging.getLogger(__name__)


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    question: str


def ask(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint. Its lines have a ``type``.

    ``told`` (``label``, ``text``: a line for people), ``text`` (more of the answer, with what its new numbers
    cite; of another ``message`` the text begins anew), ``result`` (``trace_id``, ``text``) or ``error``
    (``message``) at the end. What the model thinks is not among them.
    """

    async def endpoint(request: Request) -> Response:
        # A form of another page cannot send this type: it would have to ask first, and would be refused.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Problem(415, "The question has to come as application/json.", code="content_type")
        try:
            asked = _Question.model_validate_json(await request.body())
        except ValidationError as error:
            raise Problem(400, 'Send {"question": "…"}.', code="invalid_value") from error
        if not asked.question.strip():
            raise Problem(400, "The question is empty.", code="invalid_value", param="question")
        assistant = await service.assistant(service.client(request))
        return StreamingResponse(_answered(assistant, asked.question), media_type="application/x-ndjson")

    return endpoint


async def _answered(assistant: Assistant, question: str) -> AsyncGenerator[str, None]:
    try:
        async with aclosing(assistant.run_stream(question)) as items:
            async for item in items:
                for line in _lines(item):
                    yield json.dumps(line) + "\n"
    except Exception as error:  # the response has begun: the page is told in its last line
        problem = problem_of(error)
        if problem.status == 500:
            _logger.exception("a question failed")
        yield json.dumps({"type": "error", "message": problem.message}) + "\n"


def _lines(item: StreamItem) -> Iterator[dict[str, Any]]:
    match item:
        case Result():
            yield {"type": "result", "trace_id": item.trace_id, "text": item.text}
        case TextDelta():
            cited = [citation.model_dump(mode="json") for citation in item.citations]
            yield {"type": "text", "message": item.message, "text": item.text, "citations": cited}
        case (
            ToolCalled()
            | ToolReturned()
            | Steered()
            | LimitReached()
            | PromptCompacted()
            | OutputRejected()
            | CitationsRejected()
        ):
            yield from ({"type": "told", "label": line.label, "text": line.text} for line in told(item))
        case _:
            pass  # told by the page itself, by the page of the run, or not meant for it
