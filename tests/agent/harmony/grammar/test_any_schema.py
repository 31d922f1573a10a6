"""Schemas that nobody here has seen: what fits them can be written, and nothing makes the grammar fail."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.gbnf import schema_grammar

NAMES = st.sampled_from(["a", "b", "größe", 'say "hi"', "<|end|>", "in-string", "x y", "", "json", "\\"])
TEXT = st.text(st.sampled_from('ab<|"\\\n é漢🦅'), max_size=6)
FIXED = st.none() | st.booleans() | st.integers(-30, 30) | TEXT


Schema = dict[str, Any]


def an_object(properties: Schema, required: set[str]) -> Schema:
    named = [name for name in properties if name in required]
    return {"type": "object", "properties": properties, "required": named, "additionalProperties": False}


def a_mapping(value: Any) -> Schema:
    return {"type": "object", "additionalProperties": value}


def an_array(items: Any, low: int, more: int) -> Schema:
    return {"type": "array", "items": items, "minItems": low, "maxItems": low + more}


def a_tuple(places: list[Any]) -> Schema:
    return {"type": "array", "prefixItems": places, "items": False}


def any_of(options: list[Any]) -> Schema:
    return {"anyOf": options}


def all_of(options: list[Any]) -> Schema:
    return {"allOf": [{"anyOf": options}]}


def a_range(low: int, more: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": low + more}


def wide(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas made of others."""
    some = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        st.builds(an_object, st.dictionaries(NAMES, children, max_size=3), st.sets(NAMES)),
        st.builds(a_mapping, children),
        st.builds(an_array, children, st.integers(0, 2), st.integers(0, 2)),
        st.builds(a_tuple, some),
        st.builds(any_of, some),
        st.builds(all_of, st.lists(children, min_size=1, max_size=2)),
    )


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.sampled_from(["null", "boolean", "integer", "number", "string"]).map(lambda kind: {"type": kind}),
        st.just({"type": ["string", "null"]}),
        st.just({"type": "string", "minLength": 1}),
        st.builds(a_range, st.integers(-200, 200), st.integers(0, 300)),
        st.lists(FIXED, min_size=1, max_size=3).map(lambda values: {"enum": values}),
        FIXED.map(lambda value: {"const": value}),
        st.just({"$ref": "#/$defs/node"}),
    ),
    wide,
    max_leaves=6,
)
NODE = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["next"],
    "additionalProperties": False,
}


def fitting(schema: Any, rng: random.Random) -> Any:
    """A value that fits a schema of :data:`SCHEMAS`, with properties in their order."""
    if "$ref" in schema:
        return rng.choice([{"next": None}, {"next": {"next": None}}])
    for key in ("anyOf", "allOf"):
        if key in schema:
            return fitting(rng.choice(schema[key]), rng)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    if "minimum" in schema:
        return rng.randint(schema["minimum"], schema["maximum"])
    match schema["type"]:
        case "object":
            names = [n for n in schema.get("properties", {}) if n in schema["required"] or rng.random() < 0.5]
            if "properties" in schema:
                return {name: fitting(schema["properties"][name], rng) for name in names}
            return {
                word: fitting(schema["additionalProperties"], rng) for word in rng.sample(["k", "é", "<"], 2)
            }
        case "array":
            if "prefixItems" in schema:
                kept = rng.randint(0, len(schema["prefixItems"]))
                return [fitting(place, rng) for place in schema["prefixItems"][:kept]]
            return [
                fitting(schema["items"], rng)
                for _ in range(rng.randint(schema["minItems"], schema["maxItems"]))
            ]
        case kind:
            return rng.choice(SCALARS[kind if isinstance(kind, str) else "string"])


SCALARS: dict[str, list[Any]] = {
    "integer": [0, -7, 10**17],
    "number": [0, -1.5, 0.1 + 0.2, 1e-07, 1e22, 123456789],
    "boolean": [True, False],
    "string": ["x", "<<<", "a <|< b", 'q"\\', "漢", "<|"],
    "null": [None],
}


@given(SCHEMAS, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_fits_can_be_written_and_what_is_written_fits(schema: Any, rng: random.Random) -> None:
    document = {**schema, "$defs": {"node": NODE}}
    grammar = schema_grammar(document)
    for _ in range(2):
        value = fitting(document, rng)
        jsonschema.validate(value, document)
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<|", r"\u003c|")
        assert grammar.accepts(written), (document, written)
        sample = grammar.sample(rng)
        assert "<|e" not in sample
        jsonschema.validate(json.loads(sample), document)


ODD: list[Any] = [
    True,
    {},
    {"type": "object", "properties": []},
    {"type": "object", "required": "a", "properties": {"a": True}},
    {"type": "array", "items": [{"type": "string"}], "minItems": "2"},
    {"type": "integer", "minimum": 5, "maximum": 1},
    {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    {"type": "number", "minimum": 1e300, "exclusiveMaximum": True},
    {"type": "string", "pattern": "(", "format": 3},
    {"type": "string", "pattern": "^(a|b$"},
    {"type": "string", "pattern": "^[[:alpha:]]+$"},
    {"type": "string", "pattern": "^((a{1,90}){1,90}){1,90}$"},
    {"type": "string", "pattern": "^(a?)*$"},
    {"type": "string", "minLength": 10**9, "maxLength": 3},
    {"type": "array", "minItems": 10**9, "maxItems": 10**12},
    {"enum": []},
    {"enum": "red"},
    {"anyOf": []},
    {"allOf": [{"$ref": "#"}, {"type": "object"}]},
    {"$ref": "#"},
    {"$ref": "https://example.com/schema.json"},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}},
    {
        "$ref": "#/$defs/a",
        "minLength": 1,
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "string"}]}},
    },
    {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}},
    {"type": "object", "properties": {"\ud800": {"const": "\udfff"}}},
    {"type": "object", "patternProperties": {"^x-": {"type": "string"}, "odd(": {"type": "integer"}}},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "properties": {"a": {}, "b": {}}},
    {"enum": [f"value {number}" for number in range(2_000)]},
    {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(120)}},
    {"anyOf": [{"const": number} for number in range(800)]},
]


@pytest.mark.parametrize("schema", ODD, ids=lambda schema: str(schema)[:60])
def test_no_schema_makes_it_fail(schema: Any) -> None:
    """Rules that llama.cpp would refuse (a loop over nothing, a rule that begins with itself) are noticed."""
    schema_grammar(schema)


def test_a_chain_of_choices_does_not_grow_without_end() -> None:
    defs = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2, "minLength": 1} for n in range(40)}
    schema_grammar({"$ref": "#/$defs/d0", "$defs": {**defs, "d40": {"type": "string"}}})
    deep: Any = {"type": "string"}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    schema_grammar(deep)


@pytest.mark.parametrize(
    ("regex", "fits", "not_fit"),
    [
        (r"^[A-Z]{2}-\d{4}$", ["AB-0123"], ["ab-0123", "AB-012", "AB-01234"]),
        (r"^a|b$", ["a", "ab", "b", "xb"], []),  # the second option is not anchored: left to the validation
        (r"^a$|^bc$", ["a", "bc"], ["ac", "b"]),
        (r"^x-", ["x-", "x-anything < |", "x-é"], ["y", "x"]),
        (r"^\w+$", ["Müller", "a_1"], ["a b", ""]),
        (r"^[^<>]+$", ["a|b", "é"], ["a<b", ""]),
        (r"^[^/]+$", ["a<b", "a|b"], []),
        (r"^[a-z0-9-]{1,63}$", ["abc", "a" * 63], ["A", ""]),
        (r"^\s*a\.b\\$", ["a.b\\", "\ta.b\\"], ["axb\\"]),
        (r"^(?:ab|c(d|e)?){2}$", ["abc", "cdce"], ["ab", "d"]),
    ],
)
def test_patterns(regex: str, fits: list[str], not_fit: list[str]) -> None:
    grammar = schema_grammar({"type": "string", "pattern": regex})
    for text in fits:
        assert grammar.accepts(json.dumps(text, ensure_ascii=False)), text
    for text in not_fit:
        assert not grammar.accepts(json.dumps(text, ensure_ascii=False)), text


@given(
    st.lists(st.sampled_from(["<", "|", "<|", "s", "S", "a", "é", '\\"', "\\\\", "\\u003c", "0"]), max_size=9)
)
@settings(max_examples=60, deadline=None)
def test_strings_hold_everything_but_a_control_token(pieces: list[str]) -> None:
    body = "".join(pieces)
    grammar = schema_grammar({"type": "string"})
    hides = any(f"<|{letter}" in body for letter in "abcdefghijklmnopqrstuvwxyz")
    assert grammar.accepts(f'"{body}"') != hides
    some = schema_grammar({"type": "string", "minLength": 1})
    assert some.accepts(f'"{body}"') == (not hides and bool(body))
