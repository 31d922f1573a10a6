"""The Milvus collection behind a knowledge base: one row a passage.

A row carries everything, so Milvus is the only store. The passage with ``ordinal`` 0 is also the record of
its document and is written last: a document whose record is missing was never completed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .errors import EmbeddingError, KnowledgeError, KnowledgeNotFoundError
from .milvus import TIMEOUT, Connection, load_pymilvus, milvus_errors
from .values import Document

__all__ = ["Collection", "Hit", "passage_id", "quote"]

Row = dict[str, Any]

FORMAT = 2
VARCHAR_BYTES = 65_535
"""Milvus' limit for a string field."""
STATISTICS_ROWS = 4_000
"""Passages from which word frequencies are taken to be known well enough."""

_PROPERTY = "ossifrage"
"""The collection's property that says what it is. (Milvus Lite does not keep a collection's description.)"""
_BATCH = 500
_PASSAGE_FIELDS = [
    "passage_id",
    "source",
    "title",
    "heading",
    "start_line",
    "end_line",
    "total_lines",
    "text",
    "metadata",
]
_STORED_FIELDS = [*_PASSAGE_FIELDS, "ordinal", "lexical", "document_sha256"]


@dataclass(frozen=True)
class Hit:
    """A row that was found, with a score of which more is better."""

    row: Mapping[str, Any]
    score: float


def passage_id(source: str, sha256: str, ordinal: int) -> str:
    """The key of a passage: the same document always gets the same keys. Hexadecimal only."""
    return hashlib.sha256(f"{source}\0{sha256}\0{ordinal}".encode(errors="surrogatepass")).hexdigest()[:32]


def quote(value: str) -> str:
    """A string literal of Milvus' filter language."""
    for char, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(char, escaped)
    return f'"{value}"'


class Collection:
    """Typed access to the rows."""

    def __init__(
        self, connection: Connection, *, uri: str, name: str, embedding: str, dimension: int
    ) -> None:
        self.embedding = embedding
        self.dimension = dimension
        self.name = name
        self._connection = connection
        self._client = connection.client
        self._uri = uri

    @classmethod
    def open(cls, connection: Connection, *, uri: str, name: str) -> Collection:
        """Open the collection ``name``.

        Raises:
            KnowledgeNotFoundError: there is none.
            KnowledgeError: it is not a knowledge base of this format.
        """
        client = connection.client
        with milvus_errors(uri):
            if not client.has_collection(name, timeout=TIMEOUT):
                raise KnowledgeNotFoundError(
                    f"nothing in {uri} yet; add documents with: ossifrage kb add PATH"
                )
            properties = client.describe_collection(name, timeout=TIMEOUT).get("properties", {})
            client.load_collection(name, timeout=TIMEOUT)
        try:
            about = json.loads(properties[_PROPERTY])
            version, embedding, dimension = about["format"], str(about["embedding"]), int(about["dimension"])
        except (ValueError, KeyError, TypeError) as error:
            raise KnowledgeError(
                f"the collection {name!r} at {uri} is not a knowledge base of ossifrage; choose another name"
            ) from error
        if version != FORMAT:
            raise KnowledgeError(
                f"the knowledge base {uri} has format {version}, this program reads {FORMAT}: upgrade it"
            )
        return cls(connection, uri=uri, name=name, embedding=embedding, dimension=dimension)

    @classmethod
    def create(
        cls, connection: Connection, *, uri: str, name: str, embedding: str, dimension: int
    ) -> Collection:
        """Make an empty collection. ``dimension`` is 0 for one without embedding."""
        client = connection.client
        about = json.dumps({"format": FORMAT, "embedding": embedding, "dimension": dimension})
        with milvus_errors(uri):
            client.create_collection(
                name,
                schema=_schema(client, dimension),
                properties={_PROPERTY: about},
                consistency_level="Session",
                timeout=TIMEOUT,
            )
            # One index at a time and without waiting: pymilvus otherwise sleeps half a second for each.
            for field, kind, metric in (
                ("sparse", "SPARSE_INVERTED_INDEX", "BM25"),
                *([("dense", "AUTOINDEX", "COSINE")] if dimension else []),
            ):
                index = client.prepare_index_params()
                index.add_index(field, index_type=kind, metric_type=metric, index_name=field)
                client.create_index(name, index, sync=False, timeout=TIMEOUT)
            client.load_collection(name, timeout=TIMEOUT)
        return cls(connection, uri=uri, name=name, embedding=embedding, dimension=dimension)

    def close(self) -> None:
        """Let go of Milvus."""
        self._connection.close()

    def count(self) -> int:
        """Passages in the collection, complete or not."""
        with milvus_errors(self._uri):
            rows = self._client.query(self.name, filter="", output_fields=["count(*)"], **self._strong)
        return int(rows[0]["count(*)"])

    def documents(self, condition: str = "") -> dict[str, Document]:
        """Every document by source, in order; of two versions of one, the one added last."""
        wanted = "ordinal == 0" + (f" and {condition}" if condition else "")
        fields = ["source", "title", "total_lines", "document_sha256", "metadata"]
        found = sorted(map(_document, self._rows(wanted, fields)), key=lambda each: (each.source, each.added))
        return {document.source: document for document in found}

    def passages(self, document: Document, condition: str = "") -> list[Row]:
        """The passages of a document, in order."""
        wanted = f"source == {quote(document.source)} and document_sha256 == {quote(document.sha256)}"
        if condition:
            wanted += f" and {condition}"
        return sorted(self._rows(wanted, [*_PASSAGE_FIELDS, "ordinal"]), key=lambda row: row["ordinal"])

    def search_lexical(self, terms: Sequence[str], limit: int, condition: str = "") -> list[list[Hit]]:
        """BM25 search among the rows of ``condition``; one list of hits for each string of terms."""
        # Milvus Lite gives BM25 as a negative distance, the server as a positive score.
        return self._search("sparse", list(terms), limit, condition, {"metric_type": "BM25"}, abs)

    def search_dense(
        self, vectors: Sequence[Sequence[float]], limit: int, condition: str = ""
    ) -> list[list[Hit]]:
        """Search by cosine similarity among the rows of ``condition``; one list of hits for each vector."""
        if wrong := {len(vector) for vector in vectors} - {self.dimension}:
            raise EmbeddingError(
                f"the embedding gives {wrong.pop()} dimensions, the base {self._uri} has {self.dimension}; "
                "use the embedding it was made with"
            )
        return self._search(
            "dense", [list(vector) for vector in vectors], limit, condition, {"metric_type": "COSINE"}, float
        )

    def write(self, rows: Sequence[Row]) -> None:
        """Insert passages, the records of the documents last."""
        later = [row for row in rows if row["ordinal"] == 0]
        for part in ([row for row in rows if row["ordinal"] != 0], later):
            self._upsert(part)

    def delete(self, documents: Sequence[Document]) -> None:
        """Delete documents, their records first."""
        records = [passage_id(each.source, each.sha256, 0) for each in documents]
        others = [
            passage_id(each.source, each.sha256, ordinal)
            for each in documents
            for ordinal in range(1, each.passages)
        ]
        self._delete_ids(records)
        self._delete_ids(others)

    def repair(self) -> int:
        """Delete what an interrupted ``add`` left behind; returns how many passages that were.

        These are passages whose document has no record, documents that lack passages, and versions of a
        document that a later one replaced.
        """
        documents = self.documents()
        if sum(each.passages for each in documents.values()) == self.count():
            return 0
        rows = list(self._rows("", ["passage_id", "source", "ordinal", "document_sha256"]))
        present = {row["passage_id"] for row in rows}
        keep = {
            key
            for each in documents.values()
            if present.issuperset(
                keys := [passage_id(each.source, each.sha256, n) for n in range(each.passages)]
            )
            for key in keys
        }
        self._delete_ids(sorted(present - keep))
        return len(present - keep)

    def settle(self, written: int, since: datetime) -> None:
        """Make what was written searchable.

        Milvus Lite keeps what was written between two flushes as one segment and ranks by the word
        frequencies within a segment: to a segment of three passages every word is common, and its passages
        would lose against any other. So older passages are written again along with the new ones, until
        the segment is large enough to know which words are rare.

        Args:
            written: passages written since the last time.
            since: the time those passages carry as ``added``.
        """
        if self._connection.lite and 0 < written < STATISTICS_ROWS:
            fields = [*_STORED_FIELDS, *(["dense"] if self.dimension else [])]
            older: list[Row] = []
            for row in self._rows("", fields):
                if len(older) == STATISTICS_ROWS - written:
                    break
                if row["metadata"]["added"] < since.timestamp():
                    older.append(row)
            self._upsert(older)
        self.flush()

    def flush(self) -> None:
        """Seal what was written: Milvus Lite searches what is not with a slow scan."""
        with milvus_errors(self._uri):
            self._client.flush(self.name, timeout=TIMEOUT * 10)

    @property
    def _strong(self) -> dict[str, Any]:
        return {"consistency_level": "Strong", "timeout": TIMEOUT}

    def _rows(self, condition: str, fields: list[str]) -> Iterator[Row]:
        with milvus_errors(self._uri):
            rows = self._client.query_iterator(
                self.name, batch_size=_BATCH * 2, filter=condition, output_fields=fields, **self._strong
            )
            with closing(rows):
                while batch := rows.next():
                    yield from batch

    def _search(
        self,
        field: str,
        data: list[Any],
        limit: int,
        condition: str,
        params: Row,
        score: Callable[[float], float],
    ) -> list[list[Hit]]:
        with milvus_errors(self._uri):
            found = self._client.search(
                self.name,
                data=data,
                anns_field=field,
                limit=limit,
                filter=condition,
                search_params=params,
                output_fields=_PASSAGE_FIELDS,
                timeout=TIMEOUT,
            )
            return [[Hit(dict(hit["entity"]), score(hit["distance"])) for hit in hits] for hits in found]

    def _upsert(self, rows: Sequence[Row]) -> None:
        with milvus_errors(self._uri):
            for start in range(0, len(rows), _BATCH):
                self._client.upsert(self.name, list(rows[start : start + _BATCH]), timeout=TIMEOUT)

    def _delete_ids(self, ids: Sequence[str]) -> None:
        with milvus_errors(self._uri):
            for start in range(0, len(ids), _BATCH):
                self._client.delete(self.name, ids=list(ids[start : start + _BATCH]), timeout=TIMEOUT)


def _document(row: Row) -> Document:
    about = row["metadata"]
    return Document(
        source=row["source"],
        title=row["title"],
        lines=row["total_lines"],
        passages=about["passages"],
        sha256=row["document_sha256"],
        modified=datetime.fromtimestamp(about["modified"], UTC),
        added=datetime.fromtimestamp(about["added"], UTC),
        path=about["path"],
        root=about["root"],
        tags=tuple(about["tags"]),
        given_tags=tuple(about["given_tags"]),
        front_matter=about["front_matter"],
    )


def _schema(client: Any, dimension: int) -> Any:
    pymilvus = load_pymilvus()
    kind = pymilvus.DataType
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("passage_id", kind.VARCHAR, is_primary=True, max_length=64)
    for name, length in (("source", 8_192), ("title", 2_048), ("heading", 8_192), ("document_sha256", 64)):
        schema.add_field(name, kind.VARCHAR, max_length=length)
    for name in ("ordinal", "start_line", "end_line", "total_lines"):
        schema.add_field(name, kind.INT64)
    schema.add_field("text", kind.VARCHAR, max_length=VARCHAR_BYTES)
    # The terms are words already; the analyzer only has to split at the blanks.
    schema.add_field(
        "lexical",
        kind.VARCHAR,
        max_length=VARCHAR_BYTES,
        enable_analyzer=True,
        analyzer_params={"tokenizer": "standard"},
    )
    schema.add_field("metadata", kind.JSON)
    schema.add_field("sparse", kind.SPARSE_FLOAT_VECTOR)
    if dimension:
        schema.add_field("dense", kind.FLOAT_VECTOR, dim=dimension)
    schema.add_function(
        pymilvus.Function(
            name="bm25",
            function_type=pymilvus.FunctionType.BM25,
            input_field_names=["lexical"],
            output_field_names=["sparse"],
        )
    )
    return schema
