"""Parquet files that a Milvus server can import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.letters import Letters
from ossifrage.tools.knowledge import BulkStorage, KnowledgeBase, KnowledgeError, migrate, write_parquet

parquet: Any = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("minio")


def read(files: list[list[str]]) -> list[dict[str, Any]]:
    return [row for group in files for file in group for row in parquet.read_table(file).to_pylist()]


def test_the_files_hold_every_passage(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding=Letters()) as base:
        base.add([docs], tags=["birds"])
        documents = {each.source: each for each in base}
        ossifrage = base.text("docs/birds/ossifrage.md")
    rows = read(write_parquet(tmp_path / "base", tmp_path / "files"))
    assert len(rows) == sum(each.passages for each in documents.values())
    assert {row["source"] for row in rows} == set(documents)
    [row, *_] = [row for row in rows if row["source"] == "docs/birds/ossifrage.md" and row["ordinal"] == 0]
    assert ossifrage.startswith(row["text"].rstrip("\n"))
    assert "ossifrag" in row["lexical"]
    assert json.loads(row["metadata"])["tags"] == ["birds"]
    [stored] = Letters().encode_documents([f"{row['heading']}\n{row['text']}"])
    assert row["dense"] == pytest.approx(stored, abs=1e-6)
    # Milvus computes its full-text index itself; an older one has none.
    assert "sparse" not in row
    assert read(write_parquet(tmp_path / "base", tmp_path / "old", full_text=False)) == rows


def test_storage_that_is_not_there(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding=Letters()) as base:
        base.add([docs])
    storage = BulkStorage(
        endpoint="127.0.0.1:9", bucket="bucket", access_key="a-key", secret_key="s3cret", secure=False
    )
    assert "s3cret" not in repr(storage)
    with pytest.raises(KnowledgeError, match="could not be written or imported") as caught:
        migrate(tmp_path / "base", tmp_path / "other", bulk=storage)
    assert "s3cret" not in str(caught.value)
    with KnowledgeBase(tmp_path / "base", embedding=Letters()) as base:
        assert len(base) == 3
