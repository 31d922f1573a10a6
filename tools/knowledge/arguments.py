"""What is given to a knowledge base, checked before anything is done with it.

One rule: what a type checker would refuse is a ``TypeError``; a value of the right type that makes no sense
is a ``KnowledgeError``. Both say in one line what was given and what is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

from .errors import KnowledgeError
from .values import Filters, SearchMode

__all__ = [
    "address",
    "check_filters_type",
    "check_mode",
    "json_object",
    "name_of",
    "number",
    "one_of",
    "paths",
    "string",
    "strings",
    "texts",
]

_NAME_BYTES = 4_096
_JSON_CHARACTERS = 8_000
"""Of metadata. They are stored with every passage, where Milvus takes 65,535 bytes."""
_JSON_DEPTH = 20
_INT64 = 2**63


def string(value: object, what: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is {_described(value)}; give a string")
    return value


def strings(values: object, what: str) -> list[str]:
    """Several strings; one by itself is a slip, and would be taken for its letters."""
    if isinstance(values, str):
        raise TypeError(f"{what} is a string; give a list, such as [{values[:40]!r}]")
    return [string(each, f"one of {what}") for each in _each(values, what, "a list of strings")]


def paths(values: object, what: str) -> list[str | Path]:
    """One path or address, or several."""
    given = [values] if isinstance(values, str | Path) else _each(values, what, "a path, or a list of them")
    for each in given:
        if not isinstance(each, str | Path):
            raise TypeError(f"one of {what} is {_described(each)}; give a string or a Path")
    return cast("list[str | Path]", given)


def texts(values: object, what: str) -> dict[str, str]:
    """Texts by the names they are to have."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{what} is {_described(values)}; give a dict of texts by name")
    given = cast("Mapping[object, object]", values)
    return {name_of(name): string(text, f"the text {name!r}") for name, text in given.items()}


def address(value: object, what: str) -> str:
    """A folder, or the address of a server."""
    if not isinstance(value, str | Path):
        raise TypeError(f"{what} is {_described(value)}; give a folder, or the address of a server")
    return str(value)


def number(value: object, what: str, *, least: int | None = None) -> int:
    """A whole number, at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is {_described(value)}; give a whole number")
    if least is not None and value < least:
        raise KnowledgeError(f"{what} is {value}; it must be at least {least}")
    return value


def check_mode(mode: object) -> SearchMode:
    """A way of searching."""
    if string(mode, "mode") not in get_args(SearchMode):
        raise KnowledgeError(f"there is no mode {mode!r}; there are {', '.join(get_args(SearchMode))}")
    return cast(SearchMode, mode)


def one_of(value: Any, what: str, *known: Any) -> Any:
    """One of the values that are known."""
    if value not in known:
        names = ", ".join(str(each) for each in known if each is not None)
        raise KnowledgeError(f"unknown {what} {value!r}; known are {names}")
    return value


def check_filters_type(filters: object) -> Filters | None:
    """Filters whose fields are what they say."""
    if filters is None:
        return None
    if not isinstance(filters, Filters):
        raise TypeError(f"filters is {_described(filters)}; give Filters(sources=…, tags=…), or None")
    strings(filters.sources, "filters.sources")
    strings(filters.tags, "filters.tags")
    for name in ("modified_from", "modified_before"):
        when = getattr(filters, name)
        if when is not None and not isinstance(when, datetime):
            raise TypeError(f"filters.{name} is {_described(when)}; give a datetime, or None")
    return filters


def name_of(value: object) -> str:
    """The name of a document that is to be added."""
    name = string(value, "the name of a text")
    if not name.strip():
        raise KnowledgeError("the name of a text is empty")
    # A lone surrogate is no printable character either.
    if not name.isprintable():
        raise KnowledgeError(f"the name {name[:80]!a} holds characters that cannot be printed")
    if len(name.encode()) > _NAME_BYTES:
        raise KnowledgeError(f"the name {name[:40]!r}… is longer than {_NAME_BYTES} bytes")
    return name


def json_object(value: object, what: str) -> dict[str, Any]:
    """A copy of a mapping from strings to JSON values."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is {_described(value)}; give a dict")
    found = cast("dict[str, Any]", _json(cast(object, value), what, _JSON_DEPTH))
    length = len(json.dumps(found, ensure_ascii=False))
    if length > _JSON_CHARACTERS:
        raise KnowledgeError(
            f"{what} is {length:,} characters of JSON; at most {_JSON_CHARACTERS:,} are kept"
        )
    return found


def _json(value: object, what: str, depth: int) -> object:
    if depth < 0:
        raise KnowledgeError(f"{what} is nested more than {_JSON_DEPTH} deep")
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {
            _json_text(string(key, f"a key of {what}"), f"a key of {what}"): _json(
                each, f"{what}[{key!r}]", depth - 1
            )
            for key, each in items
        }
    if isinstance(value, list | tuple):
        return [_json(each, f"one of {what}", depth - 1) for each in cast("list[object]", value)]
    if isinstance(value, str):
        return _json_text(value, what)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise KnowledgeError(f"{what} does not fit into 64 bits")
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise KnowledgeError(f"{what} is {value}, which JSON does not have")
        return value
    raise TypeError(f"{what} is {_described(value)}, which JSON does not have")


def _json_text(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise KnowledgeError(f"{what} holds a lone surrogate, which UTF-8 does not have") from error
    return text


def _each(values: object, what: str, wanted: str) -> list[object]:
    if isinstance(values, bytes | bytearray | Mapping) or not isinstance(values, Iterable):
        raise TypeError(f"{what} is {_described(cast(object, values))}; give {wanted}")
    return list(cast("Iterable[object]", values))


def _described(value: object) -> str:
    """What a value is, for people."""
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"
