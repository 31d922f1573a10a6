from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.agent.harmony.arguments import inert_arguments, mended_arguments

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
    mended = mended_arguments(text, SCHEMA)
    assert mended is not None
    assert json.loads(mended) == {"city": "Paris"}


def test_a_list_left_open_is_closed() -> None:
    mended = mended_arguments('{"city": "a } b", "days": [1, 2', SCHEMA)
    assert mended is not None
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
    assert mended_arguments(text, SCHEMA) is None


def test_no_arguments_for_a_tool_that_needs_none() -> None:
    assert mended_arguments("", {"type": "object", "properties": {}}) == "{}"


def test_a_parameter_that_is_called_like_a_wrapper() -> None:
    schema = {"type": "object", "properties": {"input": {"type": "object"}}, "required": ["input"]}
    assert mended_arguments('{"input": {"a": 1}}', schema) is None


@pytest.mark.parametrize("text", ["[" * 5_000, '{"city": "\\ud800"}'])
def test_arguments_that_would_break_the_carrier_become_a_string(text: str) -> None:
    assert isinstance(json.loads(inert_arguments(text)), str)


@pytest.mark.parametrize("text", ['{"city": "Paris"}', "not json", ""])
def test_other_arguments_stay(text: str) -> None:
    assert inert_arguments(text) == text


@given(st.text('{}[]":,\\ abc12`\n', max_size=40))
def test_any_text(text: str) -> None:
    mended = mended_arguments(text, SCHEMA)
    assert mended is None or "city" in json.loads(mended)
