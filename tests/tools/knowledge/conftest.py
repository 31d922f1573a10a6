from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import KnowledgeBase

MILVUS_DOCS = Path(__file__).parents[4] / "shared" / "data" / "milvus_docs" / "en"


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """An empty knowledge base without embedding."""
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        yield base


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A small folder of documents."""
    folder = tmp_path / "docs"
    (folder / "birds").mkdir(parents=True)
    (folder / "birds" / "ossifrage.md").write_text(
        "# Ossifrage\n\nThe ossifrage drops bones from a height.\n\n## Range\n\nMountains of Asia.\n"
    )
    (folder / "birds" / "kite.md").write_text("# Kite\n\nA kite has a forked tail.\n")
    (folder / "notes.txt").write_text("Café notes\nsecond line\n\nlast line, no newline")
    return folder


@pytest.fixture(scope="session")
def milvus_docs() -> Path:
    """The Milvus documentation, where this checkout has it beside it."""
    if not MILVUS_DOCS.is_dir():
        pytest.skip(f"needs the Milvus documentation in {MILVUS_DOCS}")
    return MILVUS_DOCS
