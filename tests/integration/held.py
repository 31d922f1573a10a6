"""Turns of a random model that a server holds to a grammar, and whether they are what they have to be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import jsonschema
from agents import FunctionTool, ModelSettings, ModelTracing
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from ossifrage import HarmonyModel
from ossifrage.agent.run.output import OutputSchema

MAX_TOKENS = 400


async def respond(
    model: HarmonyModel, output_type: Any, tools: Sequence[FunctionTool] = (), **settings: Any
) -> Response:
    """One response of a model that is asked to go on."""
    events = model.stream_response(
        "Be brief.",
        "Go on.",
        ModelSettings(max_tokens=MAX_TOKENS, **settings),
        list(tools),
        None if output_type is str else OutputSchema(output_type),
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    async for event in events:
        if event.type == "response.completed":
            return event.response
    raise AssertionError("the stream ended without a response")


def judged(response: Response, output_type: Any, tools: Sequence[FunctionTool] = ()) -> str | None:
    """What a response ended in: ``answer``, or the name of the tool; None where the token limit cut it off.

    Raises:
        AssertionError, jsonschema.ValidationError, ModelBehaviorError: it is not what the grammar allows.
    """
    metadata = response.metadata or {}
    assert metadata["repairs"] == ""
    if metadata["finish_reason"] == "length":
        return None
    item = response.output[-1]
    if isinstance(item, ResponseFunctionToolCall):
        tool = next(tool for tool in tools if tool.name == item.name)
        jsonschema.validate(json.loads(item.arguments), tool.params_json_schema)
        return item.name
    assert isinstance(item, ResponseOutputMessage)
    part = item.content[0]
    assert isinstance(part, ResponseOutputText)
    if output_type is not str:
        OutputSchema(output_type).validate_json(part.text)
    return "answer"


async def ends(
    model: HarmonyModel,
    output_type: Any,
    tools: Sequence[FunctionTool] = (),
    *,
    settings: Iterable[dict[str, Any]],
) -> list[str]:
    """What the turns ended in, those left out that did not end; every one that did is valid."""
    found = [judged(await respond(model, output_type, tools, **one), output_type, tools) for one in settings]
    return [end for end in found if end is not None]
