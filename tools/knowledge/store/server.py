"""A knowledge base on a Milvus server, which keeps everything."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import TypeVar

from ...addresses import without_credentials
from ..errors import KnowledgeError
from ..filters import check_filters
from ..values import Document, FilterCheck, Filters
from .claims import Claims
from .collection import Collection, Consistency, Hit, document_of, keys_of
from .conditions import condition_of
from .lexical import search_terms
from .milvus import connect
from .schema import CollectionConfig, Metric, Row, appears

__all__ = ["ServerStore", "ServerWriting"]

T = TypeVar("T")

_LANGUAGES_FOR = 600.0
"""Seconds that the languages of a base are good for."""
_CLAIMED = 100
"""Documents that are claimed at a time where there is a choice."""


class ServerStore:
    """Asks Milvus for everything, since other programs may change it at any time."""

    def __init__(self, collection: Collection) -> None:
        self.name = collection.name
        self.config: CollectionConfig = collection.config
        self._collection = collection
        self._telling = threading.Lock()
        self._languages: tuple[float, Mapping[str, float]] | None = None

    @classmethod
    def open(
        cls,
        uri: str,
        name: str,
        *,
        token: str | None,
        indexing: object = None,
        consistency: Consistency = "Session",
    ) -> ServerStore:
        """Open a collection.

        Raises:
            KnowledgeNotFoundError: there is none.
            KnowledgeUnreachableError: the server does not answer.
            KnowledgeError: it is no knowledge base of a format that is read here.
        """
        connection = connect(uri, token=token)
        try:
            address = without_credentials(uri)
            return cls(Collection.open(connection, uri=address, name=name, consistency=consistency))
        except BaseException:
            connection.close()
            raise

    @classmethod
    def create(
        cls,
        uri: str,
        name: str,
        *,
        token: str | None,
        embedding: str,
        dimension: int,
        metric: Metric = "cosine",
        consistency: Consistency = "Session",
    ) -> ServerStore:
        """Make an empty collection. ``dimension`` is 0 for one without embedding.

        Raises:
            KnowledgeError: another process has just made one of that name that is not the same.
        """
        connection, address = connect(uri, token=token), without_credentials(uri)
        try:
            try:
                made = Collection.create(
                    connection,
                    uri=address,
                    name=name,
                    embedding=embedding,
                    dimension=dimension,
                    metric=metric,
                    consistency=consistency,
                )
            except KnowledgeError as error:
                if error.__cause__ is None or not appears(connection.client, name):
                    raise  # it was not Milvus that refused, or it had another reason
                made = Collection.open(connection, uri=address, name=name, consistency=consistency)
            if (made.config.embedding, made.config.metric) != (embedding, metric):
                raise KnowledgeError(
                    f"another process has just made {name!r} at {address}, with the embedding "
                    f"{made.config.embedding!r}: open it again"
                )
            return cls(made)
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
        """The languages of the passages with the share each has, by a sample some minutes old at most."""
        with self._telling:
            if self._languages is None or time.monotonic() - self._languages[0] > _LANGUAGES_FOR:
                self._languages = time.monotonic(), self._collection.languages()
            return self._languages[1]

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
        return self._collection.search_lexical(terms, limit, self._condition(filters))

    def search_dense(
        self, vectors: Sequence[Sequence[float]], limit: int, filters: Filters | None
    ) -> list[list[Hit]]:
        """Search by the embedding; one list of hits for each vector."""
        return self._collection.search_dense(vectors, limit, self._condition(filters))

    @contextmanager
    def writing(self) -> Generator[ServerWriting]:
        """Change the base. Any number of processes may do so at a time; see ``claims``."""
        collection = self._collection
        claims = Claims(collection.connection, uri=collection.uri, name=collection.name)
        try:
            yield ServerWriting(collection, claims)
        finally:
            with self._telling:
                self._languages = None
            # What cannot be let go of lapses by itself, and must not hide why.
            with suppress(KnowledgeError):
                claims.release(claims.held)

    def release(self) -> None:
        """Nothing: a server serves any number of processes."""

    def close(self) -> None:
        """Let go of the server."""
        self._collection.close()

    def _condition(self, filters: Filters | None) -> str:
        return condition_of(filters, self._collection.documents) if filters else ""


class ServerWriting:
    """Changes documents that it has claims on, and cleans up what others left half done and do not claim."""

    def __init__(self, collection: Collection, claims: Claims) -> None:
        self._collection = collection
        self._claims = claims
        self.lost: Mapping[str, Document] = {}
        complete, leftovers = collection.survey()
        self.known: Mapping[str, Document] = complete
        sources = sorted(collection.sources_of(leftovers))
        for part in _parts(sources):
            self._clean(claims.take_free(part), gone=())

    def write(self, rows: Sequence[Row]) -> None:
        """Store passages, the record of a document last; its old version is gone when that is written."""
        held = set(self._claims.held)
        # First what is left of the document that the last batch began, so that nobody waits holding a claim.
        self._put([row for row in rows if row["source"] in held])
        self._put([row for row in rows if row["source"] not in held])

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Nothing: a document that is written anew loses all its other versions then and there."""

    def finish(
        self, *, removed: Sequence[Document], written: Sequence[Document], missing: Mapping[str, Document]
    ) -> None:
        """Delete what has gone and make the rest searchable."""
        for part in _parts(removed):
            self._claims.take(each.source for each in part)
            self._clean({each.source for each in part}, gone=part)
        if removed or written:
            self._collection.flush()

    def _put(self, rows: Sequence[Row]) -> None:
        sources = {row["source"] for row in rows}
        if not sources:
            return
        if new := sources - set(self._claims.held):
            self._claims.take(new)
        records = [row for row in rows if row["ordinal"] == 0]
        for part in ([row for row in rows if row["ordinal"] != 0], records):
            if part:
                self._claims.check()
                self._collection.write(part)
        finished = {row["source"]: document_of(row) for row in records}
        self._delete_but(finished.keys(), {key for each in finished.values() for key in keys_of(each)})
        self._claims.release(finished)

    def _clean(self, claimed: AbstractSet[str], *, gone: Iterable[Document]) -> None:
        """Leave the newest complete version of each document but those that are ``gone``; lets go of them."""
        if not claimed:
            return
        present = {row["passage_id"] for row in self._collection.passages_of(claimed)}
        without = {(each.source, each.sha256, each.added) for each in gone}
        versions: dict[str, list[Document]] = defaultdict(list)
        for each in map(document_of, self._collection.records_of(claimed)):
            if (each.source, each.sha256, each.added) not in without and present.issuperset(keys_of(each)):
                versions[each.source].append(each)
        newest = [max(found, key=lambda each: each.added) for found in versions.values()]
        self._delete_but(claimed, {key for each in newest for key in keys_of(each)})
        self._claims.release(claimed)

    def _delete_but(self, sources: Iterable[str], kept: AbstractSet[str]) -> None:
        """Delete the passages of documents that are not ``kept``, records first."""
        surplus = [row for row in self._collection.passages_of(sources) if row["passage_id"] not in kept]
        surplus.sort(key=lambda row: row["ordinal"] != 0)
        if surplus:
            self._claims.check()
            self._collection.delete_ids([row["passage_id"] for row in surplus])


def _parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + _CLAIMED] for start in range(0, len(values), _CLAIMED))
