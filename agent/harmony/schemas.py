"""JSON schemas in the form gpt-oss can read.

Harmony shows a tool's parameters as a TypeScript signature, and openai-harmony's converter knows only a part
of JSON Schema: ``$ref``, ``anyOf``, ``allOf``, ``const``, enums of other things than strings and all bounds
become ``any`` or vanish. Pydantic writes just these, so they are rewritten first: references inlined, a
nullable marked as such, unions as ``oneOf``, bounds told in the description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["response_schema", "tool_parameters"]

Schema = dict[str, Any]

_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matching {}",
    "format": "format {}",
}
_KEPT = ("type", "description", "default", "examples", "nullable")


def tool_parameters(schema: Mapping[str, Any]) -> Schema | None:
    """Rewrite a tool's parameter schema for the TypeScript signature.

    Returns:
        The schema, or None for a tool without parameters, which then renders as ``() => any``.
    """
    rewritten = _typescript(schema, _definitions(schema), ())
    if not rewritten.get("properties"):
        return None
    rewritten.pop("description", None)
    return rewritten


def response_schema(schema: Mapping[str, Any]) -> Schema:
    """Rewrite an output schema for the Response Formats section: references inlined, titles dropped.

    A recursive definition stays a reference, with its ``$defs``.
    """
    definitions = _definitions(schema)
    kept: set[str] = set()
    rewritten = cast(Schema, _inline(schema, definitions, (), kept))
    rewritten.pop("$defs", None)
    done: dict[str, Any] = {}
    while pending := kept - done.keys():
        for name in pending:
            done[name] = _inline(definitions[name], definitions, (name,), kept)
    if done:
        rewritten["$defs"] = {name: done[name] for name in sorted(done)}
    return rewritten


def _definitions(schema: Mapping[str, Any]) -> Mapping[str, Schema]:
    return cast(Mapping[str, Schema], schema.get("$defs") or schema.get("definitions") or {})


def _referenced(node: Mapping[str, Any]) -> str | None:
    reference = node.get("$ref")
    return reference.rsplit("/", 1)[-1] if isinstance(reference, str) else None


def _inline(node: Any, definitions: Mapping[str, Schema], above: tuple[str, ...], kept: set[str]) -> Any:
    if isinstance(node, list):
        return [_inline(value, definitions, above, kept) for value in cast(list[Any], node)]
    if not isinstance(node, Mapping):
        return node
    node = cast(Mapping[str, Any], node)
    name = _referenced(node)
    if name is not None:
        if name in above or name not in definitions:
            kept.update({name} & definitions.keys())
            return {"$ref": f"#/$defs/{name}"}
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _inline({**definitions[name], **beside}, definitions, (*above, name), kept)
    result: Schema = {}
    for key, value in node.items():
        if key == "properties":
            result[key] = {
                field: _inline(part, definitions, above, kept)
                for field, part in cast(Mapping[str, Any], value).items()
            }
        elif key not in ("title", "$defs", "discriminator"):
            result[key] = (
                value if key in ("default", "const", "enum") else _inline(value, definitions, above, kept)
            )
    return result


def _typescript(node: Mapping[str, Any], definitions: Mapping[str, Schema], above: tuple[str, ...]) -> Schema:
    name = _referenced(node)
    if name is not None:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        if name in above or name not in definitions:
            return {"description": _join(beside.get("description"), f"a {name}, as above")}
        return _typescript({**definitions[name], **beside}, definitions, (*above, name))
    if len(all_of := node.get("allOf") or []) == 1:
        rest = {key: value for key, value in node.items() if key != "allOf"}
        return _typescript({**all_of[0], **rest}, definitions, above)
    result: Schema = {key: node[key] for key in _KEPT if key in node}
    notes = [text.format(node[key]) for key, text in _BOUNDS.items() if key in node]
    _union(node, result, definitions, above)
    values = node.get("enum", [node["const"]] if "const" in node else None)
    if values is not None:
        if all(isinstance(value, str) for value in values):
            result["type"], result["enum"] = "string", list(values)
        else:
            notes.append("one of " + ", ".join(str(value) for value in values))
    if "properties" in node:
        result["properties"] = {
            field: _typescript(part, definitions, above) for field, part in node["properties"].items()
        }
        result["required"] = list(node.get("required", []))
    if isinstance(node.get("items"), Mapping):
        result["items"] = _typescript(node["items"], definitions, above)
    if result.get("default", ...) is None:
        del result["default"]
    if notes:
        result["description"] = _join(result.get("description"), "; ".join(notes))
    return result


def _union(
    node: Mapping[str, Any], result: Schema, definitions: Mapping[str, Schema], above: tuple[str, ...]
) -> None:
    """Write ``anyOf``/``oneOf`` into ``result``: a nullable as such, several kinds as ``oneOf``."""
    options = cast("list[Mapping[str, Any]]", node.get("anyOf") or node.get("oneOf") or [])
    if not options:
        return
    kinds = [option for option in options if option.get("type") != "null"]
    rewritten = [_typescript(option, definitions, above) for option in kinds]
    if len(rewritten) == 1:
        described = result.get("description")
        result.update(rewritten[0])
        if described:
            result["description"] = described
    else:
        result["oneOf"] = rewritten
    if len(kinds) < len(options):
        result["nullable"] = True


def _join(*parts: str | None) -> str:
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)
