"""KnowledgeBase: documents in, passages and lines out."""

from __future__ import annotations

import difflib
import fnmatch
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..addresses import without_credentials
from .adding import Adding
from .collection import Collection, Hit, quote
from .embeddings import Embedder, EmbeddingFunction, spec_of
from .errors import (
    DocumentNotFoundError,
    EmbeddingMismatchError,
    EmbeddingUnavailableError,
    KnowledgeError,
    KnowledgeNotFoundError,
)
from .lexical import query_terms
from .milvus import connect, data_folder, is_server
from .passages import join_chunks
from .providers import find_embedding
from .ranking import blend, fuse_queries
from .values import AddReport, Document, Excerpt, Passage, Progress, SearchMode, Status

__all__ = ["KnowledgeBase"]

_CANDIDATES = 50
"""Passages each ranking of a search brings in, at least."""


class KnowledgeBase:
    """A searchable set of documents in Milvus.

    A context manager. May be used from several threads; requests wait for each other.

    Args:
        uri: a folder (Milvus Lite keeps its data in ``milvus.db`` there), or ``http(s)://…`` for a Milvus
            server or Zilliz Cloud.
        token: for a server: ``user:password`` or an API key.
        collection: the collection's name; one server can hold several knowledge bases.
        embedding: ``none``, ``auto``, a spec such as ``sentence-transformer:all-MiniLM-L6-v2`` (see
            ``embeddings``), or a pymilvus-model embedding function. It is fixed when the base is made;
            ``auto`` takes what the base was made with.
        create: make the base if there is none.

    Raises:
        KnowledgeNotFoundError: nothing is there and ``create`` is false.
        KnowledgeLockedError: another process has the folder open.
        KnowledgeUnreachableError: the server does not answer.
        EmbeddingMismatchError: the base was made with another embedding.
        EmbeddingUnavailableError: a new base is to have an embedding that cannot be loaded here.
    """

    def __init__(
        self,
        uri: str | Path = "./knowledge",
        *,
        token: str | None = None,
        collection: str = "documents",
        embedding: str | EmbeddingFunction = "auto",
        create: bool = True,
    ) -> None:
        address = str(uri)
        self._uri = without_credentials(address)
        self._lock = threading.RLock()
        self._closed = False
        spec = spec_of(embedding)
        if not create and not is_server(address) and not data_folder(address).exists():
            raise KnowledgeNotFoundError(
                f"no knowledge base in {self._uri}; add documents with: ossifrage kb add PATH"
            )
        connection = connect(address, token=token)
        try:
            try:
                self._collection = Collection.open(connection, uri=self._uri, name=collection)
            except KnowledgeNotFoundError:
                if not create:
                    raise
                new = find_embedding() if spec == "auto" else embedding
                self._embedder = None if new == "none" else Embedder(new)
                self._collection = Collection.create(
                    connection,
                    uri=self._uri,
                    name=collection,
                    embedding=self._embedder.spec if self._embedder else "none",
                    dimension=self._embedder.dimension() if self._embedder else 0,
                )
            else:
                made_with = self._collection.embedding
                if spec not in {"auto", made_with}:
                    raise EmbeddingMismatchError(
                        f"the knowledge base {self._uri} was made with {made_with!r}, not {spec!r}: "
                        "open it with embedding='auto', or add the documents to a new one"
                    )
                given = made_with if spec == "auto" else embedding
                dimension = self._collection.dimension
                self._embedder = Embedder(given, dimension=dimension) if dimension else None
        except BaseException:
            connection.close()
            raise

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
        progress: Callable[[Progress], None] | None = None,
    ) -> AddReport:
        """Bring files, or the text files of folders, up to date in the base.

        Unchanged files are not written again, changed ones replace their old version, and documents of these
        folders whose file is gone are removed. A file that cannot be read is reported and stops nothing.

        Args:
            paths: files of any kind of text; folders are searched for Markdown and plain text, hidden and
                generated folders left out, symbolic links not followed.
            tags: for these documents; a document that is added again without any keeps those it has.
            progress: called after each file.

        Raises:
            PathNotFoundError: a path does not exist; nothing was written.
            EmbeddingError: the embedding failed; what was written until then is complete and stays.
        """
        given = [paths] if isinstance(paths, str | Path) else paths
        with self._open_collection() as collection:
            return Adding(collection, self._embedder, progress, tags).run(given)

    def search(
        self, query: str | Sequence[str], *, top_k: int = 10, mode: SearchMode = "auto"
    ) -> list[Passage]:
        """Find passages, best first.

        Args:
            query: a question or some words; several give one ranking of what any of them finds.
            top_k: most passages to return.
            mode: ``lexical`` (BM25), ``dense`` (embedding), ``hybrid`` (both), or ``auto``: hybrid where the
                base has an embedding.

        Raises:
            KnowledgeError: the query is empty, or Milvus failed. Never an empty list for an outage.
            EmbeddingUnavailableError: ``mode`` needs an embedding that the base or this machine lacks.
        """
        queries = [text for text in ([query] if isinstance(query, str) else query) if text.strip()]
        if not queries:
            raise KnowledgeError("the query is empty; say what to look for")
        if top_k < 1:
            raise KnowledgeError(f"top_k is {top_k}; it must be at least 1")
        with self._open_collection() as collection:
            wanted = self._auto_mode if mode == "auto" else mode
            limit = top_k if wanted == "lexical" and len(queries) == 1 else max(3 * top_k, _CANDIDATES)
            lexical = self._lexical(collection, queries, limit) if wanted != "dense" else []
            dense = self._dense(collection, queries, limit) if wanted != "lexical" else []
        rows = {hit.row["passage_id"]: hit.row for hits in [*lexical, *dense] for hit in hits}
        words, meanings = [_scores(hits) for hits in lexical], [_scores(hits) for hits in dense]
        if wanted == "hybrid":
            rankings = [blend(*pair) for pair in zip(words, meanings, strict=True)]
        else:
            rankings = words or meanings
        scores = fuse_queries(rankings)
        best = sorted(scores, key=lambda key: (-scores[key], key))[:top_k]
        return [_passage(rows[key], scores[key]) for key in best]

    def open(self, source: str, *, line: int = 1, num_lines: int = 40) -> Excerpt:
        """Lines of a document, exactly as they are in it.

        Args:
            source: the document's name, or the end of one when no other ends like it.
            line: the first line, from 1. Beyond the end, the last lines are given.
            num_lines: most lines to give.

        Raises:
            DocumentNotFoundError: there is no such document, or several.
        """
        with self._open_collection() as collection:
            document = self._document(collection, source)
            num_lines = max(1, num_lines)
            first = max(1, min(line, document.lines - num_lines + 1 if line > document.lines else line))
            last = min(document.lines, first + num_lines - 1)
            rows = collection.passages(document, f"start_line <= {last} and end_line >= {first}")
        lines = join_chunks([(row["start_line"], row["end_line"], row["text"]) for row in rows])
        return Excerpt(
            source=document.source,
            title=document.title,
            heading=next((row["heading"] for row in rows if row["end_line"] >= first), ""),
            total_lines=document.lines,
            lines={number: lines[number] for number in range(first, last + 1)},
        )

    def find(self, source: str, pattern: str, *, limit: int = 20) -> Excerpt:
        """The lines of a document that contain ``pattern``, upper and lower case alike.

        Args:
            source: as for :meth:`open`.
            pattern: plain text, not a regular expression.
            limit: most matching lines.

        Returns:
            The matching lines with a line before and after; ``matches`` tells which they are. Without a
            match both are empty.

        Raises:
            DocumentNotFoundError: there is no such document, or several.
        """
        if not pattern.strip():
            raise KnowledgeError("the pattern is empty; say what to find")
        with self._open_collection() as collection:
            document = self._document(collection, source)
            rows = collection.passages(document)
        lines = join_chunks([(row["start_line"], row["end_line"], row["text"]) for row in rows])
        wanted = pattern.casefold()
        matches = [number for number, text in lines.items() if wanted in text.casefold()][: max(1, limit)]
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
        )

    def documents(self) -> list[Document]:
        """Every document, by source."""
        with self._open_collection() as collection:
            return list(collection.documents().values())

    def remove(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Remove documents.

        Args:
            sources: names of documents or folders, or patterns such as ``docs/*.txt`` (``*`` crosses
                slashes).

        Returns:
            What was removed.

        Raises:
            DocumentNotFoundError: one of them names nothing; nothing was removed.
        """
        given = [sources] if isinstance(sources, str) else sources
        with self._open_collection() as collection:
            documents = collection.documents()
            chosen: set[str] = set()
            for name in given:
                named = {source for source in documents if _names(name, source)}
                if not named:
                    raise _unknown(name, documents)
                chosen |= named
            collection.delete([documents[source] for source in sorted(chosen)])
            collection.flush()
        return tuple(sorted(chosen))

    def status(self) -> Status:
        """The base in numbers."""
        with self._open_collection() as collection:
            documents = collection.documents().values()
        return Status(
            uri=self.uri,
            collection=collection.name,
            embedding=collection.embedding,
            dimension=collection.dimension,
            documents=len(documents),
            passages=sum(each.passages for each in documents),
            mode=self._auto_mode,
        )

    def close(self) -> None:
        """Let go of the base; a folder can then be opened by another process. Safe to call twice."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._collection.close()

    @property
    def _auto_mode(self) -> SearchMode:
        return "hybrid" if self._embedder else "lexical"

    @contextmanager
    def _open_collection(self) -> Generator[Collection]:
        """The collection, for one thread at a time."""
        with self._lock:
            if self._closed:
                raise KnowledgeError(f"the knowledge base {self._uri} is closed; open it again")
            yield self._collection

    def _lexical(self, collection: Collection, queries: Sequence[str], limit: int) -> list[list[Hit]]:
        terms = [query_terms(text) for text in queries]
        found = iter(collection.search_lexical([each for each in terms if each], limit) if any(terms) else [])
        return [next(found) if each else [] for each in terms]

    def _dense(self, collection: Collection, queries: Sequence[str], limit: int) -> list[list[Hit]]:
        if self._embedder is None:
            raise EmbeddingUnavailableError(
                f"the knowledge base {self._uri} was made without an embedding; search with mode='lexical'"
            )
        return collection.search_dense(self._embedder.queries(queries), limit)

    def _document(self, collection: Collection, source: str) -> Document:
        if found := collection.documents(f"source == {quote(source)}"):
            return found[source]
        documents = collection.documents()
        tail = "/" + source.removeprefix("./").lstrip("/")
        ending = [name for name in documents if f"/{name}".endswith(tail)]
        if len(ending) == 1:
            return documents[ending[0]]
        if ending:
            raise DocumentNotFoundError(
                f"several documents end in {source!r}: {', '.join(ending[:5])}; name one"
            )
        raise _unknown(source, documents)


def _passage(row: Mapping[str, Any], score: float) -> Passage:
    values = {name: value for name, value in row.items() if name != "metadata"}
    about = row["metadata"]
    return Passage(
        score=score,
        path=about["path"],
        modified=datetime.fromtimestamp(about["modified"], UTC),
        tags=tuple(about["tags"]),
        front_matter=about["front_matter"],
        **values,
    )


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.row["passage_id"]: hit.score for hit in hits}


def _names(name: str, source: str) -> bool:
    """Whether ``name`` is ``source``, a folder it is in, or a pattern it matches."""
    folder = name.rstrip("/") + "/"
    return name == source or source.startswith(folder) or fnmatch.fnmatchcase(source, name)


def _unknown(name: str, documents: Iterable[str]) -> DocumentNotFoundError:
    by_folded = {source.casefold(): source for source in documents}
    by_folded.update({source.rpartition("/")[2].casefold(): source for source in documents})
    close = difflib.get_close_matches(name.casefold(), by_folded, n=6, cutoff=0.5)
    nearest = list(dict.fromkeys(by_folded[each] for each in close))[:3]
    hint = f"; did you mean {', '.join(nearest)}?" if nearest else "; ossifrage kb list shows what there is"
    return DocumentNotFoundError(f"no document {name!r}{hint}")
