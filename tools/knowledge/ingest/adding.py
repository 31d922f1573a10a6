"""Bringing documents into a knowledge base."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from ..errors import NoTextError, UnreadableError
from ..models.embeddings import Embedder
from ..store.collection import document_of, keys_of, passage_id
from ..store.lexical import document_language, passage_terms
from ..store.schema import HEADING_BYTES, TITLE_BYTES, Metadata, Row, clip
from ..store.store import Store, Writing
from ..values import AddReport, Document, Progress, Skipped
from .loaders import Loaded, load
from .passages import Chunk, split_passages
from .prefetch import Pipeline
from .restoring import find_again
from .sources.item import Item, RawDocument
from .sources.planning import Plan, plan
from .sources.texts import plan_texts

__all__ = ["Adding"]

_BATCH = 128
"""Passages embedded and written at a time."""


_STORED = frozenset({"added", "changed", "unchanged"})


@dataclass(frozen=True)
class _Outcome:
    """What became of one document."""

    source: str
    kind: Literal["added", "changed", "unchanged", "unreadable", "unfit"]
    new: Document | None = None
    """As it is stored now, if it was written."""
    stale: Sequence[str] = ()
    """The keys of its old version that the new one does not have."""
    reason: str = ""


@dataclass(frozen=True)
class _Batch:
    """Passages to write, and the documents that are complete with them."""

    rows: list[Row]
    outcomes: list[_Outcome]


class Adding:
    """One ``add``: a document is written whole before its old version is deleted.

    Reading and cutting, embedding, and writing go on at the same time, each in a thread. An ``add`` writes in
    the caller's thread alone, so nothing is written any more once it has ended or failed.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        progress: Callable[[Progress], None] | None,
        tags: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._progress = progress
        self._tags = tuple(sorted(set(tags)))
        self._written = 0
        self._since = datetime.now(UTC)

    def run(
        self,
        paths: Sequence[str | Path],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        changed: Set[str] | None = None,
    ) -> AddReport:
        """Add what ``paths`` lead to, as :func:`.sources.plan` finds it, and what the base has lost.

        Raises:
            PathNotFoundError: a path does not exist; nothing was written.
            KnowledgeError: a pattern cannot be understood; nothing was written.
        """
        told = self._tell_download
        with self._store.writing() as changes:
            return self._run(
                changes,
                lambda names: plan(paths, names, include=include, exclude=exclude, on_download=told),
                changed,
            )

    def run_texts(self, texts: Mapping[str, str], metadata: Mapping[str, object]) -> AddReport:
        """Add texts by name, and what the base has lost. Their tags are those that are given now.

        Raises:
            KnowledgeError: one of the names is that of a file's document; nothing was written.
        """
        with self._store.writing() as changes:
            return self._run(changes, lambda names: plan_texts(texts, names, metadata))

    def _run(
        self,
        changes: Writing,
        planned: Callable[[Mapping[str, Document]], Plan],
        changed: Set[str] | None = None,
    ) -> AddReport:
        began = time.monotonic()
        known, lost = changes.known, changes.lost
        # A lost document keeps its name, and others keep away from it.
        names = {**lost, **known}
        with ExitStack() as open_sources:
            work = open_sources.enter_context(planned(names))
            asked = {item.source for item in work.found}
            lost = {name: each for name, each in lost.items() if not work.misses(each)}
            again = find_again(
                {name: each for name, each in lost.items() if name not in asked}, names, open_sources
            )
            tagged = [(item, self._tags_for(item, names.get(item.source))) for item in work.found]
            tagged += [(item, lost[item.source].given_tags) for item in again]
            still = {
                item.source
                for item, tags in tagged
                if changed is not None and _is_as_it_was(item, tags, known, changed)
            }
            outcomes = self._bring(changes, [each for each in tagged if each[0].source not in still])
        outcomes += [_Outcome(source, "unchanged") for source in still]
        stored = {each.source for each in outcomes if each.kind in _STORED}
        kept = stored | {each.source for each in outcomes if each.kind == "unreadable"}
        unfit = {each.source for each in outcomes} - kept
        removed = [
            each
            for each in known.values()
            if each.source not in kept and (each.source in asked or work.misses(each))
        ]
        missing = {name: each for name, each in lost.items() if name not in stored | unfit}
        written = [each.new for each in outcomes if each.new is not None]
        changes.finish(removed=removed, written=written, missing=missing)
        restored = stored & {item.source for item in again}
        skipped = [
            *work.skipped,
            *(Skipped(source=each.source, reason=each.reason) for each in outcomes if each.reason),
        ]
        return AddReport(
            added=_sources(outcomes, "added", without=restored),
            changed=_sources(outcomes, "changed"),
            unchanged=_sources(outcomes, "unchanged"),
            removed=tuple(sorted(each.source for each in removed)),
            skipped=tuple(sorted(skipped, key=lambda each: each.source)),
            restored=tuple(sorted(restored)),
            missing=tuple(sorted(missing)),
            passages=self._written,
            seconds=time.monotonic() - began,
        )

    def _bring(self, changes: Writing, tagged: Sequence[tuple[Item, tuple[str, ...]]]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        with Pipeline() as pipeline:
            batches = pipeline.ahead(self._read(pipeline.until_stopped(tagged), changes.known))
            for batch in pipeline.ahead(map(self._embed, batches)):
                changes.write(batch.rows)
                changes.delete_keys([key for each in batch.outcomes for key in each.stale])
                self._written += len(batch.rows)
                for outcome in batch.outcomes:
                    outcomes.append(outcome)
                    self._tell(len(outcomes), len(tagged), outcome.source)
        return outcomes

    def _read(
        self, tagged: Iterable[tuple[Item, tuple[str, ...]]], known: Mapping[str, Document]
    ) -> Iterator[_Batch]:
        batch = _Batch([], [])
        for item, tags in tagged:
            rows, outcome = self._prepare(item, known.get(item.source), tags)
            # The record goes last, with the outcome: a long document spans several batches.
            for row in [*rows[1:], *rows[:1]]:
                if len(batch.rows) == _BATCH:
                    yield batch
                    batch = _Batch([], [])
                batch.rows.append(row)
            batch.outcomes.append(outcome)
            if len(batch.outcomes) == _BATCH:
                yield batch
                batch = _Batch([], [])
        yield batch

    def _prepare(self, item: Item, old: Document | None, tags: tuple[str, ...]) -> tuple[list[Row], _Outcome]:
        try:
            raw = item.read()
            # Not by its root: what was added by itself stays so when the folder around it is added.
            same = old is not None and (old.sha256, old.given_tags, old.path) == (raw.sha256, tags, item.path)
            if same and item.metadata is None:
                return [], _Outcome(item.source, "unchanged")
            loaded = load(raw)
            matter = {**loaded.front_matter, **(item.metadata or {})}
            if same and old is not None and old.front_matter == matter:
                return [], _Outcome(item.source, "unchanged")
            rows = _rows(item, raw, replace(loaded, front_matter=matter), self._since, tags)
            new = document_of(rows[0])
            if old is None:
                return rows, _Outcome(item.source, "added", new)
            # With other tags only, or in another place, a document has the keys it had.
            keys = set(keys_of(new))
            stale = [key for key in keys_of(old) if key not in keys]
            return rows, _Outcome(item.source, "changed", new, stale)
        except UnreadableError as error:
            return [], _Outcome(item.source, "unreadable", reason=str(error))
        except NoTextError as error:
            return [], _Outcome(item.source, "unfit", reason=str(error))

    def _tags_for(self, item: Item, old: Document | None) -> tuple[str, ...]:
        """A file that is added again without tags keeps those it has."""
        if self._tags or item.metadata is not None or old is None:
            return self._tags
        return old.given_tags

    def _embed(self, batch: _Batch) -> _Batch:
        if self._embedder is not None:
            self._embedder.embed(batch.rows)
        return batch

    def _tell_download(self, source: str, received: int, total: int | None) -> None:
        if self._progress is not None:
            self._progress(
                Progress(
                    done_files=0,
                    total_files=0,
                    passages=0,
                    source=source,
                    received_bytes=received,
                    total_bytes=total,
                )
            )

    def _tell(self, done: int, total: int, source: str) -> None:
        if self._progress is not None:
            self._progress(
                Progress(done_files=done, total_files=total, passages=self._written, source=source)
            )


def _is_as_it_was(
    item: Item, tags: tuple[str, ...], known: Mapping[str, Document], changed: Set[str]
) -> bool:
    """Whether a document is known, and not among what has changed."""
    old = known.get(item.source)
    if old is None or (old.path, old.given_tags) != (item.path, tags):
        return False
    file = Path(item.path.partition("!/")[0])
    return not any(str(place) in changed for place in (file, *file.parents))


def _sources(outcomes: Iterable[_Outcome], kind: str, *, without: Set[str] = frozenset()) -> tuple[str, ...]:
    return tuple(sorted(each.source for each in outcomes if each.kind == kind and each.source not in without))


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
