"""A JSON Schema, read as far as an answer can be fitted to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from .terms import terms

__all__ = ["Schema", "about", "properties", "required", "resolve", "types", "variants"]

Schema = Mapping[str, Any]

_ABBREVIATIONS: dict[str, str] = {
    "max": "maximum",
    "min": "minimum",
    "avg": "average",
    "dim": "dimension",
    "dims": "dimensions",
}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow ``$ref`` into ``root`` and merge ``allOf``; what stands beside a reference wins over it."""
    seen: set[str] = set()
    while isinstance(reference := schema.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_at(root, reference), **beside}
    for branch in _schemas(schema.get("allOf")):
        inner = resolve(branch, root)
        merged = {**properties(inner), **properties(schema)}
        needed = [*required(inner), *required(schema)]
        schema = {**inner, **schema}
        if merged:
            schema = {**schema, "properties": merged, "required": needed}
    return schema


def variants(schema: Schema) -> list[Schema]:
    """The alternatives of ``anyOf`` or ``oneOf``, ``null`` last; the schema itself where there are none."""
    branches = [*_schemas(schema.get("anyOf")), *_schemas(schema.get("oneOf"))]
    if not branches:
        return [schema]
    beside = {key: schema[key] for key in ("title", "description") if key in schema}
    return sorted(({**beside, **branch} for branch in branches), key=lambda branch: types(branch) == ["null"])


def types(schema: Schema) -> list[str]:
    """The JSON types it allows, ``null`` last; read off its other keywords where ``type`` is missing."""
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if isinstance(named, list):
        return sorted((str(name) for name in cast("list[object]", named)), key=lambda name: name == "null")
    if "properties" in schema:
        return ["object"]
    if "items" in schema:
        return ["array"]
    return []


def properties(schema: Schema) -> dict[str, Schema]:
    """Property names to their schemas, in the order written."""
    named = schema.get("properties")
    if not isinstance(named, dict):
        return {}
    return {
        name: cast("Schema", inner) if isinstance(inner, dict) else {}
        for name, inner in cast("dict[str, object]", named).items()
    }


def required(schema: Schema) -> list[str]:
    """The names of the properties that have to be there."""
    names = schema.get("required")
    return [str(name) for name in cast("list[object]", names)] if isinstance(names, list) else []


def about(name: str, schema: Schema) -> tuple[str, ...]:
    """The terms a property's name is made of: ``maxDimensions`` and ``max_dimensions`` give the same."""
    title = schema.get("title")
    words: list[str] = re.findall(
        r"[^\W_]+", _CAMEL.sub(" ", name or (title if isinstance(title, str) else ""))
    )
    return terms(" ".join(_ABBREVIATIONS.get(word.casefold(), word) for word in words))


def _at(root: Schema, reference: str) -> Schema:
    place: object = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if name:
            place = cast("dict[str, object]", place).get(name) if isinstance(place, dict) else None
    return cast("Schema", place) if isinstance(place, dict) else {}


def _schemas(branches: object) -> Iterator[Schema]:
    if isinstance(branches, list):
        for branch in cast("list[object]", branches):
            if isinstance(branch, dict):
                yield cast("Schema", branch)
