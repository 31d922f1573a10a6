"""The Milvus collection behind a knowledge base: one row a passage.

A row carries everything, so Milvus is the only store. The passage with ``ordinal`` 0 is also the record of
its document and is written last: a document whose record is missing was never completed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, cast, get_args

from ..errors import EmbeddingError, KnowledgeError, KnowledgeNotFoundError, Remedy
from ..values import Document
from .conditions import quote
from .milvus import SLOW_TIMEOUT, TIMEOUT, Connection, milvus_errors
from .schema import (
    FORMAT,
    PASSAGE_FIELDS,
    PLACEHOLDER,
    READABLE_FORMATS,
    STORED_FIELDS,
    CollectionConfig,
    Metric,
    Row,
    create_collection,
    load_collection,
)

__all__ = [
    "CONSISTENCIES",
    "Collection",
    "Consistency",
    "Hit",
    "Survey",
    "document_of",
    "keys_of",
    "passage_id",
    "rebuilding",
    "rebuilt",
]

_RECORD_FIELDS = ["source", "title", "total_lines", "document_sha256", "metadata"]
_BATCH = 500
_NAMED = 100
"""Documents named in one condition."""
_SAMPLED = 2_000
"""Passages that tell the languages of a base."""
_SEALED = 16_000
"""Passages that Milvus Lite keeps in memory, at most, before they are sealed."""
_NARROW_PAGE, _WIDE_PAGE = 10_000, 1_000
"""Rows read at a time, without and with their text. Milvus Lite looks at every row for each page."""


Consistency = Literal["Strong", "Session", "Bounded", "Eventually"]
"""How new what is read from a server is at least: everything that was written before; what this client wrote;
what was written up to some seconds ago; anything."""
CONSISTENCIES: tuple[Consistency, ...] = get_args(Consistency)


@dataclass(frozen=True)
class Hit:
    """A row that was found, with a score of which more is better."""

    row: Row
    """Without its search terms and its vector."""
    score: float


class Survey(NamedTuple):
    """What a look at every passage found."""

    complete: dict[str, Document]
    """By source."""
    leftovers: list[str]
    """The keys of passages that belong to no complete document."""


def passage_id(source: str, sha256: str, ordinal: int) -> str:
    """The key of a passage: the same document always gets the same keys. Hexadecimal only."""
    return hashlib.sha256(f"{source}\0{sha256}\0{ordinal}".encode(errors="surrogatepass")).hexdigest()[:32]


def keys_of(document: Document) -> list[str]:
    """The keys of a document's passages, that of its record first."""
    return [passage_id(document.source, document.sha256, ordinal) for ordinal in range(document.passages)]


def rebuilding(name: str) -> str:
    """What the collection is called that is to take the place of ``name``, as long as it is incomplete."""
    return f"{name}__rebuilding"


def rebuilt(name: str) -> str:
    """What it is called from when it is complete until ``name`` is free."""
    return f"{name}__rebuilt"


class Collection:
    """Typed access to the rows. Several threads may use it: each waits for one request of another at most."""

    def __init__(
        self,
        connection: Connection,
        *,
        uri: str,
        name: str,
        config: CollectionConfig,
        consistency: Consistency = "Session",
    ) -> None:
        self.config = config
        self.backend = connection.backend
        self.connection = connection
        self.name = name
        self.uri = uri
        self._client = connection.client
        self._lock = threading.Lock()
        self._unflushed = 0
        # Milvus Lite may seal, merge and index what it has before it answers.
        self._patience = SLOW_TIMEOUT if connection.backend.lite else TIMEOUT
        self._reading: dict[str, Any] = {"consistency_level": consistency}

    @classmethod
    def open(
        cls,
        connection: Connection,
        *,
        uri: str,
        name: str,
        formats: Sequence[int] = READABLE_FORMATS,
        consistency: Consistency = "Session",
    ) -> Collection:
        """Open the collection ``name``.

        Args:
            connection: to its Milvus.
            uri: where that is, for errors.
            name: what it is called.
            formats: those that will do.
            consistency: of what is read to answer from; what is read to decide what to write is Strong.

        Raises:
            KnowledgeNotFoundError: there is none.
            KnowledgeError: it is not a knowledge base of these formats.
        """
        client = connection.client
        with milvus_errors(uri):
            found = client.has_collection(name, timeout=TIMEOUT)
            if not found and client.has_collection(rebuilt(name), timeout=TIMEOUT):
                # The old one is dropped when the new one is complete; what was left to do is this.
                client.rename_collection(rebuilt(name), name, timeout=TIMEOUT)
                found = True
            if not found:
                raise KnowledgeNotFoundError(f"nothing in {uri} yet; add documents", remedy=Remedy("add"))
            properties = client.describe_collection(name, timeout=TIMEOUT).get("properties", {})
        try:
            config = CollectionConfig.of(properties)
        except (ValueError, KeyError, TypeError) as error:
            raise KnowledgeError(
                f"the collection {name!r} at {uri} is not a knowledge base of ossifrage; choose another name"
            ) from error
        if config.format not in formats:
            older = config.format < FORMAT
            raise KnowledgeError(
                f"the knowledge base {uri} has format {config.format}, this program reads {FORMAT}; "
                + ("rebuild it" if older else "use a newer version of ossifrage"),
                remedy=Remedy("rebuild") if older else None,
            )
        with milvus_errors(uri):
            # A collection of Milvus Lite that was opened or renamed is not loaded.
            if config.format == FORMAT:
                load_collection(client, name, config, embedded=connection.embedded)
            else:
                client.load_collection(name, timeout=SLOW_TIMEOUT)
        return cls(connection, uri=uri, name=name, config=config, consistency=consistency)

    @classmethod
    def create(
        cls,
        connection: Connection,
        *,
        uri: str,
        name: str,
        embedding: str,
        dimension: int,
        metric: Metric = "cosine",
        consistency: Consistency = "Session",
    ) -> Collection:
        """Make an empty collection. ``dimension`` is 0 for one without embedding.

        Raises:
            KnowledgeError: this Milvus has no full-text search, and without an embedding no other either.
        """
        backend = connection.backend
        full_text = backend.full_text and not connection.embedded
        if not (full_text or dimension or connection.embedded):
            raise KnowledgeError(
                f"{backend.name} at {uri} has no full-text search: choose an embedding, "
                "a server from Milvus 2.5 on, or a folder"
            )
        config = CollectionConfig(
            embedding=embedding, dimension=dimension, metric=metric, full_text=full_text
        )
        with milvus_errors(uri):
            create_collection(connection.client, name, config, embedded=connection.embedded)
        return cls(connection, uri=uri, name=name, config=config, consistency=consistency)

    def drop(self) -> None:
        """Delete the collection."""
        with self._request():
            self._client.drop_collection(self.name, timeout=TIMEOUT)

    def rename(self, name: str) -> None:
        """Give it another name, under which it is ready to be searched again."""
        with self._request():
            self._client.rename_collection(self.name, name, timeout=TIMEOUT)
            self._client.load_collection(name, timeout=SLOW_TIMEOUT)
        self.name = name

    def close(self) -> None:
        """Let go of Milvus."""
        self.connection.close()

    def count(self) -> int:
        """Passages in the collection, complete or not."""
        with self._request():
            rows = self._client.query(self.name, filter="", output_fields=["count(*)"], **self._strong)
        return int(rows[0]["count(*)"])

    def documents(self) -> dict[str, Document]:
        """Every document by source, in order; of two versions of one, the one added last."""
        found = sorted(map(document_of, self.records()), key=lambda each: (each.source, each.added))
        return {document.source: document for document in found}

    def document(self, source: str) -> Document | None:
        """The document of that name; of two versions of one, the one added last."""
        wanted = f"ordinal == 0 and source == {quote(source)}"
        with self._request():
            rows = self._client.query(
                self.name, filter=wanted, output_fields=_RECORD_FIELDS, timeout=TIMEOUT, **self._reading
            )
        return max(map(document_of, rows), key=lambda each: each.added, default=None)

    def records(self) -> Iterator[Row]:
        """The first passage of every document, without its text."""
        return self._rows("ordinal == 0", _RECORD_FIELDS)

    def passages(self, document: Document, first: int = 1, last: int | None = None) -> list[Row]:
        """The passages of a document that hold lines ``first`` to ``last``, in order."""
        # By their keys, which are known: Milvus Lite looks at every row for any other condition.
        reading = self._reading | {"timeout": TIMEOUT}
        places = self._by_key(keys_of(document), ["passage_id", "start_line", "end_line"], reading)
        wanted = [
            row["passage_id"]
            for row in places
            if row["end_line"] >= first and (last is None or row["start_line"] <= last)
        ]
        found = self._by_key(wanted, [*PASSAGE_FIELDS, "ordinal"], reading)
        return sorted(found, key=lambda row: row["ordinal"])

    def passage_ids(self) -> Iterator[str]:
        """The keys of all passages, in order."""
        return (row["passage_id"] for row in self._rows("", ["passage_id"]))

    def versions(self) -> Iterator[tuple[str, float]]:
        """The keys of all passages, in order, each with the time at which it was added."""
        for row in self._rows("", ["passage_id", "metadata"]):
            yield row["passage_id"], row["metadata"]["added"]

    def stored(self, *, vectors: bool) -> Iterator[Row]:
        """All rows as they were written, in the order of their keys."""
        return self._rows("", [*STORED_FIELDS, *(["dense"] if vectors and self.config.dimension else [])])

    def search_lexical(self, terms: Sequence[str], limit: int, condition: str = "") -> list[list[Hit]]:
        """BM25 search among the rows of ``condition``; one list of hits for each string of terms."""
        # Milvus Lite gives BM25 as a negative distance, the server as a positive score.
        return self._search("sparse", list(terms), limit, condition, {"metric_type": "BM25"}, abs)

    def search_dense(
        self, vectors: Sequence[Sequence[float]], limit: int, condition: str = ""
    ) -> list[list[Hit]]:
        """Search by the embedding among the rows of ``condition``; one list of hits for each vector."""
        if wrong := {len(vector) for vector in vectors} - {self.config.dimension}:
            raise EmbeddingError(
                f"the embedding gives {wrong.pop()} dimensions, the base {self.uri} has "
                f"{self.config.dimension}; use the embedding it was made with"
            )
        params = {"metric_type": self.config.metric.upper(), **self.backend.dense_search}
        return self._search("dense", [list(vector) for vector in vectors], limit, condition, params, float)

    def write(self, rows: Sequence[Row]) -> None:
        """Insert passages, the records of the documents last."""
        later = [row for row in rows if row["ordinal"] == 0]
        for part in ([row for row in rows if row["ordinal"] != 0], later):
            self._upsert(part)
        self._unflushed += len(rows)
        if self.backend.lite and self._unflushed >= _SEALED:
            self.flush()

    def delete(self, documents: Sequence[Document]) -> None:
        """Delete documents, their records first."""
        keys = [keys_of(each) for each in documents]
        self.delete_ids([record for record, *_ in keys])
        self.delete_ids([other for _, *others in keys for other in others])

    def passages_of(self, sources: Iterable[str]) -> Iterator[Row]:
        """The passages there are of documents, of any version, in any state: keys, sources and ordinals."""
        fields = ["passage_id", "source", "ordinal"]
        for part in _parts(sorted(sources)):
            yield from self._rows(f"source in [{', '.join(map(quote, part))}]", fields)

    def records_of(self, sources: Iterable[str]) -> Iterator[Row]:
        """The records there are of documents, of any version."""
        for part in _parts(sorted(sources)):
            named = f"source in [{', '.join(map(quote, part))}]"
            yield from self._rows(f"ordinal == 0 and {named}", _RECORD_FIELDS)

    def sources_of(self, ids: Sequence[str]) -> set[str]:
        """The documents that passages are of."""
        return {row["source"] for row in self._by_key(ids, ["passage_id", "source"])}

    def languages(self) -> dict[str, float]:
        """The languages of the passages with the share each has, by a sample: about as many are read whatever
        the size of the base.
        """
        total = self.count()
        # Keys are hashes, so those that begin low are passages taken at random.
        first = f"{min(_SAMPLED * 2**32 // max(total, 1), 2**32 - 1):08x}"
        condition = "" if total <= _SAMPLED else f"passage_id < {quote(first)}"
        spoken = [
            row["metadata"].get("language") for row in self._rows(condition, ["passage_id", "metadata"])
        ]
        counted = Counter(code for code in spoken if code)
        return {code: count / len(spoken) for code, count in counted.items()}

    def delete_ids(self, ids: Sequence[str]) -> None:
        """Delete passages by their keys."""
        for start in range(0, len(ids), _BATCH):
            with self._request():
                self._client.delete(self.name, ids=list(ids[start : start + _BATCH]), timeout=self._patience)

    def rows_of(self, documents: Sequence[Document]) -> Iterator[Row]:
        """The passages of documents, each document's record last."""
        fields = [*STORED_FIELDS, *(["dense"] if self.config.dimension else [])]
        for document in documents:
            record, *others = keys_of(document)
            yield from self._by_key([*others, record], fields)

    def repair(self) -> dict[str, Document]:
        """Delete what an interrupted ``add`` left behind; returns the documents there are, by source.

        That is passages whose document has no record, documents that lack passages, and versions of a
        document that a later one replaced.
        """
        complete, leftovers = self.survey()
        self.delete_ids(leftovers)
        return complete

    def survey(self) -> Survey:
        """Which documents are complete, and what else there is."""
        documents = self.documents()
        if sum(each.passages for each in documents.values()) == self.count():
            return Survey(documents, [])
        present = set(self.passage_ids())
        complete: dict[str, Document] = {}
        for source, each in documents.items():
            keys = keys_of(each)
            if present.issuperset(keys):
                complete[source] = each
                present.difference_update(keys)
        return Survey(complete, sorted(present))

    def flush(self) -> None:
        """Seal what was written: Milvus Lite searches what is not with a slow scan."""
        with self._request():
            self._client.flush(self.name, timeout=SLOW_TIMEOUT)
        self._unflushed = 0

    @property
    def _strong(self) -> dict[str, Any]:
        return {"consistency_level": "Strong", "timeout": TIMEOUT}

    @contextmanager
    def _request(self) -> Generator[None]:
        with self._lock, milvus_errors(self.uri):
            yield

    def _by_key(
        self, keys: Sequence[str], fields: list[str], reading: Mapping[str, Any] | None = None
    ) -> Iterator[Row]:
        for start in range(0, len(keys), _BATCH):
            part = list(keys[start : start + _BATCH])
            with self._request():
                rows = self._client.get(
                    self.name, ids=part, output_fields=fields, **(reading or self._strong)
                )
            yield from cast("list[Row]", rows)

    def _rows(self, condition: str, fields: list[str]) -> Iterator[Row]:
        page = _WIDE_PAGE if "text" in fields else _NARROW_PAGE
        with self._request():
            rows = self._client.query_iterator(
                self.name, batch_size=page, filter=condition, output_fields=fields, **self._strong
            )
        with closing(rows):
            while True:
                with self._request():
                    batch = cast("list[Row]", rows.next())
                if not batch:
                    return
                yield from batch

    def _search(
        self,
        field: str,
        data: list[Any],
        limit: int,
        condition: str,
        params: Mapping[str, Any],
        score: Callable[[float], float],
    ) -> list[list[Hit]]:
        with self._request():
            found = self._client.search(
                self.name,
                data=data,
                anns_field=field,
                limit=limit,
                filter=condition,
                search_params=dict(params),
                output_fields=PASSAGE_FIELDS,
                timeout=self._patience,
                **self._reading,
            )
        return [
            [Hit(cast(Row, dict(hit["entity"])), score(hit["distance"])) for hit in hits] for hits in found
        ]

    def _upsert(self, rows: Sequence[Row]) -> None:
        extra = {PLACEHOLDER: [0.0]} if self.config.placeholder else {}
        for start in range(0, len(rows), _BATCH):
            with self._request():
                part = [row | extra for row in rows[start : start + _BATCH]]
                self._client.upsert(self.name, part, timeout=self._patience)


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _NAMED] for start in range(0, len(values), _NAMED))


def document_of(record: Row) -> Document:
    """The document whose record, its first passage, this is."""
    about = record["metadata"]
    return Document(
        source=record["source"],
        title=record["title"],
        lines=record["total_lines"],
        passages=about.get("passages", 0),
        sha256=record["document_sha256"],
        modified=datetime.fromtimestamp(about["modified"], UTC),
        added=datetime.fromtimestamp(about["added"], UTC),
        path=about["path"],
        root=about.get("root", ""),
        tags=tuple(about["tags"]),
        given_tags=tuple(about.get("given_tags", ())),
        front_matter=about["front_matter"],
    )
