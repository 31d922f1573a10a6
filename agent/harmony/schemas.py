"""JSON schemas in the form gpt-oss can read.

Harmony shows a tool's parameters as a TypeScript signature, and openai-harmony's converter knows only a part
of JSON Schema: ``$ref``, ``anyOf``, ``allOf``, ``const``, enums of other things than strings and all bounds
become ``any`` or vanish. Pydantic writes just these, so they are rewritten first: references inlined, a
nullable marked as such, unions as ``oneOf``, bounds told in the description.

A schema may be a stranger's, an MCP server's or an HTTP client's. What is no schema becomes ``any``; what is
written out is bounded; and no name or value in it ends the signature it stands in.
"""

from __future__ import annotations

import json
import re
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
_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
_NAME = re.compile(r"[\w$.@-]+")
"""What can stand in a signature without quotes."""
_DEEPEST = 30
"""Levels of a schema; openai-harmony reads no JSON with more than 127, and a level here takes two."""
_MOST_BRACKETS = 20
"""Of a default: it is as deep as that at most."""
_MOST_NODES = 500
"""Parts that are written before references are no longer followed: 27 definitions of two references each
would be a hundred million.
"""


def tool_parameters(schema: Mapping[str, Any]) -> Schema | None:
    """Rewrite a tool's parameter schema for the TypeScript signature.

    Returns:
        The schema, or None for a tool without parameters, which then renders as ``() => any``.
    """
    rewritten = _Signature(_definitions(schema)).of(schema)
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
    inliner = _Inliner(definitions, kept)
    rewritten = cast(Schema, inliner.of(schema))
    rewritten.pop("$defs", None)
    done: dict[str, Any] = {}
    while pending := kept - done.keys():
        for name in pending:
            done[name] = inliner.of(definitions[name], (name,))
    if done:
        rewritten["$defs"] = {name: done[name] for name in sorted(done)}
    return rewritten


def _definitions(schema: Mapping[str, Any]) -> Mapping[str, Schema]:
    given = schema.get("$defs") or schema.get("definitions")
    return {name: dict(_mapping(node)) for name, node in _mapping(given).items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _referenced(node: Mapping[str, Any]) -> str | None:
    reference = node.get("$ref")
    return reference.rsplit("/", 1)[-1] if isinstance(reference, str) else None


class _Inliner:
    """Puts definitions in the place of references, except those to what a definition is inside of."""

    def __init__(self, definitions: Mapping[str, Schema], kept: set[str]) -> None:
        self._definitions = definitions
        self._kept = kept
        self._nodes = 0

    def of(self, node: Any, above: tuple[str, ...] = ()) -> Any:
        self._nodes += 1
        if isinstance(node, list):
            return [self.of(value, above) for value in cast(list[Any], node)]
        if not isinstance(node, Mapping):
            return node
        node = cast(Mapping[str, Any], node)
        name = _referenced(node)
        if name is not None:
            if name in above or name not in self._definitions or self._nodes > _MOST_NODES:
                self._kept.update({name} & self._definitions.keys())
                return {"$ref": f"#/$defs/{name}"}
            beside = {key: value for key, value in node.items() if key != "$ref"}
            return self.of({**self._definitions[name], **beside}, (*above, name))
        result: Schema = {}
        for key, value in node.items():
            if key == "properties":
                result[key] = {field: self.of(part, above) for field, part in _mapping(value).items()}
            elif key not in ("title", "$defs", "discriminator"):
                result[key] = value if key in ("default", "const", "enum") else self.of(value, above)
        return result


class _Signature:
    """Rewrites the schema of a tool's parameters."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._nodes = 0

    def of(self, given: Any, above: tuple[str, ...] = (), depth: int = 0) -> Schema:
        self._nodes += 1
        node = _mapping(given)
        if depth > _DEEPEST:
            return {}
        name = _referenced(node)
        if name is not None:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            if name in above or name not in self._definitions or self._nodes > _MOST_NODES:
                return {"description": _join(_described(beside), f"a {_unbroken(name)}, as above")}
            return self.of({**self._definitions[name], **beside}, (*above, name), depth)
        if len(all_of := _list(node.get("allOf"))) == 1:
            rest = {key: value for key, value in node.items() if key != "allOf"}
            return self.of({**_mapping(all_of[0]), **rest}, above, depth)
        result = _kept(node)
        notes = [text.format(node[key]) for key, text in _BOUNDS.items() if key in node]
        self._union(node, result, above, depth)
        values = _list(node.get("enum", [node["const"]] if "const" in node else None))
        if values:
            if all(isinstance(value, str) for value in values):
                result["type"], result["enum"] = "string", [_escaped(value) for value in values]
            else:
                notes.append("one of " + ", ".join(str(value) for value in values))
        if isinstance(node.get("properties"), Mapping):
            result["properties"] = {
                _property(field): self.of(part, above, depth + 1)
                for field, part in _mapping(node["properties"]).items()
            }
            required = _list(node.get("required"))
            result["required"] = [_property(field) for field in required if isinstance(field, str)]
        if isinstance(node.get("items"), Mapping):
            result["items"] = self.of(node["items"], above, depth + 1)
        if result.get("default", ...) is None:
            del result["default"]
        if notes:
            result["description"] = _join(result.get("description"), _commented("; ".join(notes)))
        return result

    def _union(self, node: Mapping[str, Any], result: Schema, above: tuple[str, ...], depth: int) -> None:
        """Write ``anyOf``/``oneOf`` into ``result``: a nullable as such, several kinds as ``oneOf``."""
        options = [_mapping(option) for option in _list(node.get("anyOf") or node.get("oneOf"))]
        if not options:
            return
        kinds = [option for option in options if option.get("type") != "null"]
        rewritten = [self.of(option, above, depth + 1) for option in kinds]
        if len(rewritten) == 1:
            described = result.get("description")
            result.update(rewritten[0])
            if described:
                result["description"] = described
        else:
            result["oneOf"] = rewritten
        if len(kinds) < len(options):
            result["nullable"] = True


def _kept(node: Mapping[str, Any]) -> Schema:
    """What of a node openai-harmony knows itself, where it is of the right kind."""
    kept: Schema = {}
    kinds = node.get("type")
    known = [kind for kind in _list(kinds) or [kinds] if isinstance(kind, str) and kind in _TYPES]
    if known:
        kept["type"] = known if isinstance(kinds, list) else known[0]
    if (described := _described(node)) is not None:
        kept["description"] = described
    if "default" in node and _is_shallow(node["default"]):
        default = node["default"]
        kept["default"] = _unbroken(default) if isinstance(default, str) else default
    if examples := [_unbroken(each) for each in _list(node.get("examples")) if isinstance(each, str)]:
        kept["examples"] = examples
    if isinstance(node.get("nullable"), bool):
        kept["nullable"] = node["nullable"]
    return kept


def _described(node: Mapping[str, Any]) -> str | None:
    described = node.get("description")
    return _commented(described) if isinstance(described, str) else None


def _is_shallow(value: Any) -> bool:
    text = json.dumps(value, default=str)
    return text.count("[") + text.count("{") <= _MOST_BRACKETS


def _commented(text: str) -> str:
    """A text to stand behind ``//``: so does each of its lines."""
    return "\n// ".join(text.splitlines())


def _property(name: str) -> str:
    """A property's name as TypeScript has it: in quotes where it would not be read as one name."""
    return name if _NAME.fullmatch(name) else f'"{_escaped(name)}"'


def _escaped(text: str) -> str:
    """A text to stand between quotes."""
    return json.dumps(text, ensure_ascii=not text.isprintable())[1:-1]


def _unbroken(text: str) -> str:
    """A text that stays in its line."""
    return text if text.isprintable() else _escaped(text)


def _join(*parts: str | None) -> str:
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)
