"""KnowledgeBase: documents in, passages and lines out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ..addresses import without_credentials
from .attaching import attachment_at, attachment_of, open_attached
from .errors import (
    DocumentNotFoundError,
    EmbeddingMismatchError,
    KnowledgeError,
    KnowledgeNotFoundError,
)
from .filters import matches_name, near_names
from .ingest.adding import Adding
from .ingest.passages import join_chunks
from .models.embedding_functions import find_embedding
from .models.embeddings import Embedder, EmbeddingFunction, spec_of
from .models.rerankers import Reranker, RerankFunction
from .retrieval.searching import Searching
from .store.attached import AttachedStore
from .store.attachment import Attachment
from .store.collection import Consistency
from .store.folder import FolderStore, Indexing
from .store.milvus import is_server
from .store.schema import Metric, Row
from .store.server import ServerStore
from .store.store import Store
from .values import (
    AddReport,
    Document,
    Excerpt,
    FilterCheck,
    Filters,
    Passage,
    Progress,
    SearchMode,
    Status,
)

__all__ = ["KnowledgeBase"]


class KnowledgeBase:
    """A searchable set of documents in Milvus.

    A context manager. May be used from several threads: changes wait for each other, and a search waits for
    one batch of a change at most.

    Args:
        uri: a folder (Milvus Lite keeps its data in ``milvus.db`` there), ``http(s)://…`` for a Milvus
            server or Zilliz Cloud, a folder that stands for an attached collection, or the attachment.
        token: for a server: ``user:password`` or an API key.
        collection: the collection's name; one server can hold several knowledge bases.
        embedding: ``none``, ``auto``, a spec such as ``sentence-transformer:all-MiniLM-L6-v2`` (see
            ``embeddings``), or a pymilvus-model embedding function. It is fixed when the base is made;
            ``auto`` takes what the base was made with.
        reranker: reads the best passages of a search again together with the query: ``none``, a spec such as
            ``cross-encoder:BAAI/bge-reranker-base`` (see ``rerankers``), or a pymilvus-model reranking
            function.
        metric: what vectors are compared by: ``cosine`` or ``ip`` (inner product, for an embedding whose
            lengths mean something). Fixed when the base is made; None takes that, and cosine for a new one.
        consistency: how new what is searched on a server is at least: ``Strong``, ``Session``, ``Bounded``
            or ``Eventually``. The stronger, the longer a search waits.
        create: make the base if there is none.
        indexing: called with the passages done and those there are while the full-text index of a folder is
            made anew, which it is when it is missing, damaged or older than the data.

    Raises:
        KnowledgeNotFoundError: nothing is there and ``create`` is false.
        KnowledgeLockedError: another process has the folder open, and what it keeps beside the data is not
            enough to read without them.
        KnowledgeUnreachableError: the server does not answer.
        EmbeddingMismatchError: the base was made with another embedding.
        EmbeddingUnavailableError: a new base is to have an embedding that cannot be loaded here.
        KnowledgeError: the base has another format, or the Milvus has no full-text search and the new base
            no embedding; or there is no such embedding or reranker.
    """

    def __init__(
        self,
        uri: str | Path | Attachment = "./knowledge",
        *,
        token: str | None = None,
        collection: str = "documents",
        embedding: str | EmbeddingFunction = "auto",
        reranker: str | RerankFunction = "none",
        metric: Metric | None = None,
        consistency: Consistency = "Session",
        create: bool = True,
        indexing: Indexing | None = None,
    ) -> None:
        attached = attachment_at(uri, collection)
        address = attached.uri if attached else str(uri)
        self._uri = without_credentials(address)
        self._closed = False
        self._changing = threading.RLock()
        self._store: Store
        spec = spec_of(embedding)
        self._reranker = None if reranker == "none" else Reranker(reranker)
        if attached is not None:
            self._store, self._embedder = open_attached(attached, embedding, token=token)
            return
        kind = ServerStore if is_server(address) else FolderStore
        try:
            self._store = kind.open(
                address, collection, token=token, indexing=indexing, consistency=consistency
            )
        except KnowledgeNotFoundError:
            if not create:
                raise
            new = find_embedding() if spec == "auto" else embedding
            self._embedder = None if new == "none" else Embedder(new)
            self._store = kind.create(
                address,
                collection,
                token=token,
                embedding=self._embedder.spec if self._embedder else "none",
                dimension=self._embedder.dimension() if self._embedder else 0,
                metric=metric or "cosine",
                consistency=consistency,
            )
        else:
            made_with, dimension = self._store.config.embedding, self._store.config.dimension
            if spec not in {"auto", made_with}:
                self._store.close()
                raise EmbeddingMismatchError(
                    f"the knowledge base {self._uri} was made with {made_with!r}, not {spec!r}: open it "
                    f"with embedding auto, or change it with: ossifrage kb rebuild --embedding {spec}"
                )
            if metric not in {None, self._store.config.metric} and dimension:
                self._store.close()
                raise KnowledgeError(
                    f"the knowledge base {self._uri} compares its vectors by {self._store.config.metric}, "
                    f"not by {metric}: that is fixed when a base is made"
                )
            given = made_with if spec == "auto" else embedding
            self._embedder = Embedder(given, dimension=dimension) if dimension else None

    @classmethod
    def attach(
        cls,
        uri: str | Path,
        *,
        collection: str,
        embedding: str | EmbeddingFunction = "none",
        text: str | None = None,
        vector: str | None = None,
        source: str | None = None,
        title: str | None = None,
        token: str | None = None,
        reranker: str | RerankFunction = "none",
        remember: str | Path | None = None,
    ) -> Self:
        """Search a collection that this program did not make, as it is; it is never written to.

        Each row is a document, called by what it is from (or by the collection) and its key. Fields that are
        not named are told from the schema where it tells them; ``base.attachment.notes`` says which.

        Args:
            uri: the file of Milvus Lite, such as ``./milvus_demo.db``, or a server's address.
            collection: its name, or an alias of it.
            embedding: what its vectors were made with: a spec or a function; ``none`` searches by words only,
                which takes a full-text index in the collection.
            text: the field that is searched for and cited.
            vector: the field with the vectors.
            source: the field that says what a row is from, if there is one.
            title: the field with a title, if there is one.
            token: for a server. It is not remembered.
            reranker: as for the base.
            remember: a folder that is to stand for this collection from now on: ``KnowledgeBase(folder)``.

        Raises:
            KnowledgeNotFoundError: there is no such collection.
            KnowledgeError: a field cannot be told or does not exist, the collection is not loaded, has no
                index, or can neither be searched by words nor by vectors.
            EmbeddingMismatchError: the embedding gives vectors of another size than the collection has.
            EmbeddingError: it cannot be loaded here, or failed.
        """
        attachment = attachment_of(
            Attachment(
                uri=str(uri),
                collection=collection,
                text=text or "",
                vector=vector,
                source=source,
                title=title,
                embedding=spec_of(embedding),
            ),
            embedding,
            token=token,
        )
        if remember is not None:
            attachment.write(remember)
        return cls(attachment, token=token, embedding=embedding, reranker=reranker)

    @property
    def attachment(self) -> Attachment | None:
        """What is attached, where it is a collection of someone else's."""
        return self._store.attachment if isinstance(self._store, AttachedStore) else None

    @property
    def unlisted(self) -> int:
        """How many documents :meth:`documents` leaves out; 0 but for large attached collections."""
        store = self._open_store
        return max(0, store.counts()[0] - len(store.documents())) if self.attachment else 0

    @property
    def uri(self) -> str:
        """Where the base is, as it was given but without credentials."""
        return self._uri

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(
        self,
        paths: Sequence[str | Path],
        *,
        tags: Sequence[str] = (),
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> AddReport:
        """Bring documents up to date in the base.

        Unchanged documents are not written again, changed ones replace their old version, and documents of
        these folders, archives and sitemaps that are gone, or no longer wanted, are removed. What cannot be
        read is reported and stops nothing.

        Args:
            paths: files of any kind; folders, where what is hidden, generated, or ignored by a ``.gitignore``
                file is left out and symbolic links are not followed; zip and tar archives; and ``http(s)``
                addresses of pages, files, archives and sitemaps.
            tags: for these documents; a document that is added again without any keeps those it has.
            include: patterns in the syntax of ``.gitignore``: of folders, archives and sitemaps only what
                matches one of them is taken.
            exclude: patterns of what is left out of folders, archives and sitemaps.
            progress: called after each document, and while something large is downloaded.

        Raises:
            PathNotFoundError: a path does not exist; nothing was written.
            KnowledgeError: a pattern cannot be understood; nothing was written.
            EmbeddingError: the embedding failed; what was written until then is complete and stays.
        """
        given = [paths] if isinstance(paths, str | Path) else paths
        with self._changing:
            adding = Adding(self._open_store, self._embedder, progress, tags)
            return adding.run(given, include=include, exclude=exclude)

    def missing(self) -> tuple[str, ...]:
        """The documents that were stored and are not there any more, as far as a folder's ledger tells."""
        return self._open_store.missing()

    def repair(
        self, *, forget: bool = False, progress: Callable[[Progress], None] | None = None
    ) -> AddReport:
        """Clean up after an interruption, and read lost documents again from where they came from.

        Args:
            forget: do not look for what cannot be read again any more; else every ``add`` tries.
            progress: called after each document.

        Returns:
            What was done; ``restored`` and ``missing`` are the documents that were lost.

        Raises:
            EmbeddingError: the embedding failed; what was restored until then stays.
        """
        with self._changing:
            report = Adding(self._open_store, self._embedder, progress).run([])
            if forget and report.missing:
                with self._open_store.writing() as changes:
                    changes.finish(removed=(), written=(), missing={})
        return report

    def search(
        self,
        query: str | Sequence[str],
        *,
        top_k: int = 10,
        mode: SearchMode = "auto",
        filters: Filters | None = None,
    ) -> list[Passage]:
        """Find passages, best first.

        A text that stands in several places is given once, with its other places as ``duplicates``.

        Args:
            query: a question or some words; several give one ranking of what any of them finds.
            top_k: most passages to return.
            mode: ``lexical`` (BM25), ``dense`` (embedding), ``hybrid`` (both), or ``auto``: hybrid where the
                base has an embedding.
            filters: which documents to search; None searches all.

        Raises:
            KnowledgeError: the query is empty, or Milvus failed. Never an empty list for an outage.
            EmbeddingUnavailableError: ``mode`` needs an embedding that the base or this machine lacks.
            RerankerError: the reranker failed, or cannot be loaded here.
        """
        queries = [text for text in ([query] if isinstance(query, str) else query) if text.strip()]
        if not queries:
            raise KnowledgeError("the query is empty; say what to look for")
        if top_k < 1:
            raise KnowledgeError(f"top_k is {top_k}; it must be at least 1")
        searching = Searching(self._open_store, self._embedder, self._reranker, filters)
        return searching.run(queries, top_k, self._auto_mode if mode == "auto" else mode)

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave of the base, and which of their names no document has."""
        return self._open_store.check_filters(filters)

    def open(self, source: str, *, line: int = 1, num_lines: int = 40) -> Excerpt:
        """Lines of a document, exactly as they are in it.

        Args:
            source: the document's name, or the end of one when no other ends like it.
            line: the first line, from 1. Beyond the end, the last lines are given.
            num_lines: most lines to give.

        Raises:
            DocumentNotFoundError: there is no such document, or several.
        """
        store = self._open_store
        document = self._document(store, source)
        num_lines = max(1, num_lines)
        first = max(1, min(line, document.lines - num_lines + 1 if line > document.lines else line))
        last = min(document.lines, first + num_lines - 1)
        rows = store.passages(document, first, last)
        lines = _lines(document, rows, range(first, last + 1))
        return Excerpt(
            source=document.source,
            title=document.title,
            heading=rows[0]["heading"] if rows else "",
            total_lines=document.lines,
            lines={number: lines[number] for number in range(first, last + 1)},
        )

    def find(self, source: str, pattern: str, *, line: int = 1, limit: int = 20) -> Excerpt:
        """The lines of a document that contain ``pattern``, upper and lower case alike.

        Args:
            source: as for :meth:`open`.
            pattern: plain text, not a regular expression.
            line: where to begin, from 1.
            limit: most matching lines.

        Returns:
            The matching lines with a line before and after; ``matches`` tells which they are, and
            ``more_matches`` how many follow. Without a match all are empty.

        Raises:
            DocumentNotFoundError: there is no such document, or several.
        """
        if not pattern.strip():
            raise KnowledgeError("the pattern is empty; say what to find")
        store = self._open_store
        document = self._document(store, source)
        rows = store.passages(document)
        lines = _lines(document, rows, range(1, document.lines + 1))
        wanted = pattern.casefold()
        every = [number for number, text in lines.items() if number >= line and wanted in text.casefold()]
        matches = every[: max(1, limit)]
        shown = sorted(
            {near for number in matches for near in (number - 1, number, number + 1)} & lines.keys()
        )
        heading = next((row["heading"] for row in rows if shown and row["end_line"] >= shown[0]), "")
        return Excerpt(
            source=document.source,
            title=document.title,
            heading=heading,
            total_lines=document.lines,
            lines={number: lines[number] for number in shown},
            matches=tuple(matches),
            more_matches=len(every) - len(matches),
        )

    def documents(self) -> list[Document]:
        """Every document, by source."""
        return list(self._open_store.documents().values())

    def remove(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Remove documents.

        Args:
            sources: names of documents or folders, patterns such as ``docs/*.txt`` (``*`` crosses slashes),
                or the paths that were added.

        Returns:
            What was removed.

        Raises:
            DocumentNotFoundError: one of them names nothing; nothing was removed.
        """
        given = [sources] if isinstance(sources, str) else sources
        with self._changing, self._open_store.writing() as changes:
            documents = {**changes.lost, **changes.known}
            chosen: set[str] = set()
            for name in given:
                named = {
                    source
                    for source, each in documents.items()
                    if matches_name(name, source) or _is_at(name, each.path)
                }
                if not named:
                    raise _unknown(name, documents)
                chosen |= named
            changes.finish(
                removed=[each for source, each in changes.known.items() if source in chosen],
                written=(),
                missing={name: each for name, each in changes.lost.items() if name not in chosen},
            )
        return tuple(sorted(chosen))

    def status(self) -> Status:
        """The base in numbers."""
        store = self._open_store
        missing = store.missing()
        documents, passages = store.counts()
        return Status(
            uri=self.uri,
            collection=store.name,
            embedding=store.config.embedding,
            dimension=store.config.dimension,
            documents=documents,
            passages=passages,
            mode=self._auto_mode,
            backend=store.backend_name,
            missing=missing,
        )

    def close(self) -> None:
        """Let go of the base; a folder can then be changed by another process. Safe to call twice."""
        with self._changing:
            if not self._closed:
                self._closed = True
                self._store.close()

    @property
    def _auto_mode(self) -> Literal["lexical", "dense", "hybrid"]:
        if not self._store.full_text:
            return "dense"
        return "hybrid" if self._embedder else "lexical"

    @property
    def _open_store(self) -> Store:
        if self._closed:
            raise KnowledgeError(f"the knowledge base {self._uri} is closed; open it again")
        return self._store

    def _document(self, store: Store, source: str) -> Document:
        if found := store.document(source):
            return found
        documents = store.documents()
        tail = "/" + source.removeprefix("./").lstrip("/")
        ending = [name for name in documents if f"/{name}".endswith(tail)]
        if len(ending) == 1:
            return documents[ending[0]]
        if ending:
            raise DocumentNotFoundError(
                f"several documents end in {source!r}: {', '.join(ending[:5])}; name one",
                name=source,
                candidates=tuple(ending[:5]),
                ambiguous=True,
            )
        raise _unknown(source, documents)


def _lines(document: Document, rows: Sequence[Row], wanted: range) -> dict[int, str]:
    """The lines of passages by their numbers, all that are ``wanted`` among them."""
    lines = join_chunks([(row["start_line"], row["end_line"], row["text"]) for row in rows])
    if not lines.keys() >= set(wanted):
        raise KnowledgeError(f"lines of {document.source} have been lost: ossifrage kb repair")
    return lines


def _is_at(name: str, path: str) -> bool:
    """Whether a document was read at the path ``name``, or in the folder or archive that is there."""
    place = os.path.abspath(os.path.expanduser(name))
    return path == place or path.startswith((f"{place}{os.sep}", f"{place}!/"))


def _unknown(name: str, documents: Mapping[str, Document]) -> DocumentNotFoundError:
    nearest = near_names(name, documents)
    hint = f"; did you mean {', '.join(nearest)}?" if nearest else "; ossifrage kb list shows what there is"
    return DocumentNotFoundError(f"no document {name!r}{hint}", name=name, candidates=nearest)
