"""What a knowledge base looks like in Milvus: the fields of a row and the collection's note about itself."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NotRequired, TypedDict, get_args

from .milvus import SLOW_TIMEOUT, TIMEOUT, load_pymilvus

__all__ = [
    "FORMAT",
    "HEADING_BYTES",
    "METRICS",
    "PASSAGE_FIELDS",
    "PLACEHOLDER",
    "READABLE_FORMATS",
    "STORED_FIELDS",
    "TITLE_BYTES",
    "VARCHAR_BYTES",
    "CollectionConfig",
    "Metadata",
    "Metric",
    "Row",
    "appears",
    "clip",
    "create_claims",
    "create_collection",
    "load_collection",
    "schema_of",
]

Metric = Literal["cosine", "ip"]
"""What vectors are compared by: the angle between them, or their inner product, which heeds lengths, too."""
METRICS: tuple[Metric, ...] = get_args(Metric)

FORMAT = 3
"""2 had full text of Milvus' own in folders, too."""
READABLE_FORMATS = (2, 3)
VARCHAR_BYTES = 65_535
"""Milvus' limit for a string field."""
TITLE_BYTES = 2_048
HEADING_BYTES = 8_192
PASSAGE_FIELDS = [
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
STORED_FIELDS = [*PASSAGE_FIELDS, "ordinal", "lexical", "document_sha256"]
"""Everything but the vectors."""
PLACEHOLDER = "placeholder"
"""The vector of a row in a collection that needs none: Milvus wants one in every collection."""

_LENGTHS = {"source": 8_192, "title": TITLE_BYTES, "heading": HEADING_BYTES, "document_sha256": 64}
_PROPERTY = "ossifrage"
"""The collection's property that says what it is. (Milvus Lite does not keep a collection's description.)"""


class Metadata(TypedDict):
    """What a passage knows of its document besides; ``passages`` and what is below only
    in the document's record.
    """

    added: float
    """Seconds since the epoch, as all times here."""
    modified: float
    path: str
    tags: list[str]
    front_matter: Mapping[str, object]
    language: NotRequired[str | None]
    """ISO 639-1; None where the words do not tell."""
    marks: NotRequired[list[tuple[int, Literal["page", "sheet", "slide"], int | str]]]
    """The page, sheet or slide that its first line is on, and those that begin below: line, kind, value."""
    passages: NotRequired[int]
    root: NotRequired[str]
    given_tags: NotRequired[list[str]]


class Row(TypedDict):
    """A passage as it is stored. The one with ``ordinal`` 0 is also its document's record."""

    passage_id: str
    source: str
    title: str
    heading: str
    start_line: int
    end_line: int
    total_lines: int
    ordinal: int
    text: str
    lexical: str
    """The search terms, separated by blanks."""
    document_sha256: str
    metadata: Metadata
    dense: NotRequired[list[float]]


@dataclass(frozen=True, kw_only=True)
class CollectionConfig:
    """What a collection says of itself."""

    embedding: str
    """A spec, or ``none``."""
    dimension: int
    """0 without an embedding."""
    metric: Metric = "cosine"
    """What vectors are compared by."""
    full_text: bool = True
    """Whether Milvus has a full-text index of it; a folder has one of its own beside the data."""
    format: int = FORMAT

    @property
    def placeholder(self) -> bool:
        """Whether its rows have a vector that means nothing."""
        return not self.full_text and not self.dimension

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> CollectionConfig:
        """Read it from a collection's properties.

        Raises:
            ValueError, KeyError, TypeError: it is no knowledge base.
        """
        values = json.loads(properties[_PROPERTY])
        return cls(
            embedding=str(values["embedding"]),
            dimension=int(values["dimension"]),
            metric="ip" if values.get("metric") == "ip" else "cosine",
            full_text=bool(values.get("full_text", True)),
            format=int(values["format"]),
        )

    def properties(self) -> dict[str, str]:
        """The inverse of :meth:`of`."""
        return {_PROPERTY: json.dumps(asdict(self))}


def clip(text: str, limit: int) -> str:
    """As much of ``text`` as fits a field of ``limit`` bytes."""
    return text.encode()[:limit].decode(errors="ignore")


def create_collection(client: Any, name: str, config: CollectionConfig) -> None:
    """Make an empty collection with its indexes, ready to be searched."""
    client.create_collection(
        name,
        schema=schema_of(client, config),
        properties=config.properties(),
        consistency_level="Session",
        timeout=TIMEOUT,
    )
    load_collection(client, name, config)


def load_collection(client: Any, name: str, config: CollectionConfig) -> None:
    """Make a collection ready to be searched; whoever made it may not have come to its indexes."""
    _ready(
        client,
        name,
        [
            *([("sparse", "SPARSE_INVERTED_INDEX", "BM25")] if config.full_text else []),
            *([("dense", "AUTOINDEX", config.metric.upper())] if config.dimension else []),
        ],
    )


def create_claims(client: Any, name: str) -> None:
    """Make the collection that claims on documents are kept in, if there is none; ready to be asked."""
    pymilvus = load_pymilvus()
    kind = pymilvus.DataType
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("claim", kind.VARCHAR, is_primary=True, max_length=128)
    schema.add_field("document", kind.VARCHAR, max_length=64)
    schema.add_field("writer", kind.VARCHAR, max_length=64)
    schema.add_field("lapses", kind.DOUBLE)
    schema.add_field(PLACEHOLDER, kind.FLOAT_VECTOR, dim=2)
    if not client.has_collection(name, timeout=TIMEOUT):
        try:
            client.create_collection(name, schema=schema, consistency_level="Strong", timeout=TIMEOUT)
        except pymilvus.MilvusException:
            if not appears(client, name):
                raise
    _ready(client, name, [(PLACEHOLDER, "AUTOINDEX", "COSINE")])


def appears(client: Any, name: str) -> bool:
    """Whether another process has made a collection at the moment at which it could not be made here."""
    for _ in range(20):
        if client.has_collection(name, timeout=TIMEOUT):
            return True
        time.sleep(0.1)  # Milvus Lite has the folder first, and the collection later
    return False


def _ready(client: Any, name: str, indexes: Sequence[tuple[str, str, str]]) -> None:
    for field, kind, metric in indexes:
        if client.list_indexes(name, field_name=field, timeout=TIMEOUT):
            continue
        # One index at a time and without waiting: pymilvus otherwise sleeps half a second for each.
        index = client.prepare_index_params()
        index.add_index(field, index_type=kind, metric_type=metric, index_name=field)
        try:
            client.create_index(name, index, sync=False, timeout=TIMEOUT)
        except load_pymilvus().MilvusException:
            if not client.list_indexes(name, field_name=field, timeout=TIMEOUT):
                raise  # else another process made it at the same moment
    client.load_collection(name, timeout=SLOW_TIMEOUT)


def schema_of(client: Any, config: CollectionConfig) -> Any:
    """The schema of a collection, as pymilvus has it."""
    pymilvus = load_pymilvus()
    kind = pymilvus.DataType
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("passage_id", kind.VARCHAR, is_primary=True, max_length=64)
    for name, length in _LENGTHS.items():
        schema.add_field(name, kind.VARCHAR, max_length=length)
    for name in ("ordinal", "start_line", "end_line", "total_lines"):
        schema.add_field(name, kind.INT64)
    schema.add_field("text", kind.VARCHAR, max_length=VARCHAR_BYTES)
    # The terms are words already; the analyzer only has to split at the blanks.
    analyzer: dict[str, Any] = {"enable_analyzer": True, "analyzer_params": {"tokenizer": "standard"}}
    schema.add_field(
        "lexical", kind.VARCHAR, max_length=VARCHAR_BYTES, **(analyzer if config.full_text else {})
    )
    schema.add_field("metadata", kind.JSON)
    if config.dimension:
        schema.add_field("dense", kind.FLOAT_VECTOR, dim=config.dimension)
    if config.placeholder:
        schema.add_field(PLACEHOLDER, kind.FLOAT_VECTOR, dim=1)
    if config.full_text:
        schema.add_field("sparse", kind.SPARSE_FLOAT_VECTOR)
        schema.add_function(
            pymilvus.Function(
                name="bm25",
                function_type=pymilvus.FunctionType.BM25,
                input_field_names=["lexical"],
                output_field_names=["sparse"],
            )
        )
    return schema
