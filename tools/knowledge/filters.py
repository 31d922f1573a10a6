"""Filters as conditions of Milvus.

Every value goes in as a quoted literal, so a name cannot become a part of the expression.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath

from .store.collection import quote
from .values import Document, FilterCheck, Filters, UnknownName

__all__ = ["check_filters", "condition_of", "matches_name", "near_names", "passes"]

_LIKE = re.compile(r"[^%_\\?\[]*")
"""Patterns that ``like`` can express. Milvus Lite has no way to escape ``%`` and ``_`` that holds beside a
condition on a JSON field, and ``?`` and ``[`` mean nothing to it."""

_GLOB = re.compile(r"[*?\[\]]+")


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
        parts.append(f'metadata["modified"] >= {_utc(filters.modified_from).timestamp():.6f}')
    if filters.modified_before is not None:
        parts.append(f'metadata["modified"] < {_utc(filters.modified_before).timestamp():.6f}')
    return " and ".join(parts)


def passes(filters: Filters, document: Document) -> bool:
    """Whether a document is one of those meant; what :func:`condition_of` says, in Python."""
    if filters.sources and not any(matches_name(name, document.source) for name in filters.sources):
        return False
    if not set(filters.tags) <= set(document.tags):
        return False
    if filters.modified_from is not None and document.modified < _utc(filters.modified_from):
        return False
    return filters.modified_before is None or document.modified < _utc(filters.modified_before)


def matches_name(name: str, source: str) -> bool:
    """Whether ``name`` is ``source``, a folder it is in, or a pattern it matches."""
    return name == source or source.startswith(_folder(name)) or fnmatch.fnmatchcase(source, name)


def check_filters(filters: Filters, documents: Mapping[str, Document]) -> FilterCheck:
    """What the filters leave, and which of their names mean nothing."""
    tags = {tag for document in documents.values() for tag in document.tags}
    dates = [document.modified for document in documents.values()]
    unknown = [
        UnknownName(kind="source", name=name, near=near_names(name, {*documents, *_folders(documents)}))
        for name in filters.sources
        if not any(matches_name(name, source) for source in documents)
    ]
    unknown += [
        UnknownName(kind="tag", name=tag, near=_near(tag, {each.casefold(): each for each in sorted(tags)}))
        for tag in filters.tags
        if tag not in tags
    ]
    return FilterCheck(
        documents=sum(passes(filters, document) for document in documents.values()),
        unknown=tuple(unknown),
        oldest=min(dates, default=None),
        newest=max(dates, default=None),
    )


def near_names(name: str, sources: Collection[str]) -> tuple[str, ...]:
    """The sources that hold ``name`` in theirs, or look like it; at most three. Of a pattern its beginning
    counts.
    """
    bare = _GLOB.split(name)[0].rstrip("/") or _GLOB.sub("", name)
    by_folded: dict[str, str] = {}
    for source in sorted(sources, key=len, reverse=True):
        by_folded[source.rpartition("/")[2].casefold()] = source
    by_folded.update({source.casefold(): source for source in sources})
    stem = PurePosixPath(bare).stem.casefold()
    holding = [source for folded, source in by_folded.items() if len(stem) > 2 and stem in folded]
    return tuple(dict.fromkeys([*sorted(holding, key=len), *_near(bare, by_folded)]))[:3]


def _near(name: str, by_folded: Mapping[str, str]) -> tuple[str, ...]:
    close = difflib.get_close_matches(name.casefold()[:1000], by_folded, n=6, cutoff=0.6)
    return tuple(dict.fromkeys(by_folded[each] for each in close))[:3]


def _folders(sources: Iterable[str]) -> set[str]:
    return {str(folder) for source in sources for folder in PurePosixPath(source).parents} - {"."}


def _source_condition(name: str, sources: Callable[[], Iterable[str]]) -> str:
    folder = _folder(name)
    # What begins with "folder/" lies between it and "folder0": 0 follows / in the order of bytes.
    inside = f"(source >= {quote(folder)} and source < {quote(folder[:-1] + '0')})"
    named = f"source == {quote(name)} or {inside}"
    if not any(char in name for char in "*?["):
        return named
    if _LIKE.fullmatch(name):
        return f"{named} or source like {quote(name.replace('*', '%'))}"
    found = [quote(source) for source in sources() if fnmatch.fnmatchcase(source, name)]
    return f"{named} or source in [{', '.join(found)}]" if found else named


def _folder(name: str) -> str:
    return name.rstrip("/") + "/"


def _utc(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)
