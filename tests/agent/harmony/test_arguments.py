from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.agent.harmony.arguments import call_arguments, is_object

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"city": "Paris"}\n```',
        '{"city": "Paris"}{"city": "Paris"}',
        '{"city": "Paris"}]',
        '{"city": "Paris"}\nDone.',
        '{"city": "Paris"',
        '{"name": "weather", "arguments": {"city": "Paris"}}',
        '{"name": "weather", "parameters": {"city": "Paris"}}',
        '{"arguments": "{\\"city\\": \\"Paris\\"}"}',
    ],
)
def test_shapes_that_were_seen(text: str) -> None:
    assert json.loads(call_arguments(text, SCHEMA)) == {"city": "Paris"}


def test_a_list_left_open_is_closed() -> None:
    mended = call_arguments('{"city": "a } b", "days": [1, 2', SCHEMA)
    assert json.loads(mended) == {"city": "a } b", "days": [1, 2]}


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Paris"}',  # right as it is
        '{"town": "Paris"}',  # wrong, and the tool will say so
        '{"city": 1',  # closing it does not make it valid
        '{"city": "Par',  # cut off inside a text
        "ls -R",
        "[1, 2]",
        "",
    ],
)
def test_nothing_is_made_up(text: str) -> None:
    assert call_arguments(text, SCHEMA) == text


def test_no_arguments_for_a_tool_that_needs_none() -> None:
    assert call_arguments("", {"type": "object", "properties": {}}) == "{}"


def test_a_parameter_that_is_called_like_a_wrapper() -> None:
    schema = {"type": "object", "properties": {"input": {"type": "object"}}, "required": ["input"]}
    assert call_arguments('{"input": {"a": 1}}', schema) == '{"input": {"a": 1}}'


@pytest.mark.parametrize("text", ["[" * 5_000, '{"city": "\\ud800"}'])
def test_arguments_that_would_break_the_carrier_become_a_string(text: str) -> None:
    assert isinstance(json.loads(call_arguments(text, None)), str)


@pytest.mark.parametrize("text", ['{"city": "Paris"}', "not json", ""])
def test_other_arguments_stay(text: str) -> None:
    assert call_arguments(text, None) == text


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_what_follows_the_first_value_is_left_out(schema: dict[str, Any] | None) -> None:
    assert call_arguments('{"town": 1} And then I think.', schema) == '{"town": 1}'
    assert call_arguments(" [1, 2]]", schema) == "[1, 2]"


@pytest.mark.parametrize(
    "text",
    [
        'I will ask for {"city": "Paris"}',
        '{I think {"city": "Paris"}}',
        '"{"',
        "",
        '```\nhm {"city": "Paris"} ```',
    ],
)
def test_strictly_a_text_has_to_begin_with_an_object(text: str) -> None:
    assert not is_object(call_arguments(text, SCHEMA, strict=True))


@given(st.text('{}[]":,\\ abc12`\n', max_size=40), st.booleans())
def test_any_text(text: str, strict: bool) -> None:
    arguments = call_arguments(text, SCHEMA, strict=strict)
    assert arguments in text or "city" in json.loads(arguments)
