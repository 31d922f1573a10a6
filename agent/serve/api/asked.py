"""One request in the terms that both of OpenAI's APIs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...run.output import OutputSchema
from ..problems import Problem
from ..service import Client
from .requests import Format
from .stored import Item
from .tools import ClientTools

__all__ = ["ASSISTANT", "BARE", "Asked", "Outcome", "schema_of"]

ASSISTANT = "ossifrage"
"""The model that is the whole assistant."""
BARE = "gpt-oss"
"""The model that is the served one, whatever its name."""


@dataclass(kw_only=True)
class Asked:
    """What is wanted of a model."""

    client: Client
    model: str
    items: Sequence[Item]
    """The conversation, from its beginning on."""
    tools: ClientTools = field(default_factory=ClientTools)
    schema: OutputSchema | None = None
    """What the answer has to be; None for text."""
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_tool_calls: int | None = None
    """Of the assistant's own tools."""
    seed: int | None = None
    thoughts: frozenset[Literal["summary", "content"]] = frozenset()
    """Where to give what the model thinks; nowhere, unless it was asked for."""
    sealed: bool = False
    """Give the client its thoughts to keep."""
    results: bool = False
    """Tell what the assistant's searches found."""


@dataclass(kw_only=True)
class Outcome:
    """What came of it, beside what the client was told."""

    items: Sequence[Item] = ()
    """What the model added to the conversation, as it is given it."""


def schema_of(form: Format | None) -> OutputSchema | None:
    """What ``text.format`` asks for.

    Raises:
        Problem: a schema is missing (400).
        UsageError: it is no JSON schema.
    """
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return OutputSchema.of_json_schema({"type": "object", "title": "JSON"})
    if form.schema_ is None:
        raise Problem(400, "json_schema needs a schema.", code="invalid_value", param="text.format.schema")
    schema: dict[str, Any] = dict(form.schema_)
    schema.setdefault("title", form.name or "JSON")
    if form.description:
        schema.setdefault("description", form.description)
    return OutputSchema.of_json_schema(schema)
