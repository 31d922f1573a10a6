"""A knowledge base on a Milvus server, which keeps everything."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from ...addresses import without_credentials
from ..values import Document, Filters
from .collection import Collection, Hit
from .conditions import condition_of
from .milvus import connect
from .schema import CollectionConfig, Row

__all__ = ["ServerStore"]


class ServerStore:
    """Asks Milvus for everything, since other programs may change it at any time."""

    def __init__(self, collection: Collection) -> None:
        self.name = collection.name
        self.config: CollectionConfig = collection.config
        self._collection = collection

    @classmethod
    def open(cls, uri: str, name: str, *, token: str | None, indexing: object = None) -> ServerStore:
        """Open a collection.

        Raises:
            KnowledgeNotFoundError: there is none.
            KnowledgeUnreachableError: the server does not answer.
            KnowledgeError: it is no knowledge base of a format that is read here.
        """
        connection = connect(uri, token=token)
        try:
            return cls(Collection.open(connection, uri=without_credentials(uri), name=name))
        except BaseException:
            connection.close()
            raise

    @classmethod
    def create(cls, uri: str, name: str, *, token: str | None, embedding: str, dimension: int) -> ServerStore:
        """Make an empty collection. ``dimension`` is 0 for one without embedding."""
        connection, address = connect(uri, token=token), without_credentials(uri)
        try:
            return cls(
                Collection.create(
                    connection, uri=address, name=name, embedding=embedding, dimension=dimension
                )
            )
        except BaseException:
            connection.close()
            raise

    @property
    def backend_name(self) -> str:
        """Which Milvus it is, for people."""
        return self._collection.backend.name

    @property
    def full_text(self) -> bool:
        """Whether this Milvus can search by words."""
        return self.config.full_text

    def documents(self) -> Mapping[str, Document]:
        """Every document by source, in order."""
        return self._collection.documents()

    def document(self, source: str) -> Document | None:
        """The document of that name."""
        return self._collection.document(source)

    def passages(self, document: Document, first: int = 1, last: int | None = None) -> list[Row]:
        """The passages of a document that hold lines ``first`` to ``last``, in order."""
        return self._collection.passages(document, first, last)

    def missing(self) -> tuple[str, ...]:
        """A server tells of no loss."""
        return ()

    def languages(self) -> Mapping[str, float] | None:
        """Unknown: a server would have to look at every passage."""
        return None

    def search_lexical(self, terms: Sequence[str], limit: int, filters: Filters | None) -> list[list[Hit]]:
        """BM25 search; one list of hits for each string of terms."""
        return self._collection.search_lexical(terms, limit, self._condition(filters))

    def search_dense(
        self, vectors: Sequence[Sequence[float]], limit: int, filters: Filters | None
    ) -> list[list[Hit]]:
        """Search by cosine similarity; one list of hits for each vector."""
        return self._collection.search_dense(vectors, limit, self._condition(filters))

    @contextmanager
    def writing(self) -> Generator[_ServerWriting]:
        """Change the base. One process at a time may; nothing keeps another from it."""
        yield _ServerWriting(self._collection)

    def release(self) -> None:
        """Nothing: a server serves any number of processes."""

    def close(self) -> None:
        """Let go of the server."""
        self._collection.close()

    def _condition(self, filters: Filters | None) -> str:
        return condition_of(filters, self._collection.documents) if filters else ""


class _ServerWriting:
    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.known: Mapping[str, Document] = collection.repair()
        self.lost: Mapping[str, Document] = {}

    def write(self, rows: Sequence[Row]) -> None:
        self._collection.write(rows)

    def delete_keys(self, keys: Sequence[str]) -> None:
        self._collection.delete_ids(keys)

    def finish(
        self, *, removed: Sequence[Document], written: Sequence[Document], missing: Mapping[str, Document]
    ) -> None:
        self._collection.delete(removed)
        if removed or written:
            self._collection.flush()
