"""Filters as conditions of Milvus.

Every value goes in as a quoted literal, so a name cannot become a part of the expression.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable

from ..filters import folder_of, utc
from ..values import Filters

__all__ = ["LIKE", "condition_of", "folder_condition", "quote"]

LIKE = re.compile(r"[^%_\\?\[]*")
"""Patterns that ``like`` can express. Milvus Lite has no way to escape ``%`` and ``_`` that holds beside a
condition on a JSON field, and ``?`` and ``[`` mean nothing to it."""


def quote(value: str) -> str:
    """A string literal of Milvus' filter language."""
    for char, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(char, escaped)
    return f'"{value}"'


def condition_of(filters: Filters, sources: Callable[[], Iterable[str]]) -> str:
    """The condition that the passages of the documents meant by ``filters`` meet; empty for all.

    Args:
        filters: what is asked for.
        sources: gives every source of the base; asked only where a pattern cannot be told to Milvus.
    """
    parts = [f'json_contains(metadata["tags"], {quote(tag)})' for tag in filters.tags]
    if filters.sources:
        parts.append("(" + " or ".join(_source_condition(name, sources) for name in filters.sources) + ")")
    if filters.modified_from is not None:
        parts.append(f'metadata["modified"] >= {utc(filters.modified_from).timestamp():.6f}')
    if filters.modified_before is not None:
        parts.append(f'metadata["modified"] < {utc(filters.modified_before).timestamp():.6f}')
    return " and ".join(parts)


def folder_condition(field: str, name: str) -> str:
    """The condition that ``field`` is ``name`` or lies in the folder of that name."""
    folder = folder_of(name)
    # What begins with "folder/" lies between it and "folder0": 0 follows / in the order of bytes.
    inside = f"({field} >= {quote(folder)} and {field} < {quote(folder[:-1] + '0')})"
    return f"{field} == {quote(name)} or {inside}"


def _source_condition(name: str, sources: Callable[[], Iterable[str]]) -> str:
    named = folder_condition("source", name)
    if not any(char in name for char in "*?["):
        return named
    if LIKE.fullmatch(name):
        return f"{named} or source like {quote(name.replace('*', '%'))}"
    found = [quote(source) for source in sources() if fnmatch.fnmatchcase(source, name)]
    return f"{named} or source in [{', '.join(found)}]" if found else named
