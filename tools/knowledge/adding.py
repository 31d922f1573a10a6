"""Bringing files into a knowledge base."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .collection import VARCHAR_BYTES, Collection, passage_id
from .documents import NoTextError, ReadDocument, UnreadableError, read_document
from .embeddings import Embedder
from .lexical import search_terms
from .passages import split_passages
from .sources import Found, plan
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
    ) -> None:
        self._collection = collection
        self._embedder = embedder
        self._progress = progress
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
        for done, found in enumerate(work.found, 1):
            old = known.get(found.source)
            try:
                read = read_document(found.path)
            except UnreadableError as error:
                kept.add(found.source)
                skipped.append(Skipped(source=found.source, reason=str(error)))
            except NoTextError as error:
                skipped.append(Skipped(source=found.source, reason=str(error)))
            else:
                kept.add(found.source)
                if old is not None and old.sha256 == read.sha256:
                    unchanged.append(found.source)
                else:
                    (added if old is None else changed).append(found.source)
                    self._take(found, read, old, since)
            self._tell(done, len(work.found), found.source)
        self._write()
        asked = {found.source for found in work.found}
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

    def _take(self, found: Found, read: ReadDocument, old: Document | None, since: datetime) -> None:
        self._rows.extend(_rows(found, read, since))
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


def _rows(found: Found, read: ReadDocument, since: datetime) -> list[dict[str, Any]]:
    chunks = split_passages(read.text, markdown=read.markdown)
    record = {
        "passages": len(chunks),
        "modified": read.modified.timestamp(),
        "path": str(found.path),
        "root": str(found.root or ""),
    }
    return [
        {
            "passage_id": passage_id(found.source, read.sha256, ordinal),
            "source": found.source,
            "title": read.title,
            "heading": chunk.heading,
            "start_line": chunk.start_line,
            "end_line": chunk.end_line,
            "total_lines": chunks[-1].end_line,
            "ordinal": ordinal,
            "text": chunk.text,
            "lexical": _terms(f"{read.title}\n{chunk.heading}\n{chunk.text}"),
            "document_sha256": read.sha256,
            "metadata": {"added": since.timestamp(), **({} if ordinal else record)},
        }
        for ordinal, chunk in enumerate(chunks)
    ]


def _terms(text: str) -> str:
    """The search terms of a passage, as many as fit."""
    return search_terms(text).encode()[:VARCHAR_BYTES].decode(errors="ignore")
