"""What a server's chat endpoint makes of harmony.

What the model says decides some of these checks; they tell what they saw.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ...prompts import render, tool_prompt
from ..engines.http import get_json, post_events, read_as
from ..harmony.vocabulary import load_encoding
from .subject import Subject
from .values import Finding, failed, passed, skipped

__all__ = ["CHECKS"]

_PATH = "/v1/chat/completions"
# Control tokens, or what stripping them leaves: `analysis…assistantcommentary to=functions.f…`.
_LEAK = re.compile(
    r"<\|(?:start|channel|message|end|call|return|constrain)\|>|to=functions\.|assistant(?:final|commentary)"
)
_LEAKS = "harmony leaks into the content"
_PARSER = "start the server with its parsers for gpt-oss, or use a token engine (vllm, llama-server)"
_CALL_ID = "call_0123456789"


class _Function(BaseModel):
    name: str | None = None
    arguments: Any = None


class _Call(BaseModel):
    id: str | None = None
    function: _Function


class _Message(BaseModel):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None

    @property
    def thought(self) -> str:
        return self.reasoning or self.reasoning_content or ""


class _Choice(BaseModel):
    message: _Message
    prompt_token_ids: list[int] | None = None
    """SGLang's place for it; vLLM's is beside the choices."""
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None


class _Answer(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None
    prompt_token_ids: list[int] | None = None


class _Boxes(BaseModel):
    """The object that structured output has to be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    boxes: int


_SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "Boxes",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"boxes": {"type": "integer"}},
            "required": ["boxes"],
            "additionalProperties": False,
        },
    },
}
_queries = TypeAdapter(dict[str, list[str]])


async def effort_in_prompt(subject: Subject) -> Finding:
    """The effort asked for stands in the prompt, where the server shows it; else it makes a difference."""
    prompts = {
        effort: await _prompt_text(subject, _question(), **_effort(subject, effort))
        for effort in ("low", "high")
    }
    if None not in prompts.values():
        if all(f"Reasoning: {effort}" in (prompt or "") for effort, prompt in prompts.items()):
            return passed("the prompt says `Reasoning: low` and `Reasoning: high`")
        return failed(
            "the prompt does not say what was asked for", "serve the model with gpt-oss's own chat template"
        )
    low, high = [
        len((await _ask(subject, _question(), **_effort(subject, effort))).thought)
        for effort in ("low", "high")
    ]
    if not low and not high:
        return skipped("no reasoning comes back to judge by")
    seen = f"{low} characters of reasoning at low effort, {high} at high"
    if high > low:
        return passed(seen)
    return failed(f"no effect: {seen}", "update the server; it may know the effort by another name")


async def reasoning_returned(subject: Subject) -> Finding:
    """Reasoning comes apart from the answer."""
    message = await _ask(subject, _question())
    if _LEAK.search(message.content or ""):
        return failed(_LEAKS, _PARSER)
    if message.thought:
        field = "reasoning" if message.reasoning else "reasoning_content"
        return passed(f"{len(message.thought)} characters in `{field}`")
    return failed(f"none beside {_described(message)}", _PARSER)


async def reasoning_accepted(subject: Subject) -> Finding:
    """Reasoning sent back in a tool loop becomes part of the prompt."""
    field = subject.profile.reasoning_field
    thought = render("doctor/thought")
    advice = "serve the model with gpt-oss's own chat template, update the server, or use a token engine"
    if prompt := await _prompt_text(subject, _tool_loop({field: thought})):
        if thought in prompt:
            return passed(f"the prompt holds what `{field}` said")
        return failed(f"`{field}` is dropped: the prompt does not hold it", advice)
    without = await _prompt_tokens(subject, _tool_loop(None))
    with_it = await _prompt_tokens(subject, _tool_loop({field: thought}))
    if without is None or with_it is None:
        return skipped("the server does not count the prompt")
    if with_it > without:
        return passed(f"`{field}` adds {with_it - without} tokens to the prompt")
    return failed(f"`{field}` is dropped: the prompt has {with_it} tokens with it and without it", advice)


async def tool_call(subject: Subject) -> Finding:
    """A call has an id, the name of the tool, and arguments that are the text of an object."""
    message = await _ask(subject, _user("look_up"), tools=[_tool()])
    if not message.tool_calls:
        if _LEAK.search(message.content or ""):
            return failed("the tool call leaks into the content", _PARSER)
        return failed(f"no call but {_described(message)}", "ask again: the model decides; else " + _PARSER)
    if problem := _call_problem(message.tool_calls[0]):
        return failed(problem, _PARSER)
    if _LEAK.search(message.content or ""):
        return failed(f"a call, and {_LEAKS}", _PARSER)
    return passed("id, name and arguments are as they should be")


async def structured_output(subject: Subject) -> Finding:
    """A schema holds the answer, and only the answer."""
    plain = await _ask(subject, _question())
    message = await _ask(subject, _question(), response_format=_SCHEMA)
    try:
        _Boxes.model_validate_json(message.content or "")
    except ValidationError:
        return failed(
            f"not the object asked for but {_described(message)}", "update the server, or use a token engine"
        )
    if plain.thought and not message.thought:
        return failed(
            "the object asked for, but without reasoning: the grammar begins before the answer does",
            "update the server, or use a token engine",
        )
    return passed("the object asked for" + (", after reasoning" if message.thought else ""))


async def structured_output_with_tools(subject: Subject) -> Finding:
    """With a schema for the answer the model can still call tools."""
    message = await _ask(subject, _user("look_up"), tools=[_tool()], response_format=_SCHEMA)
    if message.tool_calls and not _call_problem(message.tool_calls[0]):
        return passed("a tool is called although the answer has a schema")
    if not subject.profile.schema_with_tools:
        return skipped(f"{subject.profile.title} cannot; beside tools the schema stays in the prompt")
    return failed(f"no call but {_described(message)}", "update the server, or use a token engine")


async def streaming(subject: Subject) -> Finding:
    """The answer comes in pieces."""
    body = {**_body(subject, _question()), "stream": True}
    pieces = 0
    async with post_events(subject.client, _PATH, body) as events:
        async for _ in events:
            pieces += 1
    if pieces < 3:
        return failed(f"{pieces} pieces", "see whether a proxy holds the stream back")
    return passed(f"{pieces} pieces")


CHECKS: dict[str, Callable[[Subject], Awaitable[Finding]]] = {
    "reasoning effort": effort_in_prompt,
    "reasoning returned": reasoning_returned,
    "reasoning accepted back": reasoning_accepted,
    "tool call": tool_call,
    "structured output": structured_output,
    "structured output with tools": structured_output_with_tools,
    "streaming": streaming,
}


def _user(template: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": render(f"doctor/{template}")}]


def _question() -> list[dict[str, Any]]:
    return _user("question")


def _tool() -> dict[str, Any]:
    prompt = tool_prompt("search")
    queries = {
        "type": "array",
        "items": {"type": "string"},
        "description": prompt.parameters["queries"],
    }
    parameters = {"type": "object", "properties": {"queries": queries}, "required": ["queries"]}
    function = {"name": "search", "description": prompt.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _tool_loop(reasoning: Mapping[str, str] | None) -> list[dict[str, Any]]:
    function = {"name": "search", "arguments": '{"queries": ["ossifrage"]}'}
    call = {"id": _CALL_ID, "type": "function", "function": function}
    return [
        *_user("look_up"),
        {"role": "assistant", "content": "", "tool_calls": [call], **(reasoning or {})},
        {
            "role": "tool",
            "tool_call_id": _CALL_ID,
            "content": render("tools/nothing_found", queries=["ossifrage"]),
        },
    ]


def _effort(subject: Subject, effort: str) -> dict[str, Any]:
    if subject.profile.effort == "reasoning":
        return {"reasoning": {"effort": effort}}
    return {"reasoning_effort": effort}


def _body(subject: Subject, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"model": subject.model, "messages": messages, "max_tokens": subject.max_tokens, **more}


async def _send(subject: Subject, messages: list[dict[str, Any]], **more: Any) -> _Answer:
    payload = await get_json(subject.client, _PATH, body=_body(subject, messages, **more))
    return read_as(_Answer, payload, subject.client, _PATH)


async def _ask(subject: Subject, messages: list[dict[str, Any]], **more: Any) -> _Message:
    answer = await _send(subject, messages, **more)
    return answer.choices[0].message if answer.choices else _Message()


async def _prompt_tokens(subject: Subject, messages: list[dict[str, Any]]) -> int | None:
    # Some servers refuse fewer than 16 tokens.
    answer = await _send(subject, messages, tools=[_tool()], max_tokens=16)
    return answer.usage.prompt_tokens if answer.usage else None


async def _prompt_text(subject: Subject, messages: list[dict[str, Any]], **more: Any) -> str | None:
    """The prompt that the server makes of a chat; None where it does not show it."""
    match subject.profile.kind:
        case "llama-server":
            answer = await get_json(subject.client, "/apply-template", body={"messages": messages, **more})
            return read_as(_Template, answer, subject.client, "/apply-template").prompt
        case "vllm" | "sglang":
            answer = await _send(subject, messages, **more, return_token_ids=True, max_tokens=16)
            ids = answer.prompt_token_ids or next(
                (choice.prompt_token_ids for choice in answer.choices), None
            )
            return load_encoding().decode(ids) if ids else None
        case _:
            return None


class _Template(BaseModel):
    prompt: str


def _call_problem(call: _Call) -> str | None:
    if call.function.name != "search":
        return f"the call is for {call.function.name!r}, not for the tool that was offered"
    if not call.id:
        return "the call has no id"
    if not isinstance(call.function.arguments, str):
        return "the call's arguments are not a text"
    try:
        _queries.validate_json(call.function.arguments)
    except ValidationError:
        return "the call's arguments are not the object that the tool wants"
    return None


def _described(message: _Message) -> str:
    """What came instead, without its words: they may be reasoning."""
    if message.tool_calls:
        return "a tool call"
    if _LEAK.search(message.content or ""):
        return "harmony in the content"
    return f"{len(message.content or '')} characters of content"
