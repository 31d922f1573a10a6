from __future__ import annotations

import random
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, create_model

from fakes.gbnf import Grammar, schema_grammar
from fakes.output_types import HELD_TYPES, Nested, Optionals, Pet, Tree


def grammar_of(kind: Any) -> Grammar:
    return schema_grammar(TypeAdapter(kind).json_schema())


@pytest.mark.parametrize("kind", HELD_TYPES, ids=lambda kind: getattr(kind, "__name__", str(kind)))
def test_whatever_the_grammar_gives_is_valid(kind: Any) -> None:
    rng, grammar = random.Random(0), grammar_of(kind)
    for _ in range(40):
        TypeAdapter(kind).validate_json(grammar.sample(rng))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Optionals, '{"third":true,"fifth":null}'),
        (Optionals, '{"first":"é","second":-3,"third":false,"fourth":[1,2],"fifth":"red"}'),
        (Optionals, '{"second":0,"third":false,"fifth":"green"}'),
        (Nested, '{"home":{"name":"","at":[1,-2.5]},"away":[],"by_name":{"a":{"name":"b","at":[0,1e3]}}}'),
        (Tree, '{"value":1,"children":[{"value":2},{"value":3,"children":[]}]}'),
        (Pet, '{"pet":{"kind":"dog","tricks":["sit"]},"other":{"kind":"cat","lives":9}}'),
        (dict[str, Any], '{"a":[1,"b",{"c":null}],"d":{}}'),
        (str, r'"a \"quoted\" \\ line\nand < << <| | é 🦅 \u00e9 \ud83e\udd85"'),
    ],
)
def test_takes_what_is_valid(kind: Any, text: str) -> None:
    TypeAdapter(kind).validate_json(text)
    assert grammar_of(kind).accepts(text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Optionals, '{"third":true}'),
        (Optionals, '{"third":true,"fifth":null,}'),
        (Optionals, '{ "third":true,"fifth":null}'),
        (Optionals, '{"fifth":null,"third":true}'),
        (Optionals, '{"third":true,"fifth":null} '),
        (Pet, '{"pet":{"kind":"dog","lives":1},"other":1}'),
        (list[int], "[01]"),
        (list[int], "[1,]"),
        (str, '"line\nbreak"'),
        (str, '"<|start|>"'),
        (str, r'"\ud83e"'),
    ],
)
def test_takes_nothing_else(kind: Any, text: str) -> None:
    assert not grammar_of(kind).accepts(text)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whole_numbers_between(data: st.DataObject) -> None:
    low = data.draw(st.none() | st.integers(-3000, 3000))
    high = data.draw(st.none() | st.integers(-3000 if low is None else low, 3000))
    kind = create_model("Kind", value=(int, Field(ge=low, le=high)))
    grammar = grammar_of(kind)
    edges = [edge + step for edge in (low, high) if edge is not None for step in (-1, 0, 1)]
    for value in [*edges, data.draw(st.integers(-5000, 5000))]:
        inside = (low is None or value >= low) and (high is None or value <= high)
        assert grammar.accepts(f'{{"value":{value}}}') == inside


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_numbers_between(data: st.DataObject) -> None:
    values = st.decimals(-40, 40, places=2, allow_nan=False)
    low, high = sorted([data.draw(values), data.draw(values)])
    strict = data.draw(st.booleans()), data.draw(st.booleans())
    schema = {
        "type": "number",
        "exclusiveMinimum" if strict[0] else "minimum": float(low),
        "exclusiveMaximum" if strict[1] else "maximum": float(high),
    }
    grammar = schema_grammar(schema)
    for value in (low, high, data.draw(values), (low + high) / 2):
        inside = (value > low if strict[0] else value >= low) and (
            value < high if strict[1] else value <= high
        )
        written = f"{value:f}"
        if low != high and written.strip("-0.") and len(written) < 12:
            assert grammar.accepts(written) == inside, (schema, written)


def test_a_pattern_that_cannot_be_said_is_left_to_the_validation() -> None:
    grammar = schema_grammar({"type": "string", "pattern": "^(?=a)b$"})
    assert grammar.accepts('"anything"')


def test_several_schemas_that_all_hold() -> None:
    schema = {
        "$defs": {"A": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}},
        "allOf": [{"$ref": "#/$defs/A"}, {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}],
    }
    assert schema_grammar(schema).accepts('{"a":1,"b":true}')


def test_names_that_look_like_rules() -> None:
    """Properties named like the rules every grammar has."""
    kind = create_model("string", **dict.fromkeys(["char", "text_lt", "number", "root", "größe"], (int, ...)))  # type: ignore[call-overload]
    assert issubclass(kind, BaseModel)
    assert grammar_of(kind).accepts('{"char":1,"text_lt":2,"number":3,"root":4,"größe":5}')


def test_a_name_like_a_control_token_is_escaped() -> None:
    """llama.cpp matches a literal by the text of its tokens, and ``<|end|>`` is the text of one."""
    kind = create_model("Kind", value=(Literal["<|end|>"], Field(alias="<|start|>")))
    grammar = grammar_of(kind)
    written = r'{"\u003c|start|>":"\u003c|end|>"}'
    assert grammar.accepts(written)
    assert not grammar.accepts('{"<|start|>":"<|end|>"}')
    kind.model_validate_json(written)
