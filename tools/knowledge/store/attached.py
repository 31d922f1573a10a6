"""A collection of someone else's, searched as it is and never written to.

A row is a document of its own, since nothing in a schema says which rows follow each other. Its name is what
it is from, or the collection, and its key: ``guide.pdf/12``, ``my_rag_collection/7``. So a citation names one
row, and stays true when others come and go.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote as percent_encoded
from urllib.parse import unquote

from ...addresses import without_credentials
from ..errors import EmbeddingError, KnowledgeError, KnowledgeNotFoundError
from ..filters import near_names
from ..values import Document, FilterCheck, Filters, UnknownName
from .attachment import Attachment, Index, Layout
from .collection import Hit
from .conditions import LIKE, folder_condition, quote
from .milvus import SLOW_TIMEOUT, TIMEOUT, Connection, connect, is_server, milvus_errors
from .schema import TITLE_BYTES, CollectionConfig, Row, clip
from .store import Writing

__all__ = ["AttachedStore", "Foreign"]

_LISTED = 1_000
"""Rows that a list of them names, at most: each has to be read for it."""
_LISTED_FOR = 60.0
"""Seconds that a list is good for."""
_SAMPLE = 20
_UNKNOWN = datetime.fromtimestamp(0, UTC)
"""When a row was written: nobody knows."""
_METRICS = ("COSINE", "IP", "L2")
_LEFT_OUT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x84\x86-\x9f]")
_NOT_IN_A_NAME = re.compile(r"[\s\0-\x1f\x7f-\x9f]+")
_NOT_IN_A_KEY = re.compile(r"[%/\s\0-\x1f\x7f-\x9f]")
_INT64 = re.compile(r"-?\d{1,19}")


class _Read(NamedTuple):
    """A row that has text."""

    key: int | str
    source: str
    title: str
    text: str
    path: str


class Foreign:
    """A collection that this program did not make. Only asks."""

    def __init__(self, connection: Connection, uri: str, name: str) -> None:
        self.backend = connection.backend
        self.uri = uri
        self.name = name
        self._connection = connection
        self._client = connection.client
        self._lock = threading.Lock()
        with self.request():
            if not self._client.has_collection(name, timeout=TIMEOUT):
                there = ", ".join(self._client.list_collections(timeout=TIMEOUT)[:10])
                raise KnowledgeNotFoundError(f"no collection {name!r} at {uri}; there is {there or 'none'}")
            description = self._client.describe_collection(name, timeout=TIMEOUT)
        if "ossifrage" in description.get("properties", {}):
            raise KnowledgeError(f"{name!r} at {uri} is a knowledge base itself: open it by its address")
        self.layout = Layout.of(description)
        self._load()

    @classmethod
    def open(cls, uri: str, name: str, *, token: str | None = None) -> Foreign:
        """Reach a collection.

        Args:
            uri: the file of Milvus Lite, or a server's address.
            name: the collection, or an alias of it.
            token: for a server.

        Raises:
            KnowledgeNotFoundError: there is none.
            KnowledgeLockedError: another process has the file open.
            KnowledgeUnreachableError: the server does not answer.
            KnowledgeError: it is a knowledge base, or is not loaded.
        """
        data = None if is_server(uri) else Path(uri).expanduser().resolve()
        if data is not None and not data.exists():
            raise KnowledgeNotFoundError(f"there is no {data}")
        if data is not None and not data.is_dir():
            raise KnowledgeError(f"{data} is no data of Milvus Lite 3 (which keeps them in a folder)")
        connection = connect(uri, token=token, data=data)
        try:
            return cls(connection, without_credentials(uri), name)
        except BaseException:
            connection.close()
            raise

    @contextmanager
    def request(self) -> Generator[None]:
        """One request at a time, with errors of this package."""
        with self._lock, milvus_errors(self.uri):
            yield

    def index(self, field: str) -> Index:
        """How a field is searched.

        Raises:
            KnowledgeError: it has no index, or one by another metric than the three of float vectors.
        """
        with self.request():
            names = self._client.list_indexes(self.name, field_name=field, timeout=TIMEOUT)
            described = cast(
                "dict[str, Any]",
                self._client.describe_index(self.name, names[0], timeout=TIMEOUT) if names else {},
            )
        metric = str(described.get("metric_type", "")).upper()
        if metric not in _METRICS:
            raise KnowledgeError(
                f"the field {field!r} of {self.name!r} has no index for float vectors; make one with the "
                f"metric that its vectors are meant for ({', '.join(_METRICS)})"
            )
        nlist = str(described.get("nlist", 0))
        return Index(
            str(described.get("index_type", "")).upper(), metric, int(nlist) if nlist.isdigit() else 0
        )

    def sample(self) -> list[dict[str, Any]]:
        """Some rows with all their fields."""
        return self.query("", ["*"], _SAMPLE)

    def query(self, condition: str, fields: list[str], limit: int) -> list[dict[str, Any]]:
        """Rows of ``condition``."""
        with self.request():
            return cast(
                "list[dict[str, Any]]",
                self._client.query(
                    self.name, filter=condition, output_fields=fields, limit=limit, timeout=SLOW_TIMEOUT
                ),
            )

    def get(self, key: int | str, fields: list[str]) -> dict[str, Any] | None:
        """The row with this key."""
        with self.request():
            rows = self._client.get(self.name, ids=[key], output_fields=fields, timeout=TIMEOUT)
        return dict(rows[0]) if rows else None

    def count(self, condition: str = "") -> int:
        """Rows of ``condition``."""
        with self.request():
            [row] = self._client.query(
                self.name, filter=condition, output_fields=["count(*)"], timeout=SLOW_TIMEOUT
            )
        return int(row["count(*)"])

    def search(
        self,
        field: str,
        data: list[Any],
        limit: int,
        condition: str,
        params: Mapping[str, Any],
        fields: list[str],
    ) -> list[list[tuple[dict[str, Any], float]]]:
        """The rows found for each of ``data``, with Milvus' distance."""
        with self.request():
            found = self._client.search(
                self.name,
                data=data,
                anns_field=field,
                limit=limit,
                filter=condition,
                search_params=dict(params),
                output_fields=fields,
                timeout=SLOW_TIMEOUT if self.backend.lite else TIMEOUT,
            )
        return [
            [(dict(hit["entity"]) | {self.layout.key: hit[self.layout.key]}, hit["distance"]) for hit in hits]
            for hits in found
        ]

    def close(self) -> None:
        """Let go of Milvus. Safe to call twice."""
        self._connection.close()

    def _load(self) -> None:
        with self.request():
            if self._client.get_load_state(self.name, timeout=TIMEOUT)["state"].name != "NotLoad":
                return
            if self.backend.lite:  # it loads nothing by itself when it is opened
                self._client.load_collection(self.name, timeout=SLOW_TIMEOUT)
                return
        raise KnowledgeError(
            f"the collection {self.name!r} at {self.uri} is not loaded, and who released it may have had a "
            "reason: load it with load_collection of pymilvus, then try again"
        )


class AttachedStore:
    """Answers from the rows of a collection of someone else's."""

    def __init__(self, foreign: Foreign, attachment: Attachment) -> None:
        layout = foreign.layout
        self.attachment = attachment
        self.name = foreign.name
        self._foreign = foreign
        self._words = layout.full_text.get(attachment.text)
        self._index = foreign.index(attachment.vector) if attachment.vector else None
        self.config = CollectionConfig(
            embedding=attachment.embedding,
            dimension=layout.vectors.get(attachment.vector or "", 0),
            full_text=self._words is not None,
        )
        named = {name for name in (attachment.text, attachment.source, attachment.title) if name}
        if not layout.dynamic and (gone := sorted(named - {layout.key, *layout.strings})):
            raise KnowledgeError(f"{foreign.name!r} at {foreign.uri} has no field {gone[0]!r} any more")
        self._fields = [layout.key, *sorted(named - {layout.key})]
        self._listing = threading.Lock()
        self._listed: tuple[float, dict[str, Document]] | None = None

    @classmethod
    def open(cls, attachment: Attachment, *, token: str | None = None) -> AttachedStore:
        """Open what is attached; raises what :meth:`Foreign.open` does."""
        foreign = Foreign.open(attachment.uri, attachment.collection, token=token)
        try:
            return cls(foreign, attachment)
        except BaseException:
            foreign.close()
            raise

    @property
    def backend_name(self) -> str:
        """Which Milvus it is, for people."""
        return self._foreign.backend.name

    @property
    def full_text(self) -> bool:
        """Whether Milvus searches these rows by words."""
        return self._words is not None

    def counts(self) -> tuple[int, int]:
        """Documents and passages: there is one of each for a row."""
        rows = self._foreign.count()
        return rows, rows

    def documents(self) -> Mapping[str, Document]:
        """Some of the rows that have text, at most a thousand, as they were a minute ago at most."""
        with self._listing:
            if self._listed is None or time.monotonic() - self._listed[0] > _LISTED_FOR:
                rows = self._foreign.query("", self._fields, _LISTED)
                read = filter(None, map(self._read, rows))
                listed = {each.source: _document(each) for each in read}
                self._listed = time.monotonic(), dict(sorted(listed.items()))
            return self._listed[1]

    def document(self, source: str) -> Document | None:
        """The row of that name; the key alone is a name, too."""
        row = self._row(source)
        return None if row is None else _document(row)

    def passages(self, document: Document, first: int = 1, last: int | None = None) -> list[Row]:
        """The row, which is all there is of the document."""
        row = self._row(document.source)
        return [] if row is None else [_passage(row)]

    def missing(self) -> tuple[str, ...]:
        """Nobody knows of rows that were lost."""
        return ()

    def languages(self) -> Mapping[str, float] | None:
        """Unknown, and not needed: queries are given to Milvus as they are."""
        return None

    def terms(self, query: str) -> str:
        """The query itself: Milvus takes it apart as it did the rows."""
        return query

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave of the rows."""
        documents = self._foreign.count(self._condition(filters))
        unknown = [
            UnknownName(kind="source", name=name, near=near_names(name, self.documents()))
            for name in filters.sources
            if not self._foreign.count(self._condition(Filters(sources=(name,))))
        ]
        return FilterCheck(documents=documents, unknown=tuple(unknown), oldest=None, newest=None)

    def search_lexical(self, terms: Sequence[str], limit: int, filters: Filters | None) -> list[list[Hit]]:
        """BM25 search by Milvus; one list of hits for each query."""
        assert self._words is not None
        # Milvus Lite gives BM25 as a negative distance, the server as a positive score.
        return self._hits(self._words, list(terms), limit, filters, {"metric_type": "BM25"}, abs)

    def search_dense(
        self, vectors: Sequence[Sequence[float]], limit: int, filters: Filters | None
    ) -> list[list[Hit]]:
        """Search by the metric of the collection; one list of hits for each vector."""
        assert self.attachment.vector is not None
        assert self._index is not None
        if wrong := {len(vector) for vector in vectors} - {self.config.dimension}:
            raise EmbeddingError(
                f"the embedding gives {wrong.pop()} dimensions, {self.name!r} has {self.config.dimension}; "
                "use the one its vectors were made with"
            )
        params = {"metric_type": self._index.metric, **self._effort(limit)}
        score = _similarity if self._index.metric == "L2" else float
        data = [list(vector) for vector in vectors]
        return self._hits(self.attachment.vector, data, limit, filters, params, score)

    def writing(self) -> AbstractContextManager[Writing]:
        """Never.

        Raises:
            KnowledgeError: always.
        """
        raise KnowledgeError(
            f"the collection {self.name!r} is attached: it can be searched here, and changed only by those "
            "who made it"
        )

    def release(self) -> None:
        """Nothing: it is only read."""

    def close(self) -> None:
        """Let go of it. Safe to call twice."""
        self._foreign.close()

    def _effort(self, limit: int) -> Mapping[str, Any]:
        """How hard an index has to look, where Milvus asks that of the caller."""
        assert self._index is not None
        if self._foreign.backend.lite:
            return self._foreign.backend.dense_search
        kind, nlist = self._index.kind, self._index.nlist
        if kind.startswith("HNSW"):
            return {"params": {"ef": max(128, 2 * limit)}}
        if kind.startswith("IVF") or kind == "SCANN":
            return {"params": {"nprobe": max(16, nlist // 16)}}
        if kind == "DISKANN":
            return {"params": {"search_list": max(100, limit)}}
        return {}

    def _hits(
        self,
        field: str,
        data: list[Any],
        limit: int,
        filters: Filters | None,
        params: Mapping[str, Any],
        score: Callable[[float], float],
    ) -> list[list[Hit]]:
        condition = self._condition(filters) if filters else ""
        found = self._foreign.search(field, data, limit, condition, params, self._fields)
        return [list(self._found(hits, score)) for hits in found]

    def _found(
        self, hits: Sequence[tuple[dict[str, Any], float]], score: Callable[[float], float]
    ) -> Iterator[Hit]:
        for values, distance in hits:
            if (row := self._read(values)) is not None:
                yield Hit(_passage(row), score(distance))

    def _row(self, source: str) -> _Read | None:
        """The row of that name, or with that key."""
        key = self._key(source.rpartition("/")[2])
        values = None if key is None else self._foreign.get(key, self._fields)
        row = None if values is None else self._read(values)
        return row if row is not None and source in (row.source, row.source.rpartition("/")[2]) else None

    def _key(self, written: str) -> int | str | None:
        if not self._foreign.layout.numbered:
            return unquote(written)
        return int(written) if _INT64.fullmatch(written) and abs(int(written)) < 2**63 else None

    def _read(self, values: Mapping[str, Any]) -> _Read | None:
        """A row as it is shown; None where it has no text."""
        given, text = self.attachment, values.get(self.attachment.text)
        if not isinstance(text, str) or not (text := _lines(text)).strip():
            return None
        key = cast("int | str", values[self._foreign.layout.key])
        origin = _one_line(values.get(given.source)) if given.source else ""
        coded = _NOT_IN_A_KEY.sub(lambda match: percent_encoded(match[0], safe=""), str(key))
        name = f"{origin.rstrip('/') or self.name}/{coded}"
        return _Read(
            key=key,
            source=name,
            title=clip(_one_line(values.get(given.title)) if given.title else "", TITLE_BYTES)
            or origin
            or self.name,
            text=text,
            path=origin if is_server(origin) else "",
        )

    def _condition(self, filters: Filters) -> str:
        if filters.tags or filters.modified_from is not None or filters.modified_before is not None:
            raise KnowledgeError(
                f"the rows of the attached collection {self.name!r} have no tags and no dates; choose by "
                "sources only"
            )
        parts = [self._named(name) for name in filters.sources]
        # One that names all of them leaves nothing out.
        return "" if "" in parts else " or ".join(f"({part})" for part in parts)

    def _named(self, name: str) -> str:
        """The condition for what a name means; empty where that is every row."""
        key_field, source_field = self._foreign.layout.key, self.attachment.source
        if (row := self._row(name)) is not None:
            return f"{key_field} == {quote(row.key) if isinstance(row.key, str) else row.key}"
        if source_field is None:
            if name.rstrip("/") == self.name:
                return ""
            if any(char in name for char in "*?["):
                raise KnowledgeError(
                    f"the rows of {self.name!r} have no sources that a pattern could choose from; name rows"
                )
            return f"{key_field} in []"
        if not any(char in name for char in "*?["):
            return folder_condition(source_field, name)
        if LIKE.fullmatch(name):
            return f"{source_field} like {quote(name.replace('*', '%'))}"
        raise KnowledgeError(
            f"the pattern {name!r} cannot be put to the attached collection; of patterns it takes *, and no "
            "names with %, _ or \\ beside it"
        )


def _similarity(distance: float) -> float:
    """Turns the squared distance, of which less is better; the cosine where vectors have length one."""
    return 1.0 - distance / 2.0


def _lines(text: str) -> str:
    """The text in lines that end in one way, without control characters."""
    return _LEFT_OUT.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n"))


def _one_line(value: object) -> str:
    return _NOT_IN_A_NAME.sub(" ", str(value)).strip() if isinstance(value, str | int) else ""


def _document(row: _Read) -> Document:
    return Document(
        source=row.source,
        title=row.title,
        lines=row.text.count("\n") + 1,
        passages=1,
        sha256=hashlib.sha256(row.text.encode(errors="replace")).hexdigest(),
        modified=_UNKNOWN,
        added=_UNKNOWN,
        path=row.path,
        root="",
    )


def _passage(row: _Read) -> Row:
    lines = row.text.count("\n") + 1
    return {
        "passage_id": row.source,
        "source": row.source,
        "title": row.title,
        "heading": "",
        "start_line": 1,
        "end_line": lines,
        "total_lines": lines,
        "ordinal": 0,
        "text": row.text,
        "lexical": "",
        "document_sha256": "",
        "metadata": {"added": 0.0, "modified": 0.0, "path": row.path, "tags": [], "front_matter": {}},
    }
