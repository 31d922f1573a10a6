"""Making a folder's knowledge base anew when it is damaged: from its documents, or what is left of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

from .errors import KnowledgeError, KnowledgeLockedError, KnowledgeNotFoundError, Remedy
from .ingest.adding import Adding
from .models.embedding_functions import find_embedding
from .models.embeddings import Embedder, EmbeddingFunction, spec_of
from .store.collection import document_of
from .store.folder import FolderStore, forget_derived
from .store.ledger import Ledger
from .store.lexical import passage_terms
from .store.milvus import data_folder, is_server
from .store.remains import Remains
from .store.replacing import exclusively, finish_replacing, replace_collection, workshop
from .store.schema import Metric, Row
from .values import Document, Progress, Recovered

__all__ = ["rebuild_from_sources"]

_BATCH = 128
"""Passages embedded and written at a time."""


def rebuild_from_sources(
    uri: str | Path,
    *,
    collection: str = "documents",
    embedding: str | EmbeddingFunction | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Recovered:
    """Make the knowledge base of a folder anew, also one that cannot be opened any more.

    Each of its documents is read again from where it came, under its name and with its tags; one that cannot
    be read there is taken from its stored passages, if these are whole. The old base stays until the new one
    is complete, and is kept aside if anything is missing from that. Interrupted at any moment, nothing is
    lost, and the next try goes on.

    Args:
        uri: the folder.
        collection: its name there.
        embedding: what it is to be embedded with; None takes what it was made with.
        progress: called after each document.

    Raises:
        KnowledgeNotFoundError: there is none.
        KnowledgeLockedError: another process has the folder open.
        EmbeddingError: the embedding cannot be loaded, or failed; the base is as it was.
        KnowledgeError: it is on a server, or nothing tells which documents it held.
    """
    if is_server(str(uri)):
        raise KnowledgeError("only a knowledge base in a folder can be made anew from its documents")
    data = data_folder(str(uri))
    finish_replacing(data, collection)
    if not data.parent.is_dir():
        raise KnowledgeNotFoundError(f"no knowledge base in {data.parent}")
    with exclusively(data):
        remains = Remains(data, collection)
        if not remains.documents and not remains.certain:
            raise KnowledgeError(
                f"nothing in {data.parent} tells which documents it held: set the folder aside and add the "
                "documents again",
                remedy=Remedy("add"),
            )
        spec = embedding or (remains.config.embedding if remains.config else "auto")
        made = workshop(data, collection)
        embedder = _embedder(spec)
        metric = remains.config.metric if remains.config else "cosine"
        store = _begin(made, collection, embedder, metric, remains.documents)
        try:
            report = Adding(store, embedder, progress).run([])
            kept = _keep(store, embedder, remains)
            documents, missing = len(store.documents()), store.missing()
        finally:
            store.close()
        aside: Path | None = replace_collection(data, collection)
        if not missing:
            shutil.rmtree(aside)
            aside = None
    return Recovered(
        documents=documents, kept=kept, missing=missing, skipped=report.skipped, aside=aside and str(aside)
    )


def _embedder(spec: str | EmbeddingFunction) -> Embedder | None:
    given = find_embedding() if spec_of(spec) == "auto" else spec
    return None if given == "none" else Embedder(given)


def _begin(
    made: Path, name: str, embedder: Embedder | None, metric: Metric, documents: Mapping[str, Document]
) -> FolderStore:
    """The base to fill, which has lost every document that is not in it yet.

    One that was begun before is gone on with, if it is of the kind that is wanted.
    """
    spec = embedder.spec if embedder else "none"
    try:
        store = FolderStore.open(str(made), name)
        alike = (store.config.embedding, store.config.metric) == (spec, metric)
        known = store.documents() if alike else None
        store.close()
    except KnowledgeLockedError:
        raise
    except KnowledgeError:
        known = None
    if known is None:
        if made.exists():
            shutil.rmtree(made)
        dimension = embedder.dimension() if embedder else 0
        FolderStore.create(str(made), name, embedding=spec, dimension=dimension, metric=metric).close()
    Ledger(made / f"{name}.ledger").write({**documents, **(known or {})})
    forget_derived(str(made), name)
    return FolderStore.open(str(made), name)


def _keep(store: FolderStore, embedder: Embedder | None, remains: Remains) -> tuple[str, ...]:
    """Store the passages of lost documents, as far as they can still be read; returns their names."""
    if not store.missing():
        return ()
    with store.writing() as changes:
        written: list[Document] = []
        for record, *others in remains.rows(changes.lost.values()):
            rows = iter([*others, record])
            while part := [_with_terms(row) for row in islice(rows, _BATCH)]:
                if embedder is not None:
                    embedder.embed(part)
                changes.write(part)
            written.append(document_of(record))
        kept = {each.source for each in written}
        missing = {name: each for name, each in changes.lost.items() if name not in kept}
        changes.finish(removed=(), written=written, missing=missing)
    return tuple(sorted(kept))


def _with_terms(row: Row) -> Row:
    language = row["metadata"].get("language")
    terms, _ = passage_terms(row["title"], row["heading"], row["text"], language)
    return {**row, "lexical": terms}
