"""The full-text index beside the data: derived from them, never trusted more than they are."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import Filters, KnowledgeBase, KnowledgeError, rebuild
from ossifrage.tools.knowledge.store.collection import Collection
from ossifrage.tools.knowledge.store.fulltext import FullText
from ossifrage.tools.knowledge.store.milvus import connect
from ossifrage.tools.knowledge.store.schema import CollectionConfig, create_collection


def write_birds(folder: Path, count: int) -> Path:
    folder.mkdir()
    for n in range(count):
        bird = "heron" if n % 10 == 0 else f"stork {n}"
        (folder / f"{n}.md").write_text(f"# Note {n}\n\nThe {bird} stands in the water of lake {n}.\n")
    return folder


@pytest.fixture
def many(tmp_path: Path) -> Path:
    return write_birds(tmp_path / "many", 60)


@pytest.fixture
def folder(tmp_path: Path, many: Path) -> Path:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([many])
    return tmp_path / "base"


def seen(folder: Path) -> tuple[list[str], list[str], int]:
    with KnowledgeBase(folder, create=False) as base:
        found = [each.source for each in base.search("heron lake 7", top_k=20)]
        return found, [each.source for each in base.documents()], len(base.open("many/7.md").lines)


def replaced(path: Path, content: bytes) -> None:
    """Put another file in its place; what has the old one mapped keeps it, and is not killed (SIGBUS)."""
    path.unlink()
    path.write_bytes(content)


READ_ONLY = """
import sys
from ossifrage import KnowledgeBase
from ossifrage.tools.knowledge import Filters
with KnowledgeBase(sys.argv[1], create=False) as base:
    assert base.search("heron lake 7", filters=Filters(sources=("many",)))
    assert base.open("7.md").lines[1] == "# Note 7"
    assert base.find("many/7.md", "LAKE").matches == (3,)
    assert len(base.documents()) == 60 and base.status().passages == 60 and base.missing() == ()
    assert len(base.add([sys.argv[2]]).unchanged) == 60
assert "pymilvus" not in sys.modules and "milvus_lite" not in sys.modules
"""


def test_reading_needs_no_milvus(folder: Path, many: Path) -> None:
    """Milvus Lite reads all of its data when it opens them."""
    subprocess.run([sys.executable, "-c", READ_ONLY, str(folder), str(many)], check=True)


@pytest.mark.parametrize("what", ["index", "ledger", "stamp", "all"])
def test_what_is_derived_is_made_anew(folder: Path, what: str) -> None:
    before = seen(folder)
    for path in sorted(folder.glob("documents.*")):
        if what == "all" or path.suffix == f".{what}":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert seen(folder) == before
    assert len(list(folder.glob("documents.*"))) == 3


@pytest.mark.parametrize("attempt", range(12))
def test_flipped_bits_never_give_a_wrong_answer(folder: Path, attempt: int) -> None:
    before = seen(folder)
    chance = random.Random(attempt)
    files = [each for each in sorted((folder / "documents.index").iterdir()) if each.stat().st_size]
    files += [folder / "documents.ledger", folder / "documents.stamp"]
    path = files[attempt % len(files)]
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    content[at] ^= 1 << chance.randrange(8)
    replaced(path, bytes(content))
    assert seen(folder) == before


@pytest.mark.parametrize("name", [".managed.json", "meta.json"])
def test_damage_in_the_list_of_files_makes_the_index_anew(folder: Path, name: str) -> None:
    before = seen(folder)
    replaced(folder / "documents.index" / name, b'["damaged')
    assert seen(folder) == before


def test_cut_files_are_noticed(folder: Path) -> None:
    before = seen(folder)
    store = next((folder / "documents.index").glob("*.store"))
    replaced(store, store.read_bytes()[: store.stat().st_size // 2])
    assert seen(folder) == before


def test_an_index_older_than_the_data_is_brought_up_to_date(folder: Path, many: Path, tmp_path: Path) -> None:
    """As after a copy of the folder that was taken in two parts."""
    old = {each: tmp_path / each for each in ("documents.index", "documents.ledger", "documents.stamp")}
    shutil.copytree(folder / "documents.index", old["documents.index"])
    for name in ("documents.ledger", "documents.stamp"):
        shutil.copy2(folder / name, old[name])
    (many / "7.md").write_text("# Changed\n\nA quixotic ibis.\n")
    (many / "8.md").unlink()
    with KnowledgeBase(folder) as base:
        base.add([many])
        base.remove(["many/9.md"])
        expected = base.documents()
    shutil.rmtree(folder / "documents.index")
    old["documents.index"].rename(folder / "documents.index")
    for name in ("documents.ledger", "documents.stamp"):
        old[name].replace(folder / name)
    with KnowledgeBase(folder) as base:
        assert base.search("quixotic")[0].source == "many/7.md"
        assert base.documents() == expected
        assert {"many/8.md", "many/9.md"}.isdisjoint(each.source for each in base.search("stork", top_k=100))


def test_words_written_by_somebody_else_are_found(folder: Path) -> None:
    """Such as through a ``milvus-lite server``, which knows nothing of the index."""
    connection = connect(str(folder))
    collection = Collection.open(connection, uri="", name="documents")
    (row,) = collection.rows_of([collection.documents()["many/7.md"]])
    collection.write([{**row, "lexical": "quixot", "metadata": {**row["metadata"], "added": 1.0}}])
    collection.flush()
    collection.close()
    with KnowledgeBase(folder) as base:
        assert [each.source for each in base.search("quixotic")] == ["many/7.md"]


def test_a_small_addition_is_ranked_with_the_words_of_all(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "late.md").write_text("# Late\n\nA heron with a quixotic plan.\n")
    with KnowledgeBase(folder) as base:
        base.add([tmp_path / "late.md"])
        assert base.search("quixotic heron", top_k=3)[0].source == "late.md"


def test_a_failed_change_leaves_what_was_complete(tmp_path: Path, many: Path) -> None:
    class Fails:
        dim = 2
        left = 130

        def encode_documents(self, documents: list[str], /) -> list[list[float]]:
            self.left -= len(documents)
            if self.left < 0:
                raise RuntimeError("quota used up")
            return [[1.0, 0.5] for _ in documents]

        encode_queries = encode_documents

    more = write_birds(tmp_path / "more", 200)
    with KnowledgeBase(tmp_path / "base", embedding=Fails()) as base:
        with pytest.raises(KnowledgeError, match="quota used up"):
            base.add([more])
        # A batch that was embedded may not have been written yet when the next one fails.
        stored = {each.source for each in base.documents()}
        assert {each.source for each in base.search("lake", top_k=300, mode="lexical")} == stored
        assert base.add([more / "0.md"]).missing == ()


def test_a_search_does_not_wait_for_an_addition(folder: Path, tmp_path: Path) -> None:
    more = write_birds(tmp_path / "more", 30)
    began, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        began.set()
        assert go_on.wait(60)

    with KnowledgeBase(folder) as base:
        adding = threading.Thread(target=lambda: base.add([more], progress=hold))
        adding.start()
        try:
            assert began.wait(60)
            # The addition stands still until the searches are through.
            assert base.search("heron")
            assert base.search("heron", filters=Filters(sources=("many/*0.md",)))
            assert len(base.documents()) == 60
            assert base.open("many/7.md").lines[1] == "# Note 7"
            with KnowledgeBase(folder) as other:
                assert other.search("heron")
        finally:
            go_on.set()
            adding.join()
        assert len(base.documents()) == 90


CHANGE = """
import sys
from ossifrage import KnowledgeBase
with KnowledgeBase(sys.argv[1]) as base:
    base.add([sys.argv[2]])
"""


def test_an_open_base_sees_what_another_process_added(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "late.md").write_text("# Late\n\nA heron with a quixotic plan.\n")
    with KnowledgeBase(folder) as base:
        assert base.search("quixotic") == []
        subprocess.run([sys.executable, "-c", CHANGE, str(folder), str(tmp_path / "late.md")], check=True)
        assert base.search("quixotic")[0].source == "late.md"
        assert len(base.documents()) == 61


@pytest.mark.parametrize("name", ["documents.stamp", "documents.ledger"])
def test_killed_before_the_last_of_the_writes(folder: Path, many: Path, tmp_path: Path, name: str) -> None:
    """One of the files that are replaced last is still that of before."""
    shutil.copy2(folder / name, tmp_path / name)
    (many / "7.md").write_text("# Changed\n\nA quixotic ibis.\n")
    (many / "8.md").unlink()
    with KnowledgeBase(folder) as base:
        base.add([many])
        expected = base.documents()
    (tmp_path / name).replace(folder / name)
    with KnowledgeBase(folder) as base:
        assert base.search("quixotic")[0].source == "many/7.md"
        assert base.documents() == expected


def test_a_base_of_the_format_before(folder: Path, many: Path, tmp_path: Path) -> None:
    """Its rows carry Milvus Lite's own full text, and there is nothing beside them."""
    config = CollectionConfig(embedding="none", dimension=0, full_text=True, format=2)
    new, old = connect(str(folder)), connect(str(tmp_path / "old"))
    rows = list(Collection.open(new, uri="", name="documents").stored(vectors=False))
    create_collection(old.client, "documents", config)
    made = Collection(old, uri="", name="documents", config=config)
    made.write(rows)
    made.flush()
    new.close()
    old.close()
    assert seen(tmp_path / "old") == seen(folder)
    (many / "7.md").write_text("# Changed\n\nA quixotic ibis.\n")
    with KnowledgeBase(tmp_path / "old", create=False) as base:
        assert base.status().mode == "lexical"
        assert (base.add([many]).changed, len(base.documents())) == (("many/7.md",), 60)
        assert base.search("quixotic")[0].source == "many/7.md"
    rebuild(tmp_path / "old")
    with KnowledgeBase(tmp_path / "old", create=False) as base:
        assert base.search("quixotic")[0].source == "many/7.md"


def test_rebuild_makes_the_index_anew(folder: Path) -> None:
    before = seen(folder)
    names = {each.name for each in (folder / "documents.index").iterdir()}
    rebuild(folder)
    assert seen(folder) == before
    assert not {each.name for each in (folder / "documents.index").glob("*.store")} & names


def test_a_file_in_the_place_of_the_index(folder: Path) -> None:
    shutil.rmtree(folder / "documents.index")
    (folder / "documents.index").write_text("")
    with pytest.raises(KnowledgeError, match=r"the full-text index .*documents\.index cannot be used"):
        KnowledgeBase(folder)


def test_checksums_cover_every_file(folder: Path) -> None:
    index = folder / "documents.index"
    sums = FullText.checksums(index)
    assert FullText.intact(index, sums)
    for name in sums:
        content = (index / name).read_bytes()
        (index / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if content else b"x")
        assert not FullText.intact(index, sums)
        (index / name).write_bytes(content)
    assert not FullText.intact(index, {})
