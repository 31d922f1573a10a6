"""A knowledge base in a folder: the data in Milvus Lite, and beside it what is made from them.

===============  ==================================================================================
``milvus.db/``   the data: passages and vectors. Milvus Lite reads all of it when it opens it
                 (``lite_files``)
``NAME.index/``  the full-text index, which has the passages too (``fulltext``)
``NAME.ledger``  the list of documents (``ledger``)
``NAME.stamp``   that these agree, and what the files of the data were (``stamp``)
===============  ==================================================================================

As long as they agree, Milvus Lite is opened for vectors and for changes only. It lets one process in; any
number of them may read the rest meanwhile, as of the last change that was finished.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ...addresses import without_credentials
from ...private import make_private
from ..errors import (
    KnowledgeDamagedError,
    KnowledgeError,
    KnowledgeLockedError,
    KnowledgeNotFoundError,
    Remedy,
)
from ..filters import check_filters
from ..values import Document, FilterCheck, Filters
from .backend import Backend
from .checksum import checksum_of
from .collection import Collection, Consistency, Hit, keys_of, rebuilt
from .conditions import condition_of
from .full_disk import telling_full_disk
from .fulltext import FullText, FullTextWriter
from .ledger import Ledger
from .lexical import search_terms, title_terms
from .lite_files import LiteFiles, Manifest, check_files, data_version, holds_rows, read_files
from .lite_rows import rows_in_files
from .milvus import connect, data_folder, load_pymilvus
from .replacing import finish_replacing
from .schema import CollectionConfig, Metric, Row
from .stamp import Stamp

__all__ = ["FolderStore", "Indexing", "check_folder", "forget_derived"]

Indexing = Callable[[int, int], None]
"""Called with the passages indexed and those there are, when an index is made anew and that takes a while."""

_QUIET = 1.0
"""Seconds that an index may take without a word."""
_BATCH = 500
_MANY = 2_000
"""Passages that are read faster from the files of the data than from Milvus Lite by their keys."""


@dataclass(frozen=True)
class _View:
    """What a stamp vouches for."""

    stamp: Stamp
    identity: tuple[int, int, int]
    """Of the stamp's file: each change of the base makes a new one."""
    index: FullText


@cache
def _writing_lock(folder: Path) -> threading.Lock:
    """Held by the thread of this process that changes the base in ``folder``."""
    return threading.Lock()


class FolderStore:
    """Opens Milvus Lite only where it has to."""

    full_text = True

    def __init__(self, uri: str, name: str, indexing: Indexing | None) -> None:
        data = data_folder(uri)
        finish_replacing(data, name)
        _require(data, name)
        self.name = name
        self._uri = uri
        self._folder = data.parent
        self._data_files = data / "collections" / name
        self._index_folder = self._folder / f"{name}.index"
        self._ledger_path = self._folder / f"{name}.ledger"
        self._stamp_path = self._folder / f"{name}.stamp"
        self._ledger = Ledger(self._ledger_path)
        self._indexing = indexing
        self._opening = threading.RLock()
        self._collection: Collection | None = None
        self._checked = self._older = False
        """Whether the data were found older than the stamp: somebody has put a copy in their place."""
        self._view: _View | None = None
        self._documents: tuple[_View, dict[str, Document]] | None = None
        try:
            with telling_full_disk(self._folder):
                self.config = self._current().stamp.config
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls,
        uri: str,
        name: str,
        *,
        token: str | None = None,
        indexing: Indexing | None = None,
        consistency: Consistency = "Session",
    ) -> FolderStore:
        """Open a collection.

        Args:
            uri: the folder.
            name: the collection.
            token: means nothing here.
            indexing: told when the index is made anew.
            consistency: means nothing here.

        Raises:
            KnowledgeNotFoundError: there is none.
            KnowledgeLockedError: another process has the folder open, and without the data nothing is known.
            KnowledgeDamagedError: the data are damaged, and without them nothing is known.
            KnowledgeError: it is no knowledge base of a format that is read here.
        """
        return cls(uri, name, indexing)

    @classmethod
    def create(
        cls,
        uri: str,
        name: str,
        *,
        token: str | None = None,
        embedding: str,
        dimension: int,
        metric: Metric = "cosine",
        consistency: Consistency = "Session",
    ) -> FolderStore:
        """Make an empty collection. ``dimension`` is 0 for one without embedding."""
        with telling_full_disk(data_folder(uri).parent):
            connection = connect(uri)
            try:
                address = without_credentials(uri)
                Collection.create(
                    connection,
                    uri=address,
                    name=name,
                    embedding=embedding,
                    dimension=dimension,
                    metric=metric,
                )
                forget_derived(uri, name)
                return cls(uri, name, None)
            finally:
                connection.close()

    @property
    def backend_name(self) -> str:
        """Which Milvus it is, for people."""
        return Backend.of(f"milvus_lite-{version('milvus-lite')}").name

    def documents(self) -> Mapping[str, Document]:
        """Every document by source, in order."""
        return self._listed(self._current())

    def document(self, source: str) -> Document | None:
        """The document of that name."""
        return self._current().index.document(source)

    def passages(self, document: Document, first: int = 1, last: int | None = None) -> list[Row]:
        """The passages of a document that hold lines ``first`` to ``last``, in order."""
        return [
            row
            for row in self._current().index.rows(document.source)
            if row["end_line"] >= first and (last is None or row["start_line"] <= last)
        ]

    def missing(self) -> tuple[str, ...]:
        """The documents that the list has and the data lack."""
        return self._current(check=True).stamp.missing

    def languages(self) -> Mapping[str, float] | None:
        """The languages of the passages with the share each has."""
        return self._current().index.languages()

    def counts(self) -> tuple[int, int]:
        """How many documents there are, and how many passages."""
        documents = self.documents().values()
        return len(documents), sum(each.passages for each in documents)

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave, and which of their names mean nothing."""
        return check_filters(filters, self.documents())

    def terms(self, query: str) -> str:
        """The words of a query as the passages have them."""
        return search_terms(query, held=self.languages())

    def search_lexical(self, terms: Sequence[str], limit: int, filters: Filters | None) -> list[list[Hit]]:
        """BM25 search; one list of hits for each string of terms."""
        index = self._current().index
        return [index.search(each, limit, filters, self.documents) for each in terms]

    def search_dense(
        self, vectors: Sequence[Sequence[float]], limit: int, filters: Filters | None
    ) -> list[list[Hit]]:
        """Search by the embedding; one list of hits for each vector."""
        condition = condition_of(filters, self.documents) if filters else ""
        return self._data().search_dense(vectors, limit, condition)

    @contextmanager
    def writing(self) -> Generator[_FolderWriting]:
        """Change the base; readers see it as it was until the change is finished.

        Raises:
            KnowledgeLockedError: another process is changing it, or has its vectors open.
            KnowledgeDamagedError: the data are damaged.
            DiskFullError: there is no room for that.
        """
        with telling_full_disk(self._folder), _writing_lock(self._index_folder):
            view = self._current(check=True, writing=True)
            self._check()
            with view.index.writing() as writer:
                changes = _FolderWriting(view, self._listed(view), self._ledger, self._data, writer)
                try:
                    yield changes
                finally:
                    if changes.begun:
                        self._view = None
                        if changes.finished:
                            stamp = view.stamp
                            self._view = self._sign(
                                stamp.config, changes.missing, index=stamp.index, files=stamp.files
                            )

    def release(self) -> None:
        """Let go of Milvus; it is opened again when it is needed."""
        self.close()

    def close(self) -> None:
        """Let go of Milvus. Safe to call twice."""
        with self._opening:
            if self._collection is not None:
                self._collection.close()
                self._collection = None
                self._sign_files()
            self._checked = False

    def _data(self) -> Collection:
        with self._opening:
            if self._collection is None:
                self._check()
                with _telling_damage(self._data_files):
                    connection = connect(self._uri)
                    try:
                        self._collection = Collection.open(connection, uri=self._uri, name=self.name)
                    except BaseException:
                        connection.close()
                        raise
            return self._collection

    def _check(self) -> None:
        """Compare the files of the data with what is known of them, once until they are let go of."""
        with self._opening:
            if not self._checked:
                stamp = self._view.stamp if self._view else Stamp.read(self._stamp_path)
                self._older = check_files(self._data_files, stamp.files if stamp else LiteFiles())
                self._checked = True

    def _listed(self, view: _View) -> dict[str, Document]:
        with self._opening:
            if self._documents is None or self._documents[0] is not view:
                gone = set(view.stamp.missing)
                intact = checksum_of(self._ledger_path) == view.stamp.ledger
                listed = self._ledger.read() if intact else view.index.documents()
                self._documents = view, {name: each for name, each in listed.items() if name not in gone}
            return self._documents[1]

    def _current(self, *, check: bool = False, writing: bool = False) -> _View:
        """What can be relied on.

        Args:
            check: look whether the data have changed since, and raise what keeps list and index from being
                brought up to date; else only look whether there is a new stamp, and do with what it says.
            writing: the caller holds the writing lock.
        """
        with self._opening:
            view, new = self._view, False
            if view is None or view.identity != self._identity():
                view, new = self._read(), True
            if view is None or ((check or new) and not self._agrees(view)):
                view = self._mended(view, strict=check, writing=writing)
            self._view = view
            return view

    def _identity(self) -> tuple[int, int, int] | None:
        try:
            found = self._stamp_path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> _View | None:
        """What the stamp vouches for, if the index is what the stamp says."""
        identity, stamp = self._identity(), Stamp.read(self._stamp_path)
        if identity is None or stamp is None or not FullText.intact(self._index_folder, stamp.index):
            return None
        try:
            return _View(stamp, identity, FullText(self._index_folder))
        except (
            KnowledgeError
        ):  # tantivy's own lists, which no stamp vouches for, are damaged: it is made anew
            return None

    def _agrees(self, view: _View) -> bool:
        stamp = view.stamp
        return stamp.data == data_version(self._data_files) and stamp.ledger == checksum_of(self._ledger_path)

    def _mended(self, view: _View | None, *, strict: bool, writing: bool) -> _View:
        """Bring list and index to what the data are; while somebody is writing, what was before."""
        lock = _writing_lock(self._index_folder)
        if not writing and not lock.acquire(blocking=view is None):
            assert view is not None
            return view
        try:
            return self._mend(view)
        except KnowledgeError as error:
            # Such as a full disk: what the last change left is whole, and good to read.
            locked = isinstance(error, KnowledgeLockedError) and not writing
            if view is None or (strict and not locked):
                raise
            return view
        finally:
            if not writing:
                lock.release()

    def _mend(self, view: _View | None) -> _View:
        data = self._data()
        with _telling_damage(self._data_files):
            complete = self._newest(data, data.repair())
            data.flush()
        index = view.index if view else FullText.create(self._index_folder)
        have = index.documents()
        stale = [name for name, each in have.items() if complete.get(name) != each]
        new = [each for name, each in complete.items() if have.get(name) != each]
        if stale or new:
            with index.writing() as writer:
                writer.delete(stale)
                with _telling_damage(self._data_files):
                    self._index(data, new, writer)
                writer.commit()
        listed = self._ledger.read()
        lost = {name: each for name, each in listed.items() if name not in complete}
        if listed != {**lost, **complete}:
            self._ledger.write({**lost, **complete})
        stamp = view.stamp if view else Stamp.read(self._stamp_path)
        self._older = False
        return self._sign(
            data.config,
            tuple(sorted(lost)),
            index=view.stamp.index if view else {},
            files=stamp.files if stamp else LiteFiles(),
        )

    def _newest(self, data: Collection, complete: dict[str, Document]) -> dict[str, Document]:
        """Of data that are older than the list, the documents that the list still has."""
        listed = self._ledger.read() if self._older else {}
        if not listed:
            return complete
        kept = {
            name: each
            for name, each in complete.items()
            if name in listed and each.added >= listed[name].added
        }
        data.delete([each for name, each in complete.items() if name not in kept])
        return kept

    def _index(self, data: Collection, documents: Sequence[Document], writer: FullTextWriter) -> None:
        began, done, total = time.monotonic(), 0, sum(each.passages for each in documents)
        batch: list[Row] = []
        for row in self._stored(documents) if total > _MANY else data.rows_of(documents):
            batch.append(row)
            if len(batch) == _BATCH:
                writer.add(batch, _title_terms)
                done += len(batch)
                batch = []
                if self._indexing is not None and time.monotonic() - began > _QUIET:
                    self._indexing(done, total)
        writer.add(batch, _title_terms)

    def _stored(self, documents: Sequence[Document]) -> Iterator[Row]:
        """The passages of documents, which Milvus Lite has written to its files."""
        wanted = {key for each in documents for key in keys_of(each)}
        rows = rows_in_files(self._data_files, lambda: Manifest.read(self._data_files).files)
        return (row for row in rows if row["passage_id"] in wanted)

    def _sign(
        self, config: CollectionConfig, missing: Sequence[str], *, index: Mapping[str, int], files: LiteFiles
    ) -> _View:
        """Vouch for what there is now, as far as its files are not the ``index`` and ``files`` known."""
        for folder in (data_folder(self._uri), self._index_folder):
            make_private(folder)
        stamp = Stamp(
            config=config,
            data=data_version(self._data_files),
            ledger=checksum_of(self._ledger_path),
            index=FullText.checksums(self._index_folder, index),
            missing=tuple(missing),
            files=read_files(self._data_files, files),
        )
        stamp.write(self._stamp_path)
        identity = self._identity()
        assert identity is not None
        return _View(stamp, identity, FullText(self._index_folder))

    def _sign_files(self) -> None:
        """Vouch for what Milvus Lite has made of the same rows since: merged files, indexes."""
        view = self._view
        if view is None or view.identity != self._identity() or not self._agrees(view):
            return
        try:
            files = read_files(self._data_files, view.stamp.files)
            make_private(data_folder(self._uri))
            if files != view.stamp.files:
                replace(view.stamp, files=files).write(self._stamp_path)
                self._view = None
        except KnowledgeError:
            return  # whoever opens the base the next time is told


class _FolderWriting:
    """Writes to the data and to the index, which shows it when all is finished.

    The order is what a kill at any moment is survived by: the list never claims what may not be there, and
    the stamp is written last.
    """

    def __init__(
        self,
        view: _View,
        known: Mapping[str, Document],
        ledger: Ledger,
        data: Callable[[], Collection],
        writer: FullTextWriter,
    ) -> None:
        self.known = known
        gone = view.stamp.missing
        self.lost: Mapping[str, Document] = (
            {name: each for name, each in ledger.read().items() if name in gone} if gone else {}
        )
        self.missing = gone
        self.begun = False
        self.finished = False
        self._ledger = ledger
        self._data = data
        self._writer = writer
        self._replaced: set[str] = set()

    def write(self, rows: Sequence[Row]) -> None:
        """Store passages, the record of a document last."""
        if not rows:
            return
        self.begun = True
        self._data().write(rows)
        new = {row["source"] for row in rows} - self._replaced
        self._writer.delete(new & self.known.keys())
        self._replaced |= new
        self._writer.add(rows, _title_terms)

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Delete passages of a document that was written anew."""
        if keys:
            self._data().delete_ids(keys)

    def finish(
        self, *, removed: Sequence[Document], written: Sequence[Document], missing: Mapping[str, Document]
    ) -> None:
        """Delete what has gone and let the rest be seen."""
        gone = {each.source for each in removed}
        kept = {name: each for name, each in self.known.items() if name not in gone}
        if missing != self.lost or removed:
            self.begun = True
            self._ledger.write({**missing, **kept})
        if removed or written:
            data = self._data()
            data.delete(removed)
            data.flush()
            self._writer.delete(gone)
            self._writer.commit()
            after = {**missing, **kept, **{each.source: each for each in written}}
            self._ledger.write(dict(sorted(after.items())))
        self.missing = tuple(sorted(missing))
        self.finished = True


def forget_derived(uri: str, name: str) -> None:
    """Let the list and the index of a collection be made anew when it is opened the next time.

    Raises:
        KnowledgeError: the system does not let us.
    """
    stamp = data_folder(uri).parent / f"{name}.stamp"
    try:
        stamp.unlink(missing_ok=True)
    except OSError as error:
        raise KnowledgeError(f"{stamp} cannot be removed: {error.strerror or error}") from error


def check_folder(uri: str, name: str) -> None:
    """See that the files of a collection are what they were, before anything else opens it.

    Raises:
        KnowledgeNotFoundError: there is none.
        KnowledgeDamagedError: they are not.
    """
    data = data_folder(uri)
    finish_replacing(data, name)
    _require(data, name)
    stamp = Stamp.read(data.parent / f"{name}.stamp")
    if (data / "collections" / name).is_dir():
        check_files(data / "collections" / name, stamp.files if stamp else LiteFiles())


def _require(data: Path, name: str) -> None:
    """See that there is a collection, or that there never was one."""
    collections = data / "collections"
    if any((collections / each / "schema.json").exists() for each in (name, rebuilt(name))):
        return
    folder = data.parent
    known = folder.is_dir() and (
        Stamp.read(folder / f"{name}.stamp") or Ledger(folder / f"{name}.ledger").read()
    )
    if known or holds_rows(collections / name):
        gone = collections / name / "schema.json" if collections.is_dir() else data
        raise KnowledgeDamagedError(gone, "it is missing")
    raise KnowledgeNotFoundError(f"nothing in {folder} yet; add documents", remedy=Remedy("add"))


@contextmanager
def _telling_damage(files: Path) -> Generator[None]:
    """What Milvus Lite cannot read, as an error that says what helps."""
    try:
        yield
    except KnowledgeError as error:
        if isinstance(error.__cause__, load_pymilvus().MilvusException):
            raise KnowledgeDamagedError(files, f"Milvus Lite cannot read it ({error})") from error
        raise


def _title_terms(row: Row) -> str:
    return title_terms(row["title"], row["metadata"].get("language"))
