"""What a JSON schema leaves to choose from: references followed, unions spread, ``allOf`` put together.

Where exactness would cost much the result is looser than the schema: of two patterns that both hold one is
kept, a condition (``if``) becomes a choice, a union without end any value. The validation knows better.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import unquote

__all__ = ["Choices", "Schema"]

Schema = Mapping[str, Any]

ANYTHING: Schema = {}
_MOST, _MOST_IN_ALL = 500, 5_000
"""Schemas looked at for one value, and for one document."""
_NOTES = frozenset(
    {"$defs", "$schema", "$id", "$comment", "definitions", "title", "description", "default", "examples"}
    | {"deprecated", "discriminator", "readOnly", "writeOnly"}
)
"""Keywords that hold nothing to a value."""
_COMBINING = ("$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas")


class Choices:
    """Reads the schemas of one document.

    Args:
        document: what its references begin at.
    """

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._left = _MOST_IN_ALL

    def of(self, schema: Any) -> Sequence[Schema]:
        """Schemas without references or combinations, of one type each where a type is given.

        Any value that fits ``schema`` fits one of them. None are left where nothing fits.
        """
        before = self._left
        found = list(self._plain(schema, set()))
        return [ANYTHING] if before - self._left > _MOST or self._left < 0 else found

    def _plain(self, schema: Any, seen: set[str]) -> Iterator[Schema]:
        self._left -= 1
        if schema is False or len(seen) > _MOST or self._left < 0:
            return
        if not isinstance(schema, Mapping):
            schema = ANYTHING
        schema = {key: value for key, value in cast(Schema, schema).items() if key not in _NOTES}
        content = json.dumps(schema)
        if content in seen:  # a reference that leads back to itself, or the same choice again
            return
        seen.add(content)
        keyword = next((keyword for keyword in _COMBINING if keyword in schema), None)
        kinds = schema.get("type")
        if keyword is not None:
            yield from self._apart(keyword, schema, seen)
        elif isinstance(kinds, list):
            for kind in cast(list[Any], kinds):
                yield from self._plain({**schema, "type": kind}, seen)
        else:
            yield schema

    def _apart(self, keyword: str, schema: Schema, seen: set[str]) -> Iterator[Schema]:
        """What a schema is a choice of, by one reference or combination that it has."""
        rest = {key: value for key, value in schema.items() if key != keyword}
        parts = schema[keyword]
        match keyword:
            case "$ref":
                options = [self._target(parts)]
            case "allOf":
                options = self._joined(_listed(parts), seen)
            case "if":
                options = [rest.pop("then", ANYTHING), rest.pop("else", ANYTHING)]
            case "dependentSchemas":
                options = [ANYTHING, *(cast(Schema, parts).values() if isinstance(parts, Mapping) else ())]
            case _:
                options = _listed(parts) or [ANYTHING]
        if not rest:
            for option in options:
                yield from self._plain(option, seen)
            return
        first = keyword in ("$ref", "allOf")
        for option in options:
            for plain in self._plain(option, seen.copy()):
                yield from self._plain(_merged(plain, rest) if first else _merged(rest, plain), seen)

    def _joined(self, parts: Sequence[Any], seen: set[str]) -> Sequence[Any]:
        """Every way to fit all of ``parts``."""
        joined: list[Any] = [ANYTHING]
        for part in parts:
            options = list(self._plain(part, seen.copy()))
            joined = [_merged(one, option) for one in joined for option in options]
            if len(joined) > _MOST:
                return [ANYTHING]
        return joined

    def _target(self, reference: Any) -> Any:
        """What a reference points to; anything, where it leads out of the document or nowhere."""
        if not isinstance(reference, str) or not (reference + "/").startswith("#/"):
            return ANYTHING
        node: Any = self._document
        for part in reference[1:].split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(key) if isinstance(node, list) else key]
            except (LookupError, TypeError, ValueError):
                return ANYTHING
        return node


def _listed(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _merged(left: Any, right: Any) -> Any:
    """One schema for what fits both."""
    if left is False or right is False:
        return False
    if not (isinstance(left, Mapping) and isinstance(right, Mapping)):
        return cast(Any, left) if isinstance(left, Mapping) else right
    merged = dict(cast(Schema, left))
    for key, value in cast(Schema, right).items():
        merged[key] = _both(key, merged[key], value) if key in merged and merged[key] != value else value
    return merged


def _both(key: str, left: Any, right: Any) -> Any:
    """What a keyword is where two schemas give it different values; the left one if they cannot be joined."""
    match key:
        case "properties" | "patternProperties" if isinstance(left, Mapping) and isinstance(right, Mapping):
            ours, theirs = cast(Schema, left), cast(Schema, right)
            return {
                **ours,
                **theirs,
                **{name: _all_of(ours[name], theirs[name]) for name in ours if name in theirs},
            }
        case "items" | "additionalProperties" | "propertyNames":
            return _all_of(left, right)
        case "required":
            return [*_listed(left), *(name for name in _listed(right) if name not in left)]
        case "enum":
            return [value for value in _listed(left) if value in _listed(right)]
        case "type":
            common = [kind for kind in _kinds(left) if kind in _kinds(right)]
            # Every integer is a number.
            return [kind for kind in common if kind != "number" or "integer" not in common]
        case _ if isinstance(left, int | float) and isinstance(right, int | float):
            low = key.startswith("min") or key == "exclusiveMinimum"
            return max(left, right) if low else min(left, right)
        case _:
            return cast(Any, left)


def _kinds(kinds: Any) -> list[Any]:
    named = _listed(kinds) or [kinds]
    return [*named, "integer"] if "number" in named and "integer" not in named else named


def _all_of(left: Any, right: Any) -> Any:
    parts = [*_parts(left), *(part for part in _parts(right) if part not in _parts(left))]
    return parts[0] if len(parts) == 1 else {"allOf": parts}


def _parts(schema: Any) -> list[Any]:
    alone = isinstance(schema, Mapping) and list(cast(Schema, schema)) == ["allOf"]
    return _listed(schema["allOf"]) if alone else [schema]
