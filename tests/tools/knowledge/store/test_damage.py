"""Whatever happens to a file of a base: it works, or it says what is damaged; it is never just smaller."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import (
    KnowledgeBase,
    KnowledgeDamagedError,
    KnowledgeError,
    KnowledgeLockedError,
    KnowledgeNotFoundError,
    Remedy,
    rebuild,
    rebuild_from_sources,
)
from ossifrage.tools.knowledge.store.replacing import workshop

NAMES = ("docs/bones.md", "docs/kite.md", "docs/long.md")


class Lengths:
    dim = 2

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1.0, len(text)] for text in documents]

    encode_queries = encode_documents


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(part: float) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[min(int(len(data) * part), len(data) - 1)] ^= 0x04
        path.write_bytes(data)

    return change


SLOW = (empty, *map(flip, (0.0, 0.2, 0.6, 0.8, 1.0)))
DAMAGE = [Path.unlink, cut, flip(0.4), *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with vectors, in whose files are changed and deleted rows too; beside it, its documents."""
    folder = tmp_path_factory.mktemp("whole")
    docs = folder / "docs"
    docs.mkdir()
    (docs / "kite.md").write_text("# Kite\n\nThe red kite nests in trees.\n")
    (docs / "long.md").write_text(
        "# Long\n" + "".join(f"\n## Part {n}\n\n{'Words. ' * 80}\n" for n in range(4))
    )
    (docs / "gone.md").write_text("# Gone\n\nA heron.\n")
    with KnowledgeBase(folder / "base", embedding=Lengths()) as base:
        base.add([docs])
    (docs / "gone.md").unlink()
    (docs / "bones.md").write_text("# Bones\n\nThe bearded vulture feeds on bones.\n")
    (docs / "kite.md").write_text("# Kite\n\nThe red kite nests in tall trees.\n")
    with KnowledgeBase(folder / "base", embedding=Lengths()) as base:
        base.add([docs], tags=["birds"])
        base.search("kite", mode="dense")
    return folder


@pytest.fixture
def base(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole / "base", tmp_path / "base")


def files_of(folder: Path) -> list[str]:
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())


def check(folder: Path, docs: Path) -> None:
    """Every use works with right results, or raises the typed error; none changes what the base holds."""
    refusals = 0
    try:
        with KnowledgeBase(folder, embedding=Lengths()) as base:
            assert tuple(each.source for each in base.documents()) == NAMES
            assert [each.source for each in base.search("tall trees", mode="lexical")] == ["docs/kite.md"]
            assert base.search("heron", mode="lexical") == []
            assert "tall" in base.open("docs/kite.md").lines[3]
            for use in (
                lambda: {each.source for each in base.search("kite", mode="dense", top_k=9)} == {*NAMES},
                lambda: len(base.add([docs], tags=["other"]).changed) == 3,
                lambda: base.missing() == () and len(base.search("bones", mode="lexical")) == 1,
            ):
                try:
                    assert use()
                except KnowledgeError as error:
                    refusals += 1
                    told(error, folder)
    except KnowledgeError as error:
        refusals += 1
        told(error, folder)
    if refusals:
        recovered = rebuild_from_sources(folder, embedding=Lengths())
        assert (recovered.missing, recovered.aside, recovered.skipped) == ((), None, ())
    with KnowledgeBase(folder, embedding=Lengths()) as base:
        assert tuple(each.source for each in base.documents()) == NAMES
        assert base.missing() == ()
        assert {each.source for each in base.search("kite", mode="dense", top_k=9)} == {*NAMES}
        assert [each.source for each in base.search("tall trees", mode="lexical")] == ["docs/kite.md"]


def told(error: KnowledgeError, folder: Path) -> None:
    assert isinstance(error, KnowledgeDamagedError), error
    assert error.remedy == Remedy("rebuild_from_sources")
    assert error.path.is_relative_to(folder)
    assert str(error.path) in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("harm", DAMAGE)
def test_no_damage_to_one_file_goes_unnoticed(
    harm: Callable[[Path], None], whole: Path, tmp_path: Path
) -> None:
    names = files_of(whole / "base")
    assert len(names) > 10
    for number, name in enumerate(names):
        folder = shutil.copytree(whole / "base", tmp_path / str(number))
        if harm is not Path.unlink and not (folder / name).stat().st_size:
            continue
        harm(folder / name)
        try:
            check(folder, whole / "docs")
        except BaseException as error:
            error.add_note(f"damaged: {name}")
            raise
        shutil.rmtree(folder)


def break_data(base: Path) -> None:
    """So that Milvus Lite cannot open the data any more."""
    (base / "milvus.db" / "collections" / "documents" / "schema.json").write_text("{")


def break_index(base: Path) -> None:
    for path in (base / "documents.index").glob("*.store"):
        flip(0.5)(path)


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A base of two documents that cannot be opened; of one the file has gone, the other has changed."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "kite.md").write_text("# Kite\n\nThe red kite nests in trees.\n")
    (docs / "long.md").write_text("# Long\n\nA long story about herons.\n")
    with KnowledgeBase(tmp_path / "base", embedding=Lengths()) as base:
        base.add([docs], tags=["birds"])
    (docs / "kite.md").unlink()
    (docs / "long.md").write_text("# Long\n\nA longer story about herons.\n")
    break_data(tmp_path / "base")
    return tmp_path / "base"


@pytest.mark.parametrize("from_files", [False, True])
def test_a_document_whose_file_has_gone_is_kept_from_its_passages(torn: Path, from_files: bool) -> None:
    if from_files:  # rather than from the full-text index
        break_index(torn)
    with pytest.raises(KnowledgeDamagedError, match=r"schema\.json"):
        rebuild(torn)
    recovered = rebuild_from_sources(torn, embedding=Lengths())
    assert (recovered.documents, recovered.kept, recovered.missing) == (2, ("docs/kite.md",), ())
    with KnowledgeBase(torn, embedding=Lengths()) as after:
        assert after.search("longer herons")[0].tags == ("birds",)
        assert after.search("tree", mode="lexical")[0].source == "docs/kite.md"
        assert after.open("docs/kite.md").lines[3] == "The red kite nests in trees."
    assert sorted(each.name for each in torn.iterdir()) == [
        "documents.index",
        "documents.ledger",
        "documents.stamp",
        "milvus.db",
    ]


def test_the_metric_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    with KnowledgeBase(folder, embedding=Lengths(), metric="ip") as base:
        base.add_texts({"kite": "The red kite."}, metadata={"who": "me"}, tags=["birds"])
    break_data(folder)
    assert rebuild_from_sources(folder, embedding=Lengths()).kept == ("kite",)
    with KnowledgeBase(folder, embedding=Lengths(), metric="ip") as after:
        [found] = after.search("kite", mode="dense")
        assert (found.tags, found.front_matter) == (("birds",), {"who": "me"})


def test_what_is_lost_is_named_and_the_old_base_kept_aside(torn: Path) -> None:
    break_index(torn)
    for path in torn.rglob("data_*.parquet"):
        flip(0.3)(path)
    before = {each.read_bytes() for each in torn.rglob("*.parquet")}
    recovered = rebuild_from_sources(torn, embedding=Lengths())
    assert (recovered.documents, recovered.kept, recovered.missing) == (1, (), ("docs/kite.md",))
    assert recovered.aside is not None
    assert {each.read_bytes() for each in Path(recovered.aside).rglob("*.parquet")} == before
    with KnowledgeBase(torn, embedding=Lengths()) as after:
        assert after.missing() == ("docs/kite.md",)
        (torn.parent / "docs" / "kite.md").write_text("# Kite\n\nFound again.\n")
        assert after.repair().restored == ("docs/kite.md",)


def test_without_the_list_the_passages_tell_which_documents_there_were(torn: Path) -> None:
    (torn / "documents.stamp").unlink()
    flip(0.5)(torn / "documents.ledger")
    recovered = rebuild_from_sources(torn, embedding=Lengths())
    assert {*recovered.kept, *recovered.missing} >= {"docs/kite.md"}
    with KnowledgeBase(torn, embedding=Lengths()) as after:
        assert after.search("longer herons", mode="lexical")[0].source == "docs/long.md"
        assert after.search("tree", mode="lexical")[0].source == "docs/kite.md"


def test_nothing_tells_which_documents_there_were(torn: Path) -> None:
    shutil.rmtree(torn)
    with pytest.raises(KnowledgeNotFoundError):
        rebuild_from_sources(torn)
    torn.mkdir()
    (torn / "documents.ledger").write_text("?")
    with pytest.raises(KnowledgeError, match="tells which documents") as told:
        rebuild_from_sources(torn)
    assert told.value.remedy == Remedy("add")


def test_the_data_have_gone_as_a_whole(torn: Path) -> None:
    shutil.rmtree(torn / "milvus.db")
    with pytest.raises(KnowledgeDamagedError, match="is missing"):
        KnowledgeBase(torn, embedding=Lengths())
    assert rebuild_from_sources(torn, embedding=Lengths()).missing == ()


def test_nobody_else_may_have_its_data_open_while_it_is_made_anew(whole: Path, base: Path) -> None:
    with KnowledgeBase(base, embedding=Lengths()) as other:
        other.add_texts({"more": "An osprey."})
        with pytest.raises(KnowledgeLockedError):
            rebuild_from_sources(base, embedding=Lengths())
        assert len(other.documents()) == 4


def test_who_only_searches_goes_on_while_it_is_made_anew(whole: Path, base: Path) -> None:
    with KnowledgeBase(base, embedding=Lengths()) as other:
        before = [each.source for each in other.search("kite", mode="dense")]
        assert rebuild_from_sources(base, embedding=Lengths()).missing == ()
        assert [each.source for each in other.search("kite", mode="dense")] == before
        assert len(other.add_texts({"more": "An osprey."}).added) == 1
        assert other.search("osprey", mode="lexical")[0].source == "more"


@pytest.mark.parametrize("moved", range(5))
def test_a_replacement_that_was_killed_is_finished_by_whoever_opens_the_base(
    torn: Path, tmp_path: Path, moved: int
) -> None:
    data = torn / "milvus.db"
    (tmp_path / "new.md").write_text("# New\n\nAn osprey.\n")
    with KnowledgeBase(workshop(data, "documents"), embedding="none") as new:
        new.add([tmp_path / "new.md"])
    made, aside = workshop(data, "documents"), torn / "documents.damaged-2026-01-01"
    (made / "complete").write_text(aside.name)
    parts = ("milvus.db/collections/documents", "documents.index", "documents.ledger", "documents.stamp")
    for part in parts[:moved]:
        (aside / part).parent.mkdir(parents=True, exist_ok=True)
        (torn / part).rename(aside / part)
        if part != parts[moved - 1]:  # of the last one only the half is done
            (made / part).rename(torn / part)
    with KnowledgeBase(torn, embedding="none") as base:
        assert [each.source for each in base.search("osprey")] == ["new.md"]
        assert len(base.documents()) == 1
    assert not made.exists()
    assert len(list(aside.rglob("*.parquet"))) == 1
    assert [(aside / part).exists() for part in parts] == [True] * 4


REBUILD = """
import sys
from ossifrage.tools.knowledge import rebuild_from_sources

class Lengths:
    dim = 2
    def encode_documents(self, documents, /):
        return [[1.0, len(text)] for text in documents]
    encode_queries = encode_documents

print("begun", flush=True)
rebuild_from_sources(sys.argv[1], embedding=Lengths())
"""


@pytest.mark.integration
@pytest.mark.parametrize("seconds", [0.1, 0.5, 0.9])
def test_killed_while_it_is_made_anew_nothing_is_lost(torn: Path, seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-c", REBUILD, str(torn)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
    assert rebuild_from_sources(torn, embedding=Lengths()).missing == ()
    with KnowledgeBase(torn, embedding=Lengths()) as base:
        assert [each.source for each in base.documents()] == ["docs/kite.md", "docs/long.md"]
        assert base.search("longer herons", mode="lexical")[0].source == "docs/long.md"
