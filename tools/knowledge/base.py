"""KnowledgeBase: documents in, passages and lines out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

from ..addresses import without_credentials
from . import arguments, reading
from .attaching import attachment_at, attachment_of, open_attached
from .copying import CopyProgress, migrate, rebuild
from .errors import EmbeddingMismatchError, KnowledgeError, KnowledgeNotFoundError, Remedy
from .filters import matches_name
from .ingest.adding import Adding
from .ingest.workers import Workers
from .models.embedding_functions import find_embedding
from .models.embeddings import Embedder, EmbeddingFunction, spec_of
from .models.rerankers import Reranker, RerankFunction
from .recovery import rebuild_from_sources
from .retrieval.searching import Searching
from .store.attached import AttachedStore
from .store.attachment import Attachment
from .store.collection import CONSISTENCIES, Consistency
from .store.folder import FolderStore, Indexing
from .store.milvus import is_server
from .store.schema import METRICS, Metric
from .store.server import ServerStore
from .store.store import Store
from .values import (
    AddReport,
    Copied,
    Document,
    Excerpt,
    FilterCheck,
    Filters,
    Passage,
    Progress,
    Recovered,
    SearchMode,
    Status,
)

__all__ = ["KnowledgeBase"]


class _Connected(NamedTuple):
    """What a base works with; both are replaced at once."""

    store: Store
    embedder: Embedder | None

    @property
    def mode(self) -> Literal["lexical", "dense", "hybrid"]:
        """What ``auto`` means."""
        if not self.store.full_text:
            return "dense"
        return "hybrid" if self.embedder else "lexical"


class KnowledgeBase:
    """A searchable set of documents in Milvus.

    A context manager, and a collection of documents: ``len(base)``, ``"name" in base``, ``base["name"]``, and
    iteration over every :class:`Document`. May be used from several threads: changes wait for each other, and
    a search waits for one batch of a change at most.

    What is wrong with an argument is told before anything is done: a ``TypeError`` where the type is wrong, a
    ``KnowledgeError`` where the value makes no sense. What Milvus or a model does to it is always a
    ``KnowledgeError`` of some kind; its ``remedy`` says what helps, where that is known.

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
        if not isinstance(uri, Attachment):
            arguments.address(uri, "uri")
        self._attached = attachment_at(uri, arguments.string(collection, "collection"))
        self._address = str(self._attached.uri if self._attached else uri)
        self._uri = without_credentials(self._address)
        self._token = token
        self._collection = collection
        self._indexing = indexing
        self._closed = False
        self._changing = threading.RLock()
        self._swapping = threading.RLock()
        self._reranker = None if reranker == "none" else Reranker(reranker)
        self._embedding = embedding
        self._metric: Metric | None = arguments.one_of(metric, "metric", None, *METRICS)
        self._consistency: Consistency = arguments.one_of(consistency, "consistency", *CONSISTENCIES)
        self._state = self._connected(embedding, create=create)

    def _connected(self, embedding: str | EmbeddingFunction, *, create: bool) -> _Connected:
        spec = spec_of(embedding)
        if self._attached is not None:
            return _Connected(*open_attached(self._attached, embedding, token=self._token))
        kind = ServerStore if is_server(self._address) else FolderStore
        try:
            store: Store = kind.open(
                self._address,
                self._collection,
                token=self._token,
                indexing=self._indexing,
                consistency=self._consistency,
            )
        except KnowledgeNotFoundError:
            if not create:
                raise
            new = find_embedding() if spec == "auto" else embedding
            embedder = None if new == "none" else Embedder(new)
            store = kind.create(
                self._address,
                self._collection,
                token=self._token,
                embedding=embedder.spec if embedder else "none",
                dimension=embedder.dimension() if embedder else 0,
                metric=self._metric or "cosine",
                consistency=self._consistency,
            )
            return _Connected(store, embedder)
        made_with, dimension = store.config.embedding, store.config.dimension
        if spec not in {"auto", made_with}:
            store.close()
            raise EmbeddingMismatchError(
                f"the knowledge base {self._uri} was made with {made_with!r}, not {spec!r}: open it with "
                "embedding auto, or rebuild it",
                remedy=Remedy("rebuild", (spec,)),
            )
        if dimension and self._metric not in {None, store.config.metric}:
            store.close()
            raise KnowledgeError(
                f"the knowledge base {self._uri} compares its vectors by {store.config.metric}, not by "
                f"{self._metric}: that is fixed when a base is made"
            )
        given = made_with if spec == "auto" else embedding
        return _Connected(store, Embedder(given, dimension=dimension) if dimension else None)

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
        store = self._state.store
        return store.attachment if isinstance(store, AttachedStore) else None

    @property
    def unlisted(self) -> int:
        """How many documents :meth:`documents` leaves out; 0 but for large attached collections."""
        store = self._open.store
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
        paths: str | Path | Iterable[str | Path],
        *,
        tags: Iterable[str] = (),
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        workers: int = 1,
        progress: Callable[[Progress], None] | None = None,
        changed: Set[str] | None = None,
        away: Iterable[str] = (),
    ) -> AddReport:
        """Bring the documents of files, folders, archives and addresses up to date in the base.

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
            workers: processes that read, cut and embed; 1 does that in this one. Each loads the embedding.
                They are started anew (``spawn``), so a script needs ``if __name__ == "__main__":``.
            progress: called after each document, and while something large is downloaded.
            changed: read again only what is at these absolute paths, or in these folders or archives, and
                what the base does not know; the rest is taken to be as it was. None reads all of it.
            away: folders that are not there as they should be, such as where a disk was mounted: what the
                base has of them stays.

        Raises:
            PathNotFoundError: a path does not exist; nothing was written.
            KnowledgeError: a pattern cannot be understood; nothing was written.
            EmbeddingError: the embedding failed; what was written until then is complete and stays.
        """
        given, tagged = arguments.paths(paths, "paths"), arguments.strings(tags, "tags")
        included, excluded = arguments.strings(include, "include"), arguments.strings(exclude, "exclude")
        gone = arguments.strings(away, "away")
        arguments.number(workers, "workers", least=1)
        with self._changing:
            store, embedder = self._open
            with ExitStack() as stack:
                several = None if workers == 1 else stack.enter_context(Workers(workers, embedder))
                adding = Adding(store, embedder, progress, tagged, workers=several)
                return adding.run(given, include=included, exclude=excluded, changed=changed, away=gone)

    def add_texts(
        self,
        texts: Mapping[str, str],
        *,
        metadata: Mapping[str, object] | None = None,
        tags: Iterable[str] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> AddReport:
        """Add texts that come from no file, under names of your own.

        A name that was given a text before gets the new one: text, metadata and tags are what they are now.
        Nothing but :meth:`remove`, or a text without words, takes it away again. A file of the same name is
        another document: where it is added first, the name is refused here; where it comes later, it gets a
        longer name or is reported as skipped.

        Args:
            texts: by name. The suffix of the name tells the kind (``notes.txt``, ``page.html``); without one
                that is known it is Markdown.
            metadata: JSON values, kept as the ``front_matter`` of each of these texts, over what the text
                says itself; at most 8,000 characters of JSON.
            tags: for these texts.
            progress: called after each text.

        Returns:
            What was done; a text that cannot be read as what its name says is among the skipped.

        Raises:
            KnowledgeError: a name or the metadata cannot be taken, or a name is that of a file's document;
                nothing was written.
            EmbeddingError: the embedding failed; what was written until then is complete and stays.
        """
        given, tagged = arguments.texts(texts, "texts"), arguments.strings(tags, "tags")
        about = arguments.json_object({} if metadata is None else metadata, "metadata")
        with self._changing:
            return Adding(*self._open, progress, tagged).run_texts(given, about)

    def missing(self) -> tuple[str, ...]:
        """The documents that were stored and are not there any more, as far as a folder's ledger tells."""
        return self._open.store.missing()

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
            report = Adding(*self._open, progress).run([])
            if forget and report.missing:
                with self._open.store.writing() as changes:
                    changes.finish(removed=(), written=(), missing={})
        return report

    def search(
        self,
        query: str | Iterable[str],
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
            KnowledgeError: the query is empty, there is no such ``mode``, or Milvus failed. Never an empty
                list for an outage.
            EmbeddingUnavailableError: ``mode`` needs an embedding that the base or this machine lacks.
            RerankerError: the reranker failed, or cannot be loaded here.
        """
        asked = [query] if isinstance(query, str) else arguments.strings(query, "query")
        if not (queries := [text for text in asked if text.strip()]):
            raise KnowledgeError("the query is empty; say what to look for")
        arguments.number(top_k, "top_k", least=1)
        chosen, wanted = arguments.check_mode(mode), arguments.check_filters_type(filters)
        connected = self._open
        searching = Searching(*connected, self._reranker, wanted)
        return searching.run(queries, top_k, connected.mode if chosen == "auto" else chosen)

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave of the base, and which of their names no document has."""
        return self._open.store.check_filters(arguments.check_filters_type(filters) or Filters())

    def open(self, source: str, *, line: int = 1, num_lines: int = 40) -> Excerpt:
        """Lines of a document, exactly as they are in it.

        Args:
            source: the document's name, or the end of one when no other ends like it.
            line: the first line, from 1. Beyond the end, the last lines are given.
            num_lines: most lines to give.

        Raises:
            DocumentNotFoundError: there is no such document, or several.
        """
        arguments.string(source, "source")
        arguments.number(line, "line")
        arguments.number(num_lines, "num_lines")
        store = self._open.store
        return reading.excerpt(store, reading.named(store, source), line, num_lines)

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
            KnowledgeError: the pattern is empty.
        """
        arguments.string(source, "source")
        if not arguments.string(pattern, "pattern").strip():
            raise KnowledgeError("the pattern is empty; say what to find")
        arguments.number(line, "line")
        arguments.number(limit, "limit")
        store = self._open.store
        return reading.find_lines(store, reading.named(store, source), pattern, line, limit)

    def text(self, source: str | Document) -> str:
        """A document's whole text: its lines joined by newlines, without one at the end.

        Args:
            source: as for :meth:`open`, or a document of this base.

        Raises:
            DocumentNotFoundError: there is no such document, or several.
        """
        store = self._open.store
        name = source.source if isinstance(source, Document) else arguments.string(source, "source")
        return reading.text_of(store, reading.named(store, name))

    def document(self, source: str) -> Document:
        """What is known of a document.

        Args:
            source: as for :meth:`open`.

        Raises:
            DocumentNotFoundError: there is no such document, or several.
        """
        return reading.named(self._open.store, arguments.string(source, "source"))

    def __getitem__(self, name: str) -> Document:
        """The document of exactly this name; a ``KeyError`` where there is none."""
        store = self._open.store
        if (found := store.document(arguments.string(name, "the name of a document"))) is None:
            raise reading.unknown(name, store.documents())
        return found

    def __contains__(self, name: object) -> bool:
        """Whether there is a document of exactly this name, or this very version of one."""
        if isinstance(name, Document):
            return self._open.store.document(name.source) == name
        return isinstance(name, str) and self._open.store.document(name) is not None

    def __len__(self) -> int:
        """How many documents there are."""
        return self._open.store.counts()[0]

    def __bool__(self) -> bool:
        """A base is something, also an empty one."""
        return True

    def __iter__(self) -> Iterator[Document]:
        """Every document, by source, as they are now."""
        return iter(self.documents())

    def __repr__(self) -> str:
        """Where it is and what it was made with; asks nobody."""
        made_with = self._state.store.config.embedding
        about = f"{self._uri!r}, collection={self._collection!r}, embedding={made_with!r}"
        return f"<KnowledgeBase {about}{', closed' if self._closed else ''}>"

    def documents(self) -> list[Document]:
        """Every document, by source."""
        return list(self._open.store.documents().values())

    def tags(self) -> dict[str, int]:
        """Every tag, in order, with how many documents have it."""
        counts = Counter(tag for document in self.documents() for tag in document.tags)
        return dict(sorted(counts.items()))

    def remove(self, sources: str | Iterable[str]) -> tuple[str, ...]:
        """Remove documents.

        Args:
            sources: names of documents or folders, patterns such as ``docs/*.txt`` (``*`` crosses slashes),
                or the paths that were added.

        Returns:
            What was removed.

        Raises:
            DocumentNotFoundError: one of them names nothing; nothing was removed.
        """
        given = [sources] if isinstance(sources, str) else arguments.strings(sources, "sources")
        with self._changing, self._open.store.writing() as changes:
            documents = {**changes.lost, **changes.known}
            chosen: set[str] = set()
            for name in given:
                named = {
                    source
                    for source, each in documents.items()
                    if matches_name(name, source) or reading.is_at(name, each.path)
                }
                if not named:
                    raise reading.unknown(name, documents)
                chosen |= named
            changes.finish(
                removed=[each for source, each in changes.known.items() if source in chosen],
                written=(),
                missing={name: each for name, each in changes.lost.items() if name not in chosen},
            )
        return tuple(sorted(chosen))

    def status(self) -> Status:
        """The base in numbers."""
        store, mode = self._open.store, self._open.mode
        missing = store.missing()
        documents, passages = store.counts()
        return Status(
            uri=self.uri,
            collection=store.name,
            embedding=store.config.embedding,
            dimension=store.config.dimension,
            documents=documents,
            passages=passages,
            mode=mode,
            backend=store.backend_name,
            missing=missing,
        )

    def rebuild(
        self,
        *,
        embedding: str | EmbeddingFunction | None = None,
        progress: CopyProgress | None = None,
    ) -> Copied:
        """Make the base anew from its passages, such as with another embedding; the files are not needed.

        Whatever else is asked of this object meanwhile waits.

        Args:
            embedding: what it is to be embedded with; None keeps the vectors it has.
            progress: called with the passages copied and those there are.

        Raises:
            EmbeddingError: the embedding cannot be loaded, or failed; the base is as it was.
            KnowledgeError: another process changed the base meanwhile; it is as it is, and the next try goes
                on from here.
        """
        self._own("rebuilt")
        with self._changing, self._swapping:
            self._open.store.close()
            try:
                copied = rebuild(
                    self._address,
                    token=self._token,
                    collection=self._collection,
                    embedding=embedding,
                    progress=progress,
                )
                self._embedding = self._embedding if embedding is None else embedding
            finally:
                self._state = self._connected(self._embedding, create=False)
        return copied

    @classmethod
    def rebuild_from_sources(
        cls,
        uri: str | Path,
        *,
        collection: str = "documents",
        embedding: str | EmbeddingFunction | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Recovered:
        """Make the base of a folder anew that cannot be opened; see :func:`.rebuild_from_sources`."""
        return rebuild_from_sources(uri, collection=collection, embedding=embedding, progress=progress)

    def migrate(
        self, target: str | Path, *, token: str | None = None, progress: CopyProgress | None = None
    ) -> Copied:
        """Copy the base to another folder or server, with its vectors; this one stays as it is.

        Args:
            target: where it goes.
            token: for the server it goes to.
            progress: called with the passages copied and those there are.

        Raises:
            KnowledgeError: the target has a base of this name, or cannot search it; or the base was changed
                meanwhile, and the next try goes on from here.
        """
        self._own("migrated")
        with self._changing:
            self._open  # noqa: B018  raises where it is closed
            return migrate(
                self._address,
                target,
                token=self._token,
                target_token=token,
                collection=self._collection,
                progress=progress,
            )

    def release(self) -> None:
        """Let another process change a folder, until this one next needs its data; nothing may search now."""
        with self._changing, self._swapping:
            if not self._closed:
                self._state.store.release()

    def close(self) -> None:
        """Let go of the base; a folder can then be changed by another process. Safe to call twice."""
        with self._changing:
            if not self._closed:
                self._closed = True
                self._state.store.close()

    def _own(self, what: str) -> None:
        if self._attached is not None:
            raise KnowledgeError(f"the collection {self._attached.collection!r} is attached, and not {what}")

    @property
    def _open(self) -> _Connected:
        with self._swapping:
            if self._closed:
                raise KnowledgeError(f"the knowledge base {self._uri} is closed; open it again")
            return self._state
