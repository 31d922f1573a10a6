from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from ossifrage.tools.knowledge import (
    EmbeddingError,
    EmbeddingMismatchError,
    KnowledgeBase,
    KnowledgeError,
    KnowledgeNotFoundError,
    migrate,
    rebuild,
)
from ossifrage.tools.knowledge.store.collection import Collection
from ossifrage.tools.knowledge.store.milvus import Connection, connect
from ossifrage.tools.knowledge.store.schema import FORMAT, Metadata


class Letters:
    dim = 26

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1.0 + text.casefold().count(chr(97 + n)) for n in range(26)] for text in documents]

    encode_queries = encode_documents


class Fails(Letters):
    """Fails after some passages, as a service does whose quota is used up."""

    def __init__(self, after: int) -> None:
        self.left = after

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        self.left -= len(documents)
        if self.left < 0:
            raise RuntimeError("quota used up")
        return super().encode_documents(documents)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(280):
        (folder / f"{n}.md").write_text(f"# Note {n}\n\nThe stork number {n} stands in lake {n}.\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path, many: Path) -> Path:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([many], tags=["birds"])
    return tmp_path / "base"


@pytest.fixture
def connection(folder: Path) -> Iterator[Connection]:
    connection = connect(str(folder))
    yield connection
    connection.close()


def test_another_embedding_without_the_files(folder: Path, many: Path) -> None:
    for file in many.iterdir():
        file.unlink()
    with pytest.raises(EmbeddingMismatchError, match="or rebuild it"):
        KnowledgeBase(folder, embedding=Letters())
    with KnowledgeBase(folder) as base:
        before = base.documents()
    steps: list[tuple[int, int]] = []
    copied = rebuild(folder, embedding=Letters(), progress=lambda done, total: steps.append((done, total)))
    assert (copied.documents, copied.passages, copied.copied) == (280, 280, 280)
    assert steps[-1] == (280, 280)
    with KnowledgeBase(folder, embedding=Letters()) as base:
        assert base.documents() == before
        assert base.status().mode == "hybrid"
        assert base.search("stork number 77", mode="lexical")[0].source == "many/77.md"
        assert base.search("zzz", mode="dense")
        assert base.missing() == ()
    rebuild(folder, embedding="none")
    with KnowledgeBase(folder) as base:
        assert (base.status().mode, base.documents()) == ("lexical", before)


def test_an_interrupted_rebuild_loses_nothing_and_goes_on(folder: Path) -> None:
    rebuild(folder, embedding=Letters())
    with pytest.raises(EmbeddingError, match="quota used up"):
        rebuild(folder, embedding=Fails(after=270))
    with KnowledgeBase(folder, embedding=Letters()) as base:
        assert len(base.documents()) == 280
    copied = rebuild(folder, embedding=Fails(after=270))
    assert 0 < copied.copied <= 270
    with KnowledgeBase(folder, embedding=Fails(after=0)) as base:
        assert len(base.documents()) == 280


def test_what_changed_between_two_tries_is_in_the_copy(folder: Path, many: Path) -> None:
    with pytest.raises(EmbeddingError):
        rebuild(folder, embedding=Fails(after=270))
    with KnowledgeBase(folder) as base:
        base.remove(["many/*7.md"])
        (many / "new.md").write_text("# New\n\nAn ibis.\n")
        base.add([many / "new.md"])
        before = base.documents()
    rebuild(folder, embedding=Fails(after=290))
    with KnowledgeBase(folder) as base:
        assert base.documents() == before
        assert base.search("ibis", mode="lexical")[0].source == "many/new.md"


def test_other_tags_between_two_tries_are_in_the_copy(folder: Path, many: Path) -> None:
    with pytest.raises(EmbeddingError):
        rebuild(folder, embedding=Fails(after=270))
    with KnowledgeBase(folder) as base:
        base.remove(["many"])
        base.add([many], tags=["waders"])
        before = base.documents()
    copied = rebuild(folder, embedding=Fails(after=290))
    assert copied.copied == 280
    with KnowledgeBase(folder) as base:
        assert base.documents() == before
        assert base.search("lake 9", mode="lexical")[0].tags == ("waders",)


@pytest.mark.parametrize("tags", [["waders"], ["birds"]])
def test_a_base_that_changes_while_it_is_copied_is_kept(
    folder: Path, many: Path, tmp_path: Path, tags: list[str]
) -> None:
    """Another process may do so on a server; here it is another base in this one."""
    if tags == ["birds"]:
        (many / "0.md").write_text("# Note 0\n\nAn ibis.\n")

    def change(done: int, total: int) -> None:
        with KnowledgeBase(folder) as base:
            base.add([many / "0.md"], tags=tags)

    with pytest.raises(KnowledgeError, match=r"was changed while it was copied: .* run it again"):
        rebuild(folder, embedding=Letters(), progress=change)
    (many / "0.md").write_text("# Note 0\n\nA heron.\n")
    with pytest.raises(KnowledgeError, match="was changed while it was copied"):
        migrate(folder, tmp_path / "copy", progress=change)
    with KnowledgeBase(folder, create=False) as base:
        before = base.documents()
        assert len(before) == 280
        assert base.search("heron")[0].tags == tuple(tags)
    assert rebuild(folder, embedding=Letters()).copied < 280
    migrate(folder, tmp_path / "copy")
    for place in (folder, tmp_path / "copy"):
        with KnowledgeBase(place, embedding=Letters(), create=False) as base:
            assert base.documents() == before


def test_a_half_copy_never_takes_the_place_of_a_base(folder: Path, connection: Connection) -> None:
    source = Collection.open(connection, uri=str(folder), name="documents")
    source.rename("documents__rebuilding")
    for derived in folder.glob("documents.*"):  # what stands beside the data is made once a copy is whole
        shutil.rmtree(derived) if derived.is_dir() else derived.unlink()
    with pytest.raises(KnowledgeNotFoundError):
        KnowledgeBase(folder, create=False)


def test_killed_between_finishing_and_dropping(folder: Path, connection: Connection) -> None:
    with pytest.raises(EmbeddingError):
        rebuild(folder, embedding=Fails(after=270))
    copy = Collection.open(connection, uri=str(folder), name="documents__rebuilding")
    copy.rename("documents__rebuilt")
    assert 0 < rebuild(folder, embedding=Fails(after=270)).copied < 280
    assert connection.client.list_collections() == ["documents"]
    with KnowledgeBase(folder, embedding=Fails(after=0), create=False) as base:
        assert len(base.documents()) == 280


def test_killed_between_dropping_and_renaming(folder: Path, connection: Connection) -> None:
    source = Collection.open(connection, uri=str(folder), name="documents")
    source.rename("documents__rebuilt")
    with KnowledgeBase(folder, create=False) as base:
        assert len(base.documents()) == 280
        assert base.search("lake 9")[0].source == "many/9.md"


def test_a_base_of_format_1(folder: Path, connection: Connection) -> None:
    """Rows as they were before every passage knew its file."""
    source = Collection.open(connection, uri=str(folder), name="documents")
    rows = list(source.stored(vectors=False))
    for row in rows:
        about = cast(dict[str, Any], row["metadata"])
        kept = {name: about[name] for name in ("added", "passages", "modified", "path", "root")}
        row["metadata"] = cast(Metadata, kept)
        row["lexical"] = "outdated"
    old = Collection.create(connection, uri=str(folder), name="old", embedding="none", dimension=0)
    old.write(rows)
    old.flush()
    note = json.dumps({"format": 1, "embedding": "none", "dimension": 0})
    connection.client.alter_collection_properties("old", {"ossifrage": note})
    with pytest.raises(KnowledgeError, match=rf"format 1, this program reads {FORMAT}; rebuild it$"):
        KnowledgeBase(folder, collection="old")
    rebuild(folder, collection="old")
    with KnowledgeBase(folder, collection="old") as base, KnowledgeBase(folder) as now:
        assert [each.path for each in base.documents()] == [each.path for each in now.documents()]
        found = base.search("stork number 77")[0]
        assert (found.source, found.tags, found.path) == (
            "many/77.md",
            (),
            now.documents()[-1].path[:-5] + "77.md",
        )


def test_to_another_folder(folder: Path, tmp_path: Path) -> None:
    rebuild(folder, embedding=Letters())
    copied = migrate(folder, tmp_path / "copy")
    assert (copied.copied, copied.documents) == (280, 280)
    with KnowledgeBase(folder) as base, KnowledgeBase(tmp_path / "copy", embedding=Letters()) as copy:
        assert copy.documents() == base.documents()
        assert copy.search("lake 9")[0].source == "many/9.md"
        assert copy.missing() == ()
    with pytest.raises(KnowledgeError, match="has a collection 'documents' already"):
        migrate(folder, tmp_path / "copy")


def test_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeNotFoundError):
        rebuild(tmp_path / "nowhere")
    with pytest.raises(KnowledgeNotFoundError):
        migrate(tmp_path / "nowhere", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
