"""A real Milvus server without full-text search: 2.3.5, from the package ``milvus``.

``OSSIFRAGE_MILVUS_PYTHON`` names a Python that has it. `make test-milvus` runs these tests where there is no
network, since the server would listen on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusClient

from fakes.letters import Letters as Normal
from fakes.milvus_server import milvus_standalone
from fakes.tutorial import LINES, NAME, make_tutorial, rows_of
from ossifrage.tools.knowledge import (
    EmbeddingUnavailableError,
    Filters,
    KnowledgeBase,
    KnowledgeError,
    migrate,
    rebuild,
)

PYTHON = os.environ.get("OSSIFRAGE_MILVUS_PYTHON")
pytestmark = [
    pytest.mark.milvus,
    pytest.mark.skipif(PYTHON is None, reason="OSSIFRAGE_MILVUS_PYTHON names no Python with milvus"),
]


class Letters:
    dim = 26

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1.0 + text.casefold().count(chr(97 + n)) for n in range(26)] for text in documents]

    encode_queries = encode_documents


class Halves(Letters):
    dim = 13

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [vector[:13] for vector in super().encode_documents(documents)]

    encode_queries = encode_documents


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert PYTHON is not None
    with milvus_standalone(PYTHON, tmp_path_factory.mktemp("milvus") / "data") as uri:
        yield uri


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(40):
        parts = "".join(f"\n## Part {part}\n\n{'Stork number. ' * 20}{n} {part}\n" for part in range(3))
        (folder / f"{n}.md").write_text(f"# Document {n}\n{parts}")
    (folder / "kite.md").write_text("# Kite\n\nZzz buzz fizz jazz.\n")
    return folder


def test_it_needs_an_embedding(uri: str) -> None:
    with pytest.raises(
        KnowledgeError, match=r"Milvus 2\.3\.5.* has no full-text search: choose an embedding"
    ):
        KnowledgeBase(uri, collection="bare", embedding="none")


def test_everything_but_full_text(uri: str, docs: Path) -> None:
    with KnowledgeBase(uri, collection="all", embedding=Letters()) as base:
        report = base.add([docs], tags=["birds"])
        assert (len(report.added), report.passages) == (41, 40 * 3 + 1)
        status = base.status()
        assert (status.documents, status.passages, status.mode) == (41, 121, "dense")
        assert status.backend.startswith("Milvus 2.3.5")
        for mode in ("auto", "dense"):
            assert base.search("jazz buzz fizz zzz", mode=mode)[0].source == "docs/kite.md"
        for mode in ("lexical", "hybrid"):
            with pytest.raises(KnowledgeError, match="search in mode dense"):
                base.search("jazz", mode=mode)
        assert base.open("docs/7.md").lines[1] == "# Document 7"
        assert base.find("docs/kite.md", "JAZZ").matches == (3,)
    (docs / "kite.md").write_text("# Kite\n\nFizz fizz fizz.\n")
    (docs / "0.md").unlink()
    with KnowledgeBase(uri, collection="all", embedding=Letters()) as base:
        report = base.add([docs])
        assert (report.changed, report.removed, len(report.unchanged)) == (
            ("docs/kite.md",),
            ("docs/0.md",),
            39,
        )
        assert base.search("fizz")[0].text.endswith("Fizz fizz fizz.")
        assert len(base.remove(["docs/1*.md"])) == 11
        assert base.status().documents == 29
    with KnowledgeBase(uri, collection="all") as base, pytest.raises(EmbeddingUnavailableError):
        base.search("jazz")


def test_a_folder_is_copied_to_it_and_back(uri: str, docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding=Letters()) as base:
        base.add([docs])
        before = base.documents()
        found = base.search("jazz buzz fizz zzz", mode="dense", top_k=5)
    copied = migrate(tmp_path / "base", uri)
    assert (copied.copied, copied.passages) == (121, 121)
    with KnowledgeBase(uri, embedding=Letters()) as there:
        assert there.documents() == before
        assert there.search("jazz buzz fizz zzz", top_k=5)[0].source == "docs/kite.md"
        assert len(there.add([docs]).unchanged) == 41
    assert migrate(uri, tmp_path / "back").passages == 121
    with KnowledgeBase(tmp_path / "back", embedding=Letters()) as back:
        # Full text is there again: the search terms come from the passages.
        assert back.search("jazz", mode="lexical")[0].source == "docs/kite.md"
        again = back.search("jazz buzz fizz zzz", mode="dense", top_k=5)
        assert [each.score for each in again] == pytest.approx([each.score for each in found])


def test_a_folder_without_embedding_cannot_go_there(uri: str, docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", collection="words", embedding="none") as base:
        base.add([docs / "kite.md"])
    with pytest.raises(KnowledgeError, match="has no full-text search"):
        migrate(tmp_path / "base", uri, collection="words")


def test_rebuild(uri: str, docs: Path) -> None:
    with KnowledgeBase(uri, collection="again", embedding=Letters()) as base:
        base.add([docs])
        before = base.documents()
    assert rebuild(uri, collection="again", embedding=Halves()).passages == 121
    with KnowledgeBase(uri, collection="again", embedding=Halves()) as base:
        assert base.documents() == before
        assert base.status().dimension == 13
        assert base.search("jjj", top_k=50)


@pytest.mark.parametrize("metric", ["IP", "COSINE", "L2"])
def test_the_tutorials_collection_is_attached(uri: str, metric: str, tmp_path: Path) -> None:
    make_tutorial(uri, metric=metric)
    before = rows_of(uri)
    with KnowledgeBase.attach(uri, collection=NAME, embedding=Normal(), remember=tmp_path / "kb") as base:
        assert base.status().backend.startswith("Milvus 2.3.5")
        assert (base.status().documents, len(base.documents()), base.status().mode) == (4, 3, "dense")
    with KnowledgeBase(tmp_path / "kb", embedding=Normal()) as base:
        for number, line in enumerate(LINES):
            assert base.search(line)[0].source == f"{NAME}/{number}"
        assert base.open("1").lines[2] == "It clatters with its bill."
        chosen = base.search("zzz", filters=Filters(sources=("0", f"{NAME}/1")))
        assert {each.source for each in chosen} == {f"{NAME}/0", f"{NAME}/1"}
        with pytest.raises(KnowledgeError, match="is attached"):
            base.remove([NAME])
    with KnowledgeBase.attach(uri, collection=NAME, embedding=Normal(), source="part") as base:
        chosen = base.search("zzz", filters=Filters(sources=("birds/0.md",)))
        assert {each.source for each in chosen} == {"birds/0.md/0", "birds/0.md/2"}
        assert len(base.search("zzz", filters=Filters(sources=("birds",)))) == 3
    assert rows_of(uri) == before


@pytest.mark.parametrize("kind", ["HNSW", "IVF_FLAT", "IVF_SQ8", "FLAT"])
def test_an_index_of_any_kind_is_searched(uri: str, kind: str) -> None:
    make_tutorial(uri, metric="COSINE", name="indexed")
    client: Any = MilvusClient(uri)
    client.release_collection("indexed")
    client.drop_index("indexed", "vector")
    params = client.prepare_index_params()
    settings = {"HNSW": {"M": 8, "efConstruction": 64}, "FLAT": {}}.get(kind, {"nlist": 4})
    params.add_index("vector", index_type=kind, metric_type="COSINE", params=settings)
    client.create_index("indexed", params)
    with pytest.raises(KnowledgeError, match="is not loaded"):
        KnowledgeBase.attach(uri, collection="indexed", embedding=Normal())
    client.load_collection("indexed")
    client.close()
    with KnowledgeBase.attach(uri, collection="indexed", embedding=Normal()) as base:
        assert base.attachment is not None
        assert f"an index {kind}" in " ".join(base.attachment.notes)
        assert base.search(LINES[2])[0].source == "indexed/2"
