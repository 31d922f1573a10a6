"""Which documents filters mean, and what is near a name that means none."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath

from .values import Document, FilterCheck, Filters, Passage, UnknownName

__all__ = ["check_filters", "folder_of", "matches_name", "near_names", "passes", "utc"]

_GLOB = re.compile(r"[*?\[\]]+")


def passes(filters: Filters, document: Document | Passage) -> bool:
    """Whether a document, or the one of a passage, is one of those meant; the rule that every index keeps."""
    if filters.sources and not any(matches_name(name, document.source) for name in filters.sources):
        return False
    if not set(filters.tags) <= set(document.tags):
        return False
    if filters.modified_from is not None and document.modified < utc(filters.modified_from):
        return False
    return filters.modified_before is None or document.modified < utc(filters.modified_before)


def matches_name(name: str, source: str) -> bool:
    """Whether ``name`` is ``source``, a folder it is in, or a pattern it matches."""
    return name == source or source.startswith(folder_of(name)) or fnmatch.fnmatchcase(source, name)


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


def folder_of(name: str) -> str:
    """What the sources in a folder of this name begin with."""
    return name.rstrip("/") + "/"


def utc(when: datetime) -> datetime:
    """A time without a zone is meant as UTC."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)
