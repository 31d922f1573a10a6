"""What a knowledge base looks like in Milvus: the fields of a row and the collection's note about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NotRequired, TypedDict

from .milvus import TIMEOUT, load_pymilvus

__all__ = [
    "FORMAT",
    "HEADING_BYTES",
    "PASSAGE_FIELDS",
    "PLACEHOLDER",
    "READABLE_FORMATS",
    "STORED_FIELDS",
    "TITLE_BYTES",
    "VARCHAR_BYTES",
    "CollectionConfig",
    "Metadata",
    "Row",
    "clip",
    "create_collection",
]

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
        schema=_schema(client, config),
        properties=config.properties(),
        consistency_level="Session",
        timeout=TIMEOUT,
    )
    # One index at a time and without waiting: pymilvus otherwise sleeps half a second for each.
    for field, kind, metric in (
        *([("sparse", "SPARSE_INVERTED_INDEX", "BM25")] if config.full_text else []),
        *([("dense", "AUTOINDEX", "COSINE")] if config.dimension else []),
    ):
        index = client.prepare_index_params()
        index.add_index(field, index_type=kind, metric_type=metric, index_name=field)
        client.create_index(name, index, sync=False, timeout=TIMEOUT)
    client.load_collection(name, timeout=TIMEOUT)


def _schema(client: Any, config: CollectionConfig) -> Any:
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
