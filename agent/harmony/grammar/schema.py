"""A JSON schema to rules for compact JSON.

Compact, because a grammar that allows blanks between the tokens of JSON lets a model write nothing else for
ever (llama.cpp's and xgrammar's own conversions do). Properties come in the schema's order. What a grammar
cannot say (``multipleOf``, unique items, validators in Python), or could say only at a high price (how long
a string is), is left to the validation that follows anyway. A schema may come from anywhere: where a keyword
has a value that it cannot have, it is as if it were missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isfinite
from typing import Any, cast

from .choices import Choices, Schema
from .formats import FORMATS
from .lists import listed, more
from .numeric import integer, number
from .patterns import pattern
from .rules import Rules, alternatives, literal, sequence
from .text import json_string

__all__ = ["SchemaRules"]

_TYPE_OF = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "patternProperties": "object",
    "propertyNames": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "maxItems": "array",
    "minLength": "string",
    "maxLength": "string",
    "pattern": "string",
    "format": "string",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
}
"""The type that a keyword speaks of, for schemas that name none."""

_SCALARS = {"boolean": '("true" | "false")', "null": '"null"'}
_DEEPEST = 40
"""How many schemas may stand inside each other."""
_EXACT = Decimal(10) ** 15
"""Greatest bound of a number that is held."""
_DECIMALS = Decimal("0.0000000001")
_SURROGATE = re.compile("[\ud800-\udfff]")


class SchemaRules:
    """Writes the rules of one schema.

    Args:
        rules: where they go.
        schema: the document, with its own ``$defs``.
        prefix: begins the names of the rules.
    """

    def __init__(self, rules: Rules, schema: Schema | bool, *, prefix: str) -> None:
        self._rules = rules
        self._schema = schema
        self._prefix = prefix
        self._choices = Choices(_mapping(schema))
        self._known: dict[str, str] = {}
        self._depth = 0

    def root(self) -> str:
        """The expression for the document itself."""
        return self._value(self._schema, self._prefix)

    def _value(self, schema: Any, name: str) -> str:
        """The expression for a value: names of rules, or words."""
        if not isinstance(schema, Mapping) or self._depth > _DEEPEST or self._rules.full:
            return self._anything()
        options = [self._option(option, name) for option in self._choices.of(schema)]
        return alternatives(options) if options else self._anything()

    def _option(self, schema: Schema, name: str) -> str:
        content = json.dumps(schema)
        if content in self._known:
            if not self._known[content]:  # being written: it refers to itself
                self._known[content] = self._rules.reserve(name)
            return self._known[content]
        self._known[content] = ""
        self._depth += 1
        expression = self._plain(schema, name)
        self._depth -= 1
        if reserved := self._known[content]:
            self._rules.define(reserved, expression)
        else:
            self._known[content] = self._rules.add(name, expression) if " " in expression else expression
        return self._known[content]

    def _plain(self, schema: Schema, name: str) -> str:
        kind = schema.get("type") or next((_TYPE_OF[key] for key in schema if key in _TYPE_OF), None)
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list) and (written := self._written(cast(list[Any], values), kind)):
            return written
        match kind:
            case "object":
                return self._object(schema, name)
            case "array":
                return self._array(schema, name)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(kind, schema)
            case "boolean" | "null":
                return _SCALARS[kind]
            case _:
                return self._anything()

    def _written(self, values: Sequence[Any], kind: str | None) -> str | None:
        """One of ``values``; None if there are none of that type, or too many."""
        literals = [literal(_compact(value)) for value in values if kind is None or _is_a(kind, value)]
        self._rules.spend(sum(map(len, literals)))
        return None if not literals or self._rules.full else alternatives(literals)

    def _anything(self) -> str:
        """Any JSON value."""
        rules = self._rules
        scalars = " | ".join([*_SCALARS.values(), rules.add("number", number() or ""), json_string(rules)])
        rules.add("json-entry", sequence(json_string(rules), '":"', "json"))
        rules.add("json-entries", '"}" | "," json-entry json-entries')
        rules.add("json-items", '"]" | "," json json-items')
        return rules.add(
            "json",
            f'{scalars} | "[" ("]" | json json-items) | "{{" ("}}" | json-entry json-entries)',
        )

    def _number(self, kind: str, schema: Schema) -> str:
        low, above = _limit(schema, "minimum", "exclusiveMinimum", lowest=True)
        high, below = _limit(schema, "maximum", "exclusiveMaximum", lowest=False)
        if kind == "number":
            found = number(low, high, above=above, below=below)
        else:
            least = None if low is None else int(low.__ceil__()) + (above and low == low.__ceil__())
            most = None if high is None else int(high.__floor__()) - (below and high == high.__floor__())
            found = integer(least, most)
        return self._rules.add("number", found or number() or "")

    def _string(self, schema: Schema) -> str:
        known = FORMATS.get(schema["format"]) if isinstance(schema.get("format"), str) else None
        if known is not None:
            return self._rules.add(f"{self._prefix}-{schema['format']}", rf'"\"" {known} "\""')
        regex = schema.get("pattern")
        if isinstance(regex, str) and (held := pattern(self._rules, regex)) is not None:
            return self._rules.add(f"{self._prefix}-pattern", rf'"\"" {held}')
        if _count(schema, "maxLength") == 0:
            return r'"\"\""'
        return json_string(self._rules, empty=not _count(schema, "minLength"))

    def _array(self, schema: Schema, name: str) -> str:
        rest, first = schema.get("items", True), schema.get("prefixItems")
        if isinstance(rest, list):  # as it was written before 2020
            first, rest = cast(list[Any], rest), schema.get("additionalItems", True)
        places = [self._value(item, f"{name}-{at}") for at, item in enumerate(_listed(first), 1)]
        low, high = _count(schema, "minItems") or 0, _count(schema, "maxItems")
        if rest is True and 0 < len(places) >= low:
            rest = False  # further items are allowed, and of no use
        item = None if rest is False else self._value(rest, f"{name}-item")
        return sequence('"["', listed(self._rules, name, places, item, low, high, '"]"'))

    def _object(self, schema: Schema, name: str) -> str:
        extra = self._extra(schema, name)
        properties = dict(_mapping(schema.get("properties")))
        required = [key for key in _listed(schema.get("required")) if isinstance(key, str)]
        if extra is not None or "properties" not in schema:
            beyond = schema.get("additionalProperties", True)
            properties.update({key: beyond for key in required if key not in properties})
        properties = {key: value for key, value in properties.items() if value is not False}
        if properties:
            return sequence('"{"', self._properties(properties, required, extra, name))
        low, high = _count(schema, "minProperties") or 0, _count(schema, "maxProperties")
        return sequence('"{"', listed(self._rules, name, [], extra, low, high, '"}"'))

    def _properties(
        self, properties: Mapping[str, Any], required: Sequence[str], extra: str | None, name: str
    ) -> str:
        """The properties in order; an optional one may be missing, and so may its comma.

        Made from the last property to the first: what may follow when something stands before it, and what
        when nothing does.
        """
        rules, close = self._rules, '"}"'
        following = close if extra is None else more(rules, name, extra, 0, None, close)
        leading = [close] if extra is None else [close, sequence(extra, following)]
        for key, schema in reversed(tuple(properties.items())):
            value = self._value(schema, f"{name}-{key}")
            if " " in following:
                following = rules.add(f"{name}-then", following)
            alone = sequence(literal(f"{_compact(key)}:"), value, following)
            another = sequence(literal(f",{_compact(key)}:"), value, following)
            leading = [alone] if key in required else [alone, *leading]
            following = another if key in required else f"{another} | {following}"
        return alternatives(leading)

    def _extra(self, schema: Schema, name: str) -> str | None:
        """The rule for a property that has no name in the schema; None where there should be none."""
        patterns = _mapping(schema.get("patternProperties"))
        rest = schema.get("additionalProperties", not patterns and "properties" not in schema)
        entries: list[str] = []
        for at, (regex, value) in enumerate(patterns.items(), 1):
            held = pattern(self._rules, regex)
            key = self._string({}) if held is None else rf'"\"" {held}'
            entries.append(sequence(key, '":"', self._value(value, f"{name}-value-{at}")))
        if rest is not False:
            key = self._key(schema.get("propertyNames"))
            entries.append(sequence(key, '":"', self._value(rest, f"{name}-value")))
        return self._rules.add(f"{name}-entry", " | ".join(entries)) if entries else None

    def _key(self, schema: Any) -> str:
        """A property's name, which is a string whatever its schema says."""
        options: list[str] = []
        for option in self._choices.of({} if schema is None else schema):
            values = [option["const"]] if "const" in option else _listed(option.get("enum"))
            names = [value if isinstance(value, str) else _compact(value) for value in values]
            options += [literal(_compact(name)) for name in names] or [self._string(option)]
        return alternatives(options) if options else self._string({})


def _compact(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return text.replace("<|", r"\u003c|")  # a server would take the control token for its name


def _is_a(kind: Any, value: Any) -> bool:
    """Whether a value is of a JSON type."""
    if isinstance(value, bool):
        return kind == "boolean"
    classes: Mapping[Any, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "object": dict,
        "array": list,
        "null": type(None),
    }
    return isinstance(value, classes.get(kind, object))


def _listed(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _mapping(value: Any) -> Schema:
    return cast(Schema, value) if isinstance(value, Mapping) else {}


def _count(schema: Schema, keyword: str) -> int | None:
    value = schema.get(keyword)
    return int(value) if isinstance(value, int | float) and isfinite(value) and value >= 0 else None


def _limit(schema: Schema, inclusive: str, exclusive: str, *, lowest: bool) -> tuple[Decimal | None, bool]:
    """The bound that holds, and whether it does not count itself."""
    given: list[tuple[Decimal, bool]] = []
    for key in (inclusive, exclusive):
        value = schema.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            bound = Decimal(str(value))
            if abs(bound) <= _EXACT:
                rounded = bound.quantize(_DECIMALS, ROUND_FLOOR if lowest else ROUND_CEILING)
                given.append((rounded, key == exclusive and rounded == bound))
    if not given:
        return None, False
    value = max(given)[0] if lowest else min(given)[0]
    return value, any(strict for bound, strict in given if bound == value)
