"""From the bytes of a document to its passages, as they are stored."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

from ..errors import NoTextError, UnreadableError
from ..store.collection import document_of, keys_of, passage_id
from ..store.lexical import document_language, passage_terms
from ..store.schema import HEADING_BYTES, TITLE_BYTES, Metadata, Row, clip
from ..values import Document
from .loaders import Loaded, load
from .passages import Chunk, split_passages
from .sources.item import Item, RawDocument

__all__ = ["Outcome", "Prepared", "failed", "is_same", "prepare"]


@dataclass(frozen=True)
class Outcome:
    """What became of one document."""

    source: str
    kind: Literal["added", "changed", "unchanged", "unreadable", "unfit"]
    new: Document | None = None
    """As it is stored now, if it was written."""
    stale: Sequence[str] = ()
    """The keys of its old version that the new one does not have."""
    reason: str = ""


Prepared = tuple[list[Row], Outcome]
"""The passages of a document that are to be written, without vectors, and what becomes of it with them."""


def failed(item: Item, error: UnreadableError | NoTextError) -> Outcome:
    """What becomes of a document that could not be had."""
    kind = "unreadable" if isinstance(error, UnreadableError) else "unfit"
    return Outcome(item.source, kind, reason=str(error))


def is_same(item: Item, raw: RawDocument, old: Document | None, tags: tuple[str, ...]) -> bool:
    """Whether a document is stored as it is, but for metadata that were given with it."""
    # Not by its root: what was added by itself stays so when the folder around it is added.
    return old is not None and (old.sha256, old.given_tags, old.path) == (raw.sha256, tags, item.path)


def prepare(
    item: Item, raw: RawDocument, old: Document | None, tags: tuple[str, ...], since: datetime
) -> Prepared:
    """Read a document and cut it.

    Args:
        item: the document.
        raw: its bytes.
        old: the version that is stored.
        tags: those that are given to it.
        since: when it is added.
    """
    try:
        loaded = load(raw)
        matter = {**loaded.front_matter, **(item.metadata or {})}
        if old is not None and is_same(item, raw, old, tags) and old.front_matter == matter:
            return [], Outcome(item.source, "unchanged")
        rows = _rows(item, raw, replace(loaded, front_matter=matter), since, tags)
    except (UnreadableError, NoTextError) as error:
        return [], failed(item, error)
    new = document_of(rows[0])
    if old is None:
        return rows, Outcome(item.source, "added", new)
    # With other tags only, or in another place, a document has the keys it had.
    keys = set(keys_of(new))
    stale = [key for key in keys_of(old) if key not in keys]
    return rows, Outcome(item.source, "changed", new, stale)


def _rows(
    item: Item, raw: RawDocument, loaded: Loaded, since: datetime, given_tags: tuple[str, ...]
) -> list[Row]:
    chunks = split_passages(loaded.text, kind=loaded.kind, outline=loaded.outline)
    language = document_language(loaded.text)
    common: Metadata = {
        "added": since.timestamp(),
        "modified": raw.modified.timestamp(),
        "path": item.path,
        "tags": sorted({*given_tags, *_own_tags(loaded)}),
        "front_matter": loaded.front_matter,
    }
    record: Metadata = {
        **common,
        "passages": len(chunks),
        "root": item.root,
        "given_tags": list(given_tags),
    }
    lines = chunks[-1].end_line if chunks else 0
    begins = [mark.line for mark in loaded.marks]

    def marked(chunk: Chunk) -> Metadata:
        first = max(0, bisect_right(begins, chunk.start_line) - 1)
        marks = loaded.marks[first : bisect_right(begins, chunk.end_line)]
        known = common if chunk is not chunks[0] else record
        return {**known, "marks": [(each.line, each.kind, each.value) for each in marks]} if marks else known

    def row(ordinal: int, chunk: Chunk) -> Row:
        terms, spoken = passage_terms(loaded.title, chunk.heading, chunk.text, language)
        return {
            "passage_id": passage_id(item.source, raw.sha256, ordinal),
            "source": item.source,
            "title": clip(loaded.title, TITLE_BYTES),
            "heading": clip(chunk.heading, HEADING_BYTES),
            "start_line": chunk.start_line,
            "end_line": chunk.end_line,
            "total_lines": lines,
            "ordinal": ordinal,
            "text": chunk.text,
            "lexical": terms,
            "document_sha256": raw.sha256,
            "metadata": {**marked(chunk), "language": spoken},
        }

    return [row(ordinal, chunk) for ordinal, chunk in enumerate(chunks)]


def _own_tags(loaded: Loaded) -> list[str]:
    """The tags that a document gives itself."""
    tags = loaded.front_matter.get("tags", [])
    if isinstance(tags, str):
        tags = tags.split(",")
    return [str(tag).strip() for tag in cast(list[object], tags)] if isinstance(tags, list) else []
