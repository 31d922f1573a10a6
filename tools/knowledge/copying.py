"""Copying a knowledge base: with another embedding or format in its place, or to another Milvus.

Both work from the stored passages; the documents' files are not needed. The copy is made under a name of its
own and takes its place when it is complete and compared, so an interruption loses nothing, and the next try
goes on where the last one stopped. Unlike an ``add``, a copy talks to Milvus from two threads: one reads, the
caller's writes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from ..addresses import without_credentials
from .errors import KnowledgeError, KnowledgeNotFoundError
from .ingest.prefetch import Pipeline
from .models.embedding_functions import find_embedding
from .models.embeddings import Embedder, EmbeddingFunction, spec_of
from .store.bulk import BulkStorage, import_files, written_files
from .store.collection import Collection, rebuilding, rebuilt
from .store.folder import FolderStore, check_folder, forget_derived
from .store.lexical import passage_terms
from .store.milvus import TIMEOUT, Connection, connect, data_folder, is_server, milvus_errors
from .store.schema import FORMAT, Metadata, Metric, Row
from .values import Copied

__all__ = ["CopyProgress", "migrate", "rebuild", "write_parquet"]

CopyProgress = Callable[[int, int], None]
"""Called with the passages copied and the passages there are."""

_BATCH = 256


def rebuild(
    uri: str | Path,
    *,
    token: str | None = None,
    collection: str = "documents",
    embedding: str | EmbeddingFunction | None = None,
    progress: CopyProgress | None = None,
) -> Copied:
    """Make a knowledge base anew from its stored passages.

    Args:
        uri: where it is.
        token: for a server.
        collection: its name there.
        embedding: what it is to be embedded with; None keeps the vectors it has.
        progress: called now and then.

    Raises:
        KnowledgeNotFoundError: there is none.
        EmbeddingError: the embedding cannot be loaded, or failed; the base is as it was.
        KnowledgeError: the base was changed meanwhile; it is as it is, and the next try goes on from here.
    """
    with _opened(uri, token, collection) as source:
        spec = None if embedding is None else spec_of(embedding)
        spec = find_embedding() if spec == "auto" else spec
        if spec is None:
            new, embedder, dimension = source.config.embedding, None, source.config.dimension
        elif spec == "none":
            new, embedder, dimension = spec, None, 0
        else:
            embedder = Embedder(spec if isinstance(embedding, str) else embedding or spec)
            new, dimension = spec, embedder.dimension()
        _reopen_finished(source)
        name, metric = rebuilding(collection), source.config.metric
        copy = _unfinished(source.connection, source.uri, name, new, dimension, metric)
        copied = _copy(source, copy, embedder, progress)
        copy.rename(rebuilt(collection))
        _forget_derived(uri, collection)
        source.drop()  # from here to the renaming there is no such collection: opening it renames it
        copy.rename(collection)
        _derive(uri, collection)
    return copied


def migrate(
    uri: str | Path,
    target: str | Path,
    *,
    token: str | None = None,
    target_token: str | None = None,
    collection: str = "documents",
    bulk: BulkStorage | None = None,
    progress: CopyProgress | None = None,
) -> Copied:
    """Copy a knowledge base to another folder or server, with its vectors.

    Args:
        uri: where it is.
        target: where it goes.
        token: for the server it is on.
        target_token: for the server it goes to.
        collection: its name, here and there.
        bulk: the object storage of the server it goes to: it is then filled from files there. What an
            interrupted try has written is written again.
        progress: called now and then.

    Raises:
        KnowledgeNotFoundError: there is none.
        KnowledgeError: the target has one of that name, or cannot search it; or the base was changed
            meanwhile, and the next try goes on from here.
    """
    with _opened(uri, token, collection) as source:
        there = connect(str(target), token=target_token)
        try:
            address = without_credentials(str(target))
            with milvus_errors(address):
                if there.client.has_collection(collection, timeout=TIMEOUT):
                    raise KnowledgeError(
                        f"{address} has a collection {collection!r} already; choose another place to copy to"
                    )
            config = source.config
            copy = _unfinished(
                there, address, f"{collection}__migrating", config.embedding, config.dimension, config.metric
            )
            if bulk is None:
                copied = _copy(source, copy, None, progress)
            else:
                copied = _copy_in_bulk(source, copy, bulk, str(target), target_token, progress)
            _forget_derived(target, collection)
            copy.rename(collection)
            _derive(target, collection)
        finally:
            there.close()
    return copied


def _forget_derived(uri: str | Path, collection: str) -> None:
    if not is_server(str(uri)):
        forget_derived(str(uri), collection)


def _derive(uri: str | Path, collection: str) -> None:
    """Make the list and the full-text index of a folder now rather than when it is opened."""
    if not is_server(str(uri)):
        FolderStore.open(str(uri), collection).close()


@contextmanager
def _opened(uri: str | Path, token: str | None, name: str) -> Generator[Collection]:
    """The base to copy, of this format or an older one."""
    address = without_credentials(str(uri))
    if not is_server(str(uri)) and not data_folder(str(uri)).exists():
        raise KnowledgeNotFoundError(f"no knowledge base in {address}; there is nothing to copy")
    if not is_server(str(uri)):
        check_folder(str(uri), name)
    connection = connect(str(uri), token=token)
    try:
        yield Collection.open(connection, uri=address, name=name, formats=range(1, FORMAT + 1))
    finally:
        connection.close()


def _reopen_finished(source: Collection) -> None:
    """Go on with a copy that was finished, but did not come to take the place of ``source``."""
    client, finished = source.connection.client, rebuilt(source.name)
    with milvus_errors(source.uri):
        if client.has_collection(finished, timeout=TIMEOUT):
            client.rename_collection(finished, rebuilding(source.name), timeout=TIMEOUT)


def _unfinished(
    connection: Connection, uri: str, name: str, embedding: str, dimension: int, metric: Metric
) -> Collection:
    """The copy that an interrupted try left, if it is of the kind that is wanted, else a new one."""
    try:
        copy = Collection.open(connection, uri=uri, name=name)
    except KnowledgeNotFoundError:
        pass
    else:
        made = copy.config
        if (made.embedding, made.dimension, made.metric) == (embedding, dimension, metric):
            return copy
        copy.drop()
    return Collection.create(
        connection, uri=uri, name=name, embedding=embedding, dimension=dimension, metric=metric
    )


def _copy(
    source: Collection, copy: Collection, embedder: Embedder | None, progress: CopyProgress | None
) -> Copied:
    """Bring ``copy`` to hold what ``source`` holds.

    Raises:
        KnowledgeError: ``source`` was changed meanwhile.
    """
    total, before, done = source.count(), copy.count(), 0
    vectors = embedder is None and copy.config.dimension > 0
    rows = _stored(source, vectors=vectors)
    stale: list[str] = []
    with Pipeline() as pipeline:
        present = pipeline.until_stopped(copy.versions())
        batches = pipeline.ahead(_batches(_missing(pipeline.until_stopped(rows), present, stale)))
        for batch in pipeline.ahead(_embedded(batches, embedder)):
            copy.write(batch)
            done += len(batch)
            if progress is not None:
                progress(min(before + done, total), total)
    copy.delete_ids(stale)
    return _compared(source, copy, done)


def write_parquet(
    uri: str | Path,
    folder: str | Path,
    *,
    token: str | None = None,
    collection: str = "documents",
    full_text: bool = True,
    progress: CopyProgress | None = None,
) -> list[list[str]]:
    """Write a knowledge base as Parquet files that a Milvus server can import.

    Args:
        uri: where it is.
        folder: where the files go; it is made if need be.
        token: for the server it is on.
        collection: its name.
        full_text: whether the server it is for has full-text search, as Milvus has from 2.5 on.
        progress: called now and then.

    Returns:
        The paths of the files, in groups as an import takes them.

    Raises:
        KnowledgeNotFoundError: there is none.
        KnowledgeError: the packages for it are missing, or a file could not be written.
    """
    with _opened(uri, token, collection) as source:
        place = Path(folder).expanduser()
        place.mkdir(parents=True, exist_ok=True)
        config = replace(source.config, full_text=full_text, format=FORMAT)
        rows = _told(_stored(source, vectors=config.dimension > 0), source.count(), progress)
        return written_files(source.connection.client, config, rows, place)


def _copy_in_bulk(
    source: Collection,
    copy: Collection,
    storage: BulkStorage,
    uri: str,
    token: str | None,
    progress: CopyProgress | None,
) -> Copied:
    total = source.count()
    rows = _told(_stored(source, vectors=copy.config.dimension > 0), total, progress)
    copy.delete_ids(list(copy.passage_ids()))
    with TemporaryDirectory(prefix="ossifrage-bulk-") as folder:
        files = written_files(copy.connection.client, copy.config, rows, Path(folder), storage)
    import_files(uri, token, copy.name, files)
    return _compared(source, copy, total)


def _told(rows: Iterator[Row], total: int, progress: CopyProgress | None) -> Iterator[Row]:
    for done, row in enumerate(rows, 1):
        yield row
        if progress is not None and done % _BATCH == 0:
            progress(min(done, total), total)


def _stored(source: Collection, *, vectors: bool) -> Iterator[Row]:
    return _upgraded(source, source.stored(vectors=vectors))


def _compared(source: Collection, copy: Collection, done: int) -> Copied:
    """What there is, once both sides are known to hold the same.

    Raises:
        KnowledgeError: ``source`` was changed meanwhile.
    """
    copy.flush()
    documents = len(copy.documents())
    # Last of all, so that what another process adds or removes meanwhile is noticed.
    if any(here != there for here, there in zip_longest(source.versions(), copy.versions())):
        raise KnowledgeError(
            f"the knowledge base {source.uri} was changed while it was copied: let nobody add or remove "
            "documents, and run it again; it will go on from here"
        )
    return Copied(passages=copy.count(), copied=done, documents=documents, backend=copy.backend.name)


def _missing(rows: Iterator[Row], present: Iterator[tuple[str, float]], stale: list[str]) -> Iterator[Row]:
    """Those ``rows`` that are not ``present``, or of another time; what is present beyond them is ``stale``.

    Both come in the order of their keys, so neither has to be held in memory.
    """
    version = next(present, None)
    for row in rows:
        while version is not None and version[0] < row["passage_id"]:
            stale.append(version[0])
            version = next(present, None)
        if version != (row["passage_id"], row["metadata"]["added"]):
            yield row
        if version is not None and version[0] == row["passage_id"]:
            version = next(present, None)
    if version is not None:
        stale.extend([version[0], *(key for key, _ in present)])


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _embedded(batches: Iterator[list[Row]], embedder: Embedder | None) -> Iterator[list[Row]]:
    for batch in batches:
        if embedder is not None:
            embedder.embed(batch)
        yield batch


def _upgraded(source: Collection, rows: Iterator[Row]) -> Iterator[Row]:
    """Rows as this program writes them, with the search terms it looks for."""
    records: dict[tuple[str, str], Metadata] = {}
    if source.config.format == 1:
        records = {(row["source"], row["document_sha256"]): row["metadata"] for row in source.records()}
    for row in rows:
        about = row["metadata"]
        terms, language = passage_terms(row["title"], row["heading"], row["text"], about.get("language"))
        if source.config.format == 1:
            record = records.get((row["source"], row["document_sha256"]))
            about = _upgraded_metadata(about, record, is_record=row["ordinal"] == 0)
        yield {**row, "lexical": terms, "metadata": {**about, "language": language}}


def _upgraded_metadata(about: Metadata, record: Metadata | None, *, is_record: bool) -> Metadata:
    """What the passages of format 2 know and those of format 1 do not."""
    upgraded: Metadata = {
        "added": about["added"],
        "modified": record["modified"] if record else 0.0,
        "path": record["path"] if record else "",
        "tags": [],
        "front_matter": {},
    }
    if is_record:
        upgraded["given_tags"] = []
    return {**upgraded, **about}
