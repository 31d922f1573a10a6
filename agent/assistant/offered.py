"""An assistant as a part of somebody else's agent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, Any, cast

from agents import FunctionTool, Model, ModelResponse
from agents.items import TResponseStreamEvent
from agents.tool_context import ToolContext
from pydantic import BaseModel, StringConstraints, ValidationError

from ... import OssifrageError
from ...prompts import render, tool_prompt
from ...tools.function import validation_errors
from ..answer import Result
from ..models.events import whole_response
from .opening import Opening

__all__ = ["AskedWhenOpen", "answering_tool"]


class AskedWhenOpen(Model):
    """A model that is opened when it is asked, in the event loop that asks.

    Args:
        opening: opens it.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    async def get_response(self, *request: Any, **more: Any) -> ModelResponse:
        """As the model behind it."""
        return await whole_response(self.stream_response(*request, **more))

    async def stream_response(self, *request: Any, **more: Any) -> AsyncIterator[TResponseStreamEvent]:
        """As the model behind it."""
        events = (await self._opening.model()).model.stream_response(*request, **more)
        async with aclosing(cast("AsyncGenerator[TResponseStreamEvent, None]", events)):
            async for event in events:
                yield event


class _Question(BaseModel):
    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def answering_tool(
    ask: Callable[[str], Awaitable[Result[Any]]], name: str, description: str | None
) -> FunctionTool:
    """A tool that answers a question with text and numbered sources.

    Args:
        ask: answers.
        name: the tool's.
        description: what the model is told of it; None for what ``prompts/tools/ask_documents.md`` says.
    """
    prompt = tool_prompt("ask_documents")
    schema = _Question.model_json_schema()
    schema["properties"]["question"]["description"] = prompt.parameters["question"]

    async def invoke(_: ToolContext[Any], raw: str) -> str:
        try:
            asked = _Question.model_validate_json(raw or "{}")
        except ValidationError as error:
            return render("tools/invalid_arguments", tool=name, errors=validation_errors(error))
        try:
            result = await ask(asked.question)
        except OssifrageError as error:
            return render("tools/failed", tool=name, error=error)
        reason = result.stop_reason.value if result.partial else None
        return render("tools/answered", text=result.text, citations=result.citations, stop_reason=reason)

    return FunctionTool(
        name=name,
        description=description or prompt.description,
        params_json_schema=schema,
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )
