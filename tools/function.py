"""Function tools whose mistakes the model can learn from.

The SDK's own decorator hides validation details from the model and answers every failure with one fixed
sentence. Here arguments are validated with Pydantic and the field errors go back, and a tool that fails
gives its error text.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from agents import FunctionTool, RunContextWrapper
from agents.tool_context import ToolContext
from pydantic import BaseModel, ValidationError

from .. import OssifrageError
from ..prompts import ToolPrompt, render, tool_prompt
from .knowledge import DocumentNotFoundError, Knowledge, Passage
from .pages import PageStack

__all__ = [
    "Found",
    "RunContext",
    "RunOf",
    "ToolOutput",
    "ToolReport",
    "knowledge_tool",
    "validation_errors",
    "within",
]

Arguments = TypeVar("Arguments", bound=BaseModel)


class Found(NamedTuple):
    """What a search asked for and found, for traces."""

    queries: tuple[str, ...]
    top_k: int
    filters: dict[str, Any]
    """As JSON values; only those that were given."""
    passages: tuple[tuple[Passage, bool], ...]
    """Best first; and whether each is shown for the first time."""


class ToolOutput(NamedTuple):
    """What a tool gives back."""

    text: str
    """For the model."""
    summary: str
    """One line for people."""
    found: Found | None = None


class ToolReport(NamedTuple):
    """How a call went, for people and traces."""

    summary: str
    error: bool
    found: Found | None = None


@dataclass
class RunContext:
    """What the tools of one run share."""

    knowledge: Knowledge
    pages: PageStack = field(default_factory=PageStack)
    reports: dict[str, ToolReport] = field(default_factory=dict[str, ToolReport])
    """By call id."""
    calls: int = 0
    """Calls of tools so far."""
    most_calls: int | None = None
    """How many there may be; None for any number."""

    @property
    def calls_spent(self) -> bool:
        """No further call may be made."""
        return self.most_calls is not None and self.calls >= self.most_calls


RunOf = Callable[[RunContextWrapper[Any]], RunContext]
"""Finds what the tools of a run share, from what the SDK hands to a call: its own context is the app's."""


def within(tool: FunctionTool, run_of: RunOf) -> FunctionTool:
    """A tool over the knowledge base, for runs whose context is an app's own."""
    invoke_tool = tool.on_invoke_tool

    async def invoke(context: ToolContext[Any], raw: str) -> Any:
        own = copy.copy(context)
        own.context = run_of(context)
        return await invoke_tool(own, raw)

    copied = copy.copy(tool)
    copied.on_invoke_tool = invoke
    return copied


def knowledge_tool(
    name: str,
    arguments: type[Arguments],
    run: Callable[[RunContext, Arguments], Awaitable[ToolOutput]],
) -> FunctionTool:
    """Make a tool over the knowledge base, described by ``prompts/tools/NAME.md``.

    The context of a call is the :class:`RunContext` (see :func:`within`).

    Errors of the knowledge base go to the model as text; anything else is a defect and ends the run.
    """
    prompt = tool_prompt(name)

    async def invoke(context: ToolContext[Any], raw: str) -> str:
        run_context: RunContext = context.context
        try:
            given = arguments.model_validate_json(raw or "{}")
        except ValidationError as error:
            errors = validation_errors(error)
            run_context.reports[context.tool_call_id] = ToolReport("arguments not valid", error=True)
            return render("tools/invalid_arguments", tool=name, errors=errors)
        try:
            output = await run(run_context, given)
        except DocumentNotFoundError as error:
            run_context.reports[context.tool_call_id] = ToolReport(str(error), error=True)
            return render("tools/unknown_document", tool=name, error=error)
        except OssifrageError as error:
            run_context.reports[context.tool_call_id] = ToolReport(str(error), error=True)
            return render("tools/failed", tool=name, error=error)
        run_context.reports[context.tool_call_id] = ToolReport(
            output.summary, error=False, found=output.found
        )
        return output.text

    return FunctionTool(
        name=name,
        description=prompt.description,
        params_json_schema=_described(arguments, prompt),
        on_invoke_tool=invoke,
        strict_json_schema=False,  # strict mode would mark every optional argument as required
    )


def _described(arguments: type[BaseModel], prompt: ToolPrompt) -> dict[str, Any]:
    """The schema of the arguments with the descriptions of the prompt, and without references.

    Not every chat server follows a reference when it shows the tools to the model. An object has no
    description of its own, only its fields do: openai-harmony writes it twice.
    """
    schema = arguments.model_json_schema()
    definitions = schema.pop("$defs", {})
    for name, field_schema in schema["properties"].items():
        if reference := field_schema.pop("$ref", None):
            field_schema.update(definitions[reference.removeprefix("#/$defs/")])
            for inner, inner_schema in field_schema["properties"].items():
                inner_schema["description"] = prompt.parameters[f"{name}.{inner}"]
        else:
            field_schema["description"] = prompt.parameters[name]
    return schema


def validation_errors(error: ValidationError) -> str:
    """One line per field: where, and what is wrong there."""
    lines: list[str] = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) for part in detail["loc"])
        lines.append(f"- {place}: {detail['msg']}" if place else f"- {detail['msg']}")
    return "\n".join(lines)
