from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes.milvus_server import milvus_lite_server
from ossifrage.tools.knowledge.store.collection import Collection
from ossifrage.tools.knowledge.store.conditions import quote
from ossifrage.tools.knowledge.store.milvus import connect
from ossifrage.tools.knowledge.store.schema import Row


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", '"plain"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a\nb\rc\td", '"a\\nb\\rc\\td"'),
        ('\\"', '"\\\\\\""'),
        ("it's", '"it\'s"'),
        ('" or source != "', '"\\" or source != \\""'),
    ],
)
def test_quote(value: str, literal: str) -> None:
    assert quote(value) == literal


def rows_of(vectors: Any) -> list[Row]:
    return [
        Row(
            passage_id=f"{number:032x}",
            source=f"{number}.md",
            title="T",
            heading="",
            start_line=1,
            end_line=1,
            total_lines=1,
            ordinal=0,
            text="text",
            lexical=f"stork {'heron ' * (number % 7)}lake{number}",
            document_sha256="0" * 64,
            metadata={
                "added": 0.0,
                "modified": 0.0,
                "path": "/a",
                "root": "",
                "tags": [],
                "given_tags": [],
                "front_matter": {},
                "passages": 1,
            },
            dense=vector.tolist(),
        )
        for number, vector in enumerate(vectors)
    ]


@pytest.fixture(scope="module")
def vectors() -> Any:
    # Random vectors are the hardest for a graph index: a small search list is bound to miss some.
    vectors = np.random.default_rng(5).normal(size=(2_500, 48)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, vectors: Any) -> Path:
    folder = tmp_path_factory.mktemp("lite")
    # By the inner product, for which a folder keeps no vectors beside its data: Milvus Lite has a graph then.
    made = Collection.create(
        connect(str(folder)),
        uri=str(folder),
        name="documents",
        embedding="custom:x",
        dimension=48,
        metric="ip",
    )
    made.write(rows_of(vectors))
    made.flush()
    # Without the flush, what was written would only be in the log, and be searched row by row.
    assert list((folder / "milvus.db").rglob("data_*.parquet"))
    made.close()
    return folder


@pytest.fixture
def collection(folder: Path) -> Iterator[Collection]:
    # Opened again a collection is released: it has to be loaded before a search.
    collection = Collection.open(connect(str(folder)), uri=str(folder), name="documents")
    yield collection
    collection.close()


def recall(collection: Collection, vectors: Any) -> float:
    queries = np.random.default_rng(6).normal(size=(50, 48)).astype(np.float32)
    nearest = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = collection.search_dense(queries.tolist(), 10)
    hits = [
        len({int(hit.row["passage_id"], 16) for hit in hits} & set(exact.tolist()))
        for hits, exact in zip(found, nearest, strict=True)
    ]
    return sum(hits) / 500


# What Milvus Lite does differently from a server, or silently not at all.


def test_search_parameters_arrive(collection: Collection, vectors: Any) -> None:
    ours = recall(collection, vectors)
    collection.backend = replace(collection.backend, dense_search={"params": {"ef": 10}})
    assert recall(collection, vectors) < ours
    assert ours > 0.9


def test_a_renamed_collection_can_be_searched(collection: Collection) -> None:
    collection.rename("renamed")
    try:
        assert collection.search_dense([[1.0] * 48], 1)[0]
    finally:
        collection.rename("documents")


def test_bm25_of_milvus_own_is_positive_and_descends(tmp_path: Path, vectors: Any) -> None:
    """Behind an address Milvus Lite searches by words itself."""
    with milvus_lite_server(tmp_path / "served") as uri:
        collection = Collection.create(connect(uri), uri=uri, name="words", embedding="none", dimension=0)
        rows = rows_of(vectors[:50])
        for row in rows:
            row.pop("dense", None)
        collection.write(rows)
        collection.flush()
        (hits,) = collection.search_lexical(["heron lake5"], 10)
        collection.close()
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0
    assert hits[0].row["source"] == "5.md"
