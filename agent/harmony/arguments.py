"""Tool arguments that are nearly right.

gpt-oss and the servers around it put arguments in a code fence, write them twice, wrap them in
``{"name": …, "arguments": …}``, add a bracket or leave one out. A repair counts only when its result is valid
under the tool's schema; otherwise the arguments stay as they came, and the tool says what is wrong with them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

__all__ = ["call_arguments", "is_object"]

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n?(?P<body>.*?)\n?\s*```\s*\Z", re.DOTALL)
_BEGINS = re.compile(r"\s*(?:```(?:json)?\s*)?\{")
_WRAPPED = ("arguments", "parameters", "args", "input")
_QUOTED = 200
"""Characters kept of arguments that cannot be carried."""
_CLOSERS = {"{": "}", "[": "]"}


def call_arguments(text: str, schema: Mapping[str, Any] | None, *, strict: bool = False) -> str:
    """The arguments of a call: the first JSON value of its body, mended where that helps.

    Args:
        text: the body of the call.
        schema: the JSON schema of the tool's parameters; None for a tool that does not exist.
        strict: the body may be something else than arguments, and is mended only where it begins like them.

    Returns:
        ``text`` itself where it is one JSON value, or where nothing helps. What follows the first value is
        left out. JSON nested too deep to be read, or with lone surrogates in it, becomes a JSON string that
        holds its beginning: no tool takes that for its arguments, and nothing that carries them breaks (the
        SDK fingerprints arguments as JSON).
    """
    if strict and not _BEGINS.match(text):
        return text
    value, first = _first_value(text)
    whole = cast(dict[str, Any], value) if isinstance(value, dict) else None
    if schema is not None and (whole is None or _looks_wrapped(whole, schema)):
        for candidate in _candidates(text, whole):
            if _is_valid(candidate, schema):
                return json.dumps(candidate, ensure_ascii=False)
    return _inert(first)


def is_object(text: str) -> bool:
    """Whether a text is one JSON object."""
    return _decoded(text) is not None


def _first_value(text: str) -> tuple[object, str]:
    """The JSON value that ``text`` begins with, and its text; None and the whole text where there is none."""
    start = len(text) - len(text.lstrip())
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, text
    return value, text if not text[end:].strip() else text[start:end]


def _inert(text: str) -> str:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except (RecursionError, UnicodeEncodeError):
        return json.dumps(text[:_QUOTED])
    except ValueError:  # no JSON, which is for the tool to say
        pass
    return text


def _candidates(text: str, whole: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    if not text.strip():
        yield {}
        return
    fenced = _FENCE.match(text)
    body = fenced["body"] if fenced else text
    for found in (whole, _decoded(body), _first_object(body), _decoded(_closed(body))):
        if found is not None:
            yield found
            yield from _unwrapped(found)


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _first_object(text: str) -> dict[str, Any] | None:
    """The first complete object, whatever stands around it."""
    start = text.find("{")
    value, _ = _first_value(text[start:]) if start >= 0 else (None, "")
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _closed(text: str) -> str:
    """``text`` with the brackets that are still open closed; a text cut off inside a string stays cut."""
    stack: list[str] = []
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in _CLOSERS:
            stack.append(_CLOSERS[character])
        elif stack and character == stack[-1]:
            stack.pop()
    return text if in_string else text + "".join(reversed(stack))


def _looks_wrapped(value: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    return any(key in value and key not in properties for key in _WRAPPED)


def _unwrapped(value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in _WRAPPED:
        inner = value.get(key)
        if isinstance(inner, str):
            inner = _decoded(inner)
        if isinstance(inner, dict):
            yield cast(dict[str, Any], inner)


def _is_valid(value: dict[str, Any], schema: Mapping[str, Any]) -> bool:
    from jsonschema import Draft202012Validator  # needed seldom, and slow to load

    validator: Any = Draft202012Validator(dict(schema))
    return bool(validator.is_valid(value))
