"""A JSON schema, as Pydantic writes them, to rules for compact JSON.

Compact, because a grammar that allows blanks between the tokens of JSON lets a model write nothing else for
ever (llama.cpp's and xgrammar's own conversions do). Properties come in the schema's order. What a grammar
cannot say (``multipleOf``, unique items, validators in Python) is left to the validation that follows anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from .formats import FORMATS
from .numeric import integer, number
from .patterns import pattern
from .rules import Bounds, Rules, alternatives, literal, repeat, sequence
from .text import json_string

__all__ = ["ObjectRules", "body_grammar"]

Schema = Mapping[str, Any]

_TYPE_OF = {
    "properties": "object",
    "additionalProperties": "object",
    "patternProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minLength": "string",
    "maxLength": "string",
    "pattern": "string",
    "format": "string",
    "minimum": "number",
    "maximum": "number",
}
"""The type that a keyword speaks of, for schemas that name none."""

_SCALARS = {"boolean": '("true" | "false")', "null": '"null"'}
_LONGEST_ARRAY = 1000


def body_grammar(schema: Schema, *, bounds: Bounds | None = None) -> str:
    """A grammar for one JSON value of ``schema``, without any token literal."""
    rules = Rules()
    rules.reserve("root")
    rules.define("root", ObjectRules(rules, schema, bounds or Bounds()).root())
    return str(rules)


class ObjectRules:
    """Writes the rules of one schema.

    Args:
        rules: where they go.
        schema: with its own ``$defs``.
        bounds: for what the schema leaves open.
        prefix: begins the names of the rules.
    """

    def __init__(self, rules: Rules, schema: Schema, bounds: Bounds, *, prefix: str = "v") -> None:
        self._rules = rules
        self._schema = schema
        self._bounds = bounds
        self._prefix = prefix
        self._definitions = cast(Mapping[str, Schema], schema.get("$defs") or schema.get("definitions") or {})
        self._named: dict[str, str] = {}

    def root(self) -> str:
        """The expression for the schema itself."""
        return self._value(self._schema, self._prefix)

    def _value(self, schema: Schema | bool, name: str) -> str:
        if not isinstance(schema, Mapping):
            return self._anything()
        if (reference := schema.get("$ref")) is not None:
            return self._reference(reference)
        if "const" in schema:
            return literal(_compact(schema["const"]))
        if "enum" in schema:
            return alternatives(literal(_compact(value)) for value in schema["enum"])
        if options := schema.get("anyOf") or schema.get("oneOf"):
            return self._union(cast(Sequence[Schema], options), name)
        if parts := schema.get("allOf"):
            return self._value(self._merged(schema, cast(Sequence[Schema], parts)), name)
        kind = schema.get("type") or next((_TYPE_OF[key] for key in schema if key in _TYPE_OF), None)
        if isinstance(kind, list):
            kinds = cast(list[str], kind)
            return alternatives(self._typed(one, schema, f"{name}-{one}") for one in kinds)
        return self._typed(kind, schema, name)

    def _typed(self, kind: str | None, schema: Schema, name: str) -> str:
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

    def _reference(self, reference: str) -> str:
        if reference not in self._named:
            name = self._rules.reserve(f"{self._prefix}-{reference.rsplit('/', 1)[-1]}")
            self._named[reference] = name  # known by now to whatever refers back to it
            self._rules.define(name, self._value(self._target(reference), name))
        return self._named[reference]

    def _target(self, reference: str) -> Schema:
        if reference == "#":
            return self._schema
        return self._definitions.get(reference.rsplit("/", 1)[-1], {})

    def _union(self, options: Sequence[Schema], name: str) -> str:
        if any(option.get("type") == "number" for option in options):
            # Pydantic's Decimal is a number or any string at all, which it then refuses.
            options = [option for option in options if option != {"type": "string"}]
        return alternatives(self._value(option, f"{name}-{i}") for i, option in enumerate(options, 1))

    def _merged(self, schema: Schema, parts: Sequence[Schema]) -> Schema:
        """Several schemas that all hold, as one: properties put together, later words over earlier ones."""
        merged: dict[str, Any] = {}
        for part in (*parts, {key: value for key, value in schema.items() if key != "allOf"}):
            if (reference := part.get("$ref")) is not None:
                part = {**self._target(reference), **{k: v for k, v in part.items() if k != "$ref"}}
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            required = [*merged.get("required", ()), *part.get("required", ())]
            merged.update(part)
            if properties:
                merged.update(properties=properties, required=required)
        return merged

    def _anything(self) -> str:
        """Any JSON value."""
        if "" not in self._named:
            self._named[""] = name = self._rules.reserve("json")
            self._rules.define(
                name,
                alternatives(
                    [
                        *_SCALARS.values(),
                        self._number("number", {}),
                        self._string({}),
                        self._array({}, "json-array"),
                        self._object({}, "json-object"),
                    ]
                ),
            )
        return self._named[""]

    def _number(self, kind: str, schema: Schema) -> str:
        low, above = _limit(schema, "minimum", "exclusiveMinimum", max)
        high, below = _limit(schema, "maximum", "exclusiveMaximum", min)
        if kind == "number":
            found = number(low, high, above=above, below=below)
        else:
            least = None if low is None else int(low.__ceil__()) + (above and low == low.__ceil__())
            most = None if high is None else int(high.__floor__()) - (below and high == high.__floor__())
            found = integer(least, most)
        return self._rules.add("number", found or "[0-9]{1,9}")

    def _string(self, schema: Schema) -> str:
        if (known := FORMATS.get(schema.get("format", ""))) is not None:
            return self._rules.add(f"{self._prefix}-{schema['format']}", sequence(r'"\""', known, r'"\""'))
        if (regex := schema.get("pattern")) is not None and (held := pattern(regex)) is not None:
            return self._rules.add(f"{self._prefix}-pattern", sequence(r'"\""', held, r'"\""'))
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        return json_string(self._rules, low, high, bound=self._bounds.string)

    def _array(self, schema: Schema, name: str) -> str:
        first = cast(Sequence[Schema], schema.get("prefixItems", ()))
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        places = [self._value(item, f"{name}-{i}") for i, item in enumerate(first, 1)]
        places = places[: len(places) if high is None else high]
        rest = schema.get("items", not first)
        if rest is False or high == len(places):
            return self._brackets("[", places, "", "]", name)
        low, high = max(low - len(places), 0), None if high is None else high - len(places)
        items = self._listed(self._value(rest, f"{name}-item"), low, high, name, continued=bool(places))
        return self._brackets("[", places, items, "]", name)

    def _object(self, schema: Schema, name: str) -> str:
        properties = cast(Mapping[str, Schema], schema.get("properties") or {})
        if properties:
            return self._rules.add(name, self._properties(properties, schema.get("required", ()), name))
        patterns = cast(Mapping[str, Schema], schema.get("patternProperties") or {})
        rest = schema.get("additionalProperties", "properties" not in schema)
        if rest is False and not patterns:
            return '"{}"'
        if patterns:
            regex, rest = next(iter(patterns.items()))
            key = self._string({"pattern": regex})
        else:
            key = self._value({"type": "string", **schema.get("propertyNames", {})}, f"{name}-key")
        entry = self._rules.add(f"{name}-entry", sequence(key, '":"', self._value(rest, f"{name}-value")))
        entries = self._listed(entry, schema.get("minProperties", 0), schema.get("maxProperties"), name)
        return self._brackets("{", [], entries, "}", name)

    def _properties(self, properties: Mapping[str, Schema], required: Sequence[str], name: str) -> str:
        """The properties in order; an optional one may be missing, and so may its comma.

        Two chains of rules, from the last property to the first: what may follow when something stands
        before it, and when nothing does.
        """
        following = leading = '"}"'
        for key, schema in reversed(tuple(properties.items())):
            value = self._value(schema, f"{name}-{key}")
            entry = sequence(literal(f"{_compact(key)}:"), value)
            comma = sequence(literal(f",{_compact(key)}:"), value, following)
            alone = sequence(entry, following)
            if key in required:
                following, leading = comma, alone
            else:
                following, leading = f"({comma} | {following})", f"({alone} | {leading})"
            following = self._rules.add(f"{name}-then", following)
        return sequence('"{"', leading)

    def _listed(self, item: str, low: int, high: int | None, name: str, *, continued: bool = False) -> str:
        """Items with commas between them, and one before the first when it is ``continued``."""
        if high is None and self._bounds.items is not None:
            high = max(self._bounds.items, low)
        if high is not None and high > _LONGEST_ARRAY:
            high = None
        more = self._rules.add(f"{name}-more", sequence('","', item))
        if continued:
            return repeat(self._rules, more, low, high)
        if high == 0:
            return ""
        some = sequence(item, repeat(self._rules, more, max(low - 1, 0), None if high is None else high - 1))
        return some if low else f"({some})?"

    def _brackets(self, begin: str, places: Sequence[str], items: str, end: str, name: str) -> str:
        between = ' "," '.join(places)
        return self._rules.add(name, sequence(literal(begin), between, items, literal(end)))


def _compact(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<|", r"\u003c|")  # llama.cpp would take the control token for its name


def _limit(schema: Schema, inclusive: str, exclusive: str, closer: Any) -> tuple[Decimal | None, bool]:
    """The bound that holds, and whether it does not count itself."""
    given = [(Decimal(str(schema[key])), key == exclusive) for key in (inclusive, exclusive) if key in schema]
    if not given:
        return None, False
    value = closer(bound for bound, _ in given)
    return value, any(strict for bound, strict in given if bound == value)
