"""Bringing files into a knowledge base."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from .collection import VARCHAR_BYTES, Collection, passage_id
from .embeddings import Embedder
from .errors import NoTextError, UnreadableError
from .lexical import document_language, document_terms
from .loaders import Loaded, load
from .passages import split_passages
from .raw import Item, Raw
from .sources import plan
from .values import AddReport, Document, Progress, Skipped

__all__ = ["Adding"]

_BATCH = 256
"""Passages embedded and written at a time."""


class Adding:
    """One ``add``: a document is written whole before its old version is deleted."""

    def __init__(
        self,
        collection: Collection,
        embedder: Embedder | None,
        progress: Callable[[Progress], None] | None,
        tags: Sequence[str] = (),
    ) -> None:
        self._collection = collection
        self._embedder = embedder
        self._progress = progress
        self._tags = tuple(sorted(set(tags)))
        self._rows: list[dict[str, Any]] = []
        self._replaced: list[Document] = []
        self._written = 0

    def run(self, paths: Sequence[str | Path]) -> AddReport:
        """Add files and folders.

        Raises:
            PathNotFoundError: a path does not exist; nothing was written.
        """
        began, since = time.monotonic(), datetime.now(UTC)
        self._collection.repair()
        known = self._collection.documents()
        work = plan(paths, known)
        added: list[str] = []
        changed: list[str] = []
        unchanged: list[str] = []
        skipped = list(work.skipped)
        kept: set[str] = set()
        for done, item in enumerate(work.found, 1):
            old = known.get(item.source)
            given = self._tags or (old.given_tags if old else ())
            try:
                raw = item.read()
                if old is not None and (old.sha256, old.given_tags) == (raw.sha256, given):
                    unchanged.append(item.source)
                else:
                    self._take(item, raw, load(raw), old, since, given)
                    (added if old is None else changed).append(item.source)
                kept.add(item.source)
            except UnreadableError as error:
                kept.add(item.source)
                skipped.append(Skipped(source=item.source, reason=str(error)))
            except NoTextError as error:
                skipped.append(Skipped(source=item.source, reason=str(error)))
            self._tell(done, len(work.found), item.source)
        self._write()
        asked = {item.source for item in work.found}
        removed = [
            each
            for each in known.values()
            if each.source not in kept and (each.source in asked or work.misses(each))
        ]
        self._collection.delete(removed)
        if self._written or removed:
            self._collection.settle(self._written, since)
        return AddReport(
            added=tuple(sorted(added)),
            changed=tuple(sorted(changed)),
            unchanged=tuple(sorted(unchanged)),
            removed=tuple(sorted(each.source for each in removed)),
            skipped=tuple(sorted(skipped, key=lambda each: each.source)),
            passages=self._written,
            seconds=time.monotonic() - began,
        )

    def _take(
        self,
        item: Item,
        raw: Raw,
        loaded: Loaded,
        old: Document | None,
        since: datetime,
        given_tags: tuple[str, ...],
    ) -> None:
        self._rows.extend(_rows(item, raw, loaded, since, given_tags))
        if old is not None:
            self._replaced.append(old)
        if len(self._rows) >= _BATCH:
            self._write()

    def _write(self) -> None:
        for start in range(0, len(self._rows) if self._embedder else 0, _BATCH):
            self._embed(self._rows[start : start + _BATCH])
        self._collection.write(self._rows)
        self._collection.delete(self._replaced)
        self._written += len(self._rows)
        self._rows, self._replaced = [], []

    def _embed(self, rows: Sequence[dict[str, Any]]) -> None:
        assert self._embedder is not None
        texts = [f"{row['heading'] or row['title']}\n{row['text']}" for row in rows]
        for row, vector in zip(rows, self._embedder.documents(texts), strict=True):
            row["dense"] = vector

    def _tell(self, done: int, total: int, source: str) -> None:
        if self._progress is not None:
            self._progress(
                Progress(
                    done_files=done,
                    total_files=total,
                    passages=self._written + len(self._rows),
                    source=source,
                )
            )


def _rows(
    item: Item, raw: Raw, loaded: Loaded, since: datetime, given_tags: tuple[str, ...]
) -> list[dict[str, Any]]:
    chunks = split_passages(loaded.text, kind=loaded.kind)
    common = {
        "added": since.timestamp(),
        "modified": raw.modified.timestamp(),
        "path": item.path,
        "tags": sorted({*given_tags, *_own_tags(loaded)}),
        "front_matter": loaded.front_matter,
    }
    language = document_language(loaded.text)
    record = {"passages": len(chunks), "root": item.root, "given_tags": given_tags}
    return [
        {
            "passage_id": passage_id(item.source, raw.sha256, ordinal),
            "source": item.source,
            "title": loaded.title,
            "heading": chunk.heading,
            "start_line": chunk.start_line,
            "end_line": chunk.end_line,
            "total_lines": chunks[-1].end_line,
            "ordinal": ordinal,
            "text": chunk.text,
            "lexical": _terms(f"{loaded.title}\n{chunk.heading}\n{chunk.text}", language),
            "document_sha256": raw.sha256,
            "metadata": {**common, **({} if ordinal else record)},
        }
        for ordinal, chunk in enumerate(chunks)
    ]


def _own_tags(loaded: Loaded) -> list[str]:
    """The tags that a document gives itself."""
    tags = loaded.front_matter.get("tags", [])
    if isinstance(tags, str):
        tags = tags.split(",")
    return [str(tag).strip() for tag in cast(list[object], tags)] if isinstance(tags, list) else []


def _terms(text: str, language: str | None) -> str:
    """The search terms of a passage, as many as fit."""
    return document_terms(text, language=language).encode()[:VARCHAR_BYTES].decode(errors="ignore")
