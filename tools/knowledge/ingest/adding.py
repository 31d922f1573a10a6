"""Bringing documents into a knowledge base."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ..errors import NoTextError, UnreadableError
from ..models.embeddings import Embedder
from ..store.store import Store, Writing
from ..values import AddReport, Document, Progress, Skipped
from .loaders.registry import is_registered
from .prefetch import Pipeline
from .preparing import Outcome, Prepared, failed, is_same, prepare
from .restoring import find_again
from .sources.item import Item
from .sources.planning import Plan, plan
from .sources.texts import plan_texts
from .workers import Batch, Underway, Workers, in_order, underway_now

__all__ = ["Adding"]

_BATCH = 128
"""Passages embedded and written at a time."""


_STORED = frozenset({"added", "changed", "unchanged"})


class Adding:
    """One ``add``: a document is written whole before its old version is deleted.

    Reading and cutting, embedding, and writing go on at the same time, each in a thread; the first two in the
    workers, where there are some. An ``add`` writes in the caller's thread alone, so nothing is written any
    more once it has ended or failed.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        progress: Callable[[Progress], None] | None,
        tags: Sequence[str] = (),
        *,
        workers: Workers | None = None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._progress = progress
        self._tags = tuple(sorted(set(tags)))
        self._workers = workers
        self._written = 0
        self._since = datetime.now(UTC)

    def run(
        self,
        paths: Sequence[str | Path],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        changed: Set[str] | None = None,
        away: Sequence[str] = (),
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
                lambda names: plan(
                    paths, names, include=include, exclude=exclude, away=away, on_download=told
                ),
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
        outcomes += [Outcome(source, "unchanged") for source in still]
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

    def _bring(self, changes: Writing, tagged: Sequence[tuple[Item, tuple[str, ...]]]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        with Pipeline() as pipeline:
            batches = pipeline.ahead(self._read(pipeline.until_stopped(tagged), changes.known))
            embed = self._embed if self._workers is None else self._workers.embed
            for batch in pipeline.ahead(embed(batches)):
                changes.write(batch.rows)
                changes.delete_keys([key for each in batch.outcomes for key in each.stale])
                self._written += len(batch.rows)
                for outcome in batch.outcomes:
                    outcomes.append(outcome)
                    self._tell(len(outcomes), len(tagged), outcome.source)
        return outcomes

    def _read(
        self, tagged: Iterable[tuple[Item, tuple[str, ...]]], known: Mapping[str, Document]
    ) -> Iterator[Batch]:
        batch = Batch([], [])
        for rows, outcome in in_order(self._prepare(tagged, known)):
            # The record goes last, with the outcome: a long document spans several batches.
            for row in [*rows[1:], *rows[:1]]:
                if len(batch.rows) == _BATCH:
                    yield batch
                    batch = Batch([], [])
                batch.rows.append(row)
            batch.outcomes.append(outcome)
            if len(batch.outcomes) == _BATCH:
                yield batch
                batch = Batch([], [])
        yield batch

    def _prepare(
        self, tagged: Iterable[tuple[Item, tuple[str, ...]]], known: Mapping[str, Document]
    ) -> Iterator[Underway[Prepared]]:
        for item, tags in tagged:
            old = known.get(item.source)
            try:
                raw = item.read()
            except (UnreadableError, NoTextError) as error:
                yield underway_now(([], failed(item, error)))
                continue
            if item.metadata is None and is_same(item, raw, old, tags):
                yield underway_now(([], Outcome(item.source, "unchanged")))
            elif self._workers is None or is_registered(raw.name):
                yield underway_now(prepare(item, raw, old, tags, self._since))
            else:
                yield self._workers.prepare(item, raw, old, tags, self._since)

    def _tags_for(self, item: Item, old: Document | None) -> tuple[str, ...]:
        """A file that is added again without tags keeps those it has."""
        if self._tags or item.metadata is not None or old is None:
            return self._tags
        return old.given_tags

    def _embed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if self._embedder is not None:
                self._embedder.embed(batch.rows)
            yield batch

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


def _sources(outcomes: Iterable[Outcome], kind: str, *, without: Set[str] = frozenset()) -> tuple[str, ...]:
    return tuple(sorted(each.source for each in outcomes if each.kind == kind and each.source not in without))
