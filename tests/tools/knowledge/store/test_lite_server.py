"""``milvus-lite server``: one folder for several processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.milvus_server import milvus_lite_server
from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeLockedError, migrate

pytestmark = pytest.mark.integration

OTHER = """
import sys
from ossifrage import KnowledgeBase
with KnowledgeBase(sys.argv[1]) as base:
    print(base.search("forked tail")[0].source)
    print(base.add([sys.argv[2]]).added[0])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def uri(folder: Path) -> Iterator[str]:
    with milvus_lite_server(folder / "milvus.db") as uri:
        yield uri


def test_two_processes_share_it(uri: str, folder: Path, docs: Path, tmp_path: Path) -> None:
    (tmp_path / "late.md").write_text("# Late\n\nA heron with a quixotic plan.\n")
    with pytest.raises(KnowledgeLockedError, match="milvus-lite server --data-dir"):
        KnowledgeBase(folder)
    with KnowledgeBase(uri, embedding="none") as base:
        base.add([docs])
        assert base.status().backend.startswith("Milvus Lite 3")
        command = [sys.executable, "-c", OTHER, uri, str(tmp_path / "late.md")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["docs/birds/kite.md", "late.md"]
        assert done.stderr == ""
        assert base.search("quixotic")[0].source == "late.md"
        assert base.open("late.md").lines[3] == "A heron with a quixotic plan."
        assert base.remove(["late.md"]) == ("late.md",)
        assert len(base.documents()) == 3


def test_a_small_addition_is_found_among_many(uri: str, tmp_path: Path) -> None:
    """The word frequencies of a segment count here as well."""
    many = tmp_path / "many"
    many.mkdir()
    for n in range(150):
        bird = "heron" if n % 10 == 0 else f"stork {n}"
        (many / f"{n}.md").write_text(f"# Note {n}\n\nThe {bird} stands in the water of lake {n}.\n")
    (tmp_path / "late.md").write_text("# Late\n\nA heron with a quixotic plan.\n")
    with KnowledgeBase(uri, collection="many", embedding="none") as base:
        base.add([many])
        base.add([tmp_path / "late.md"])
        assert base.search("quixotic heron", top_k=3)[0].source == "late.md"


def test_a_folder_is_copied_to_it_and_back(uri: str, docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", collection="copied", embedding="none") as base:
        base.add([docs])
        before = base.documents(), base.search("bones")
    assert migrate(tmp_path / "base", uri, collection="copied").copied == 3
    with KnowledgeBase(uri, collection="copied", create=False) as there:
        assert (there.documents(), there.search("bones")) == before
    assert migrate(uri, tmp_path / "back", collection="copied").documents == 3
    with KnowledgeBase(tmp_path / "back", collection="copied", create=False) as back:
        assert (back.documents(), back.search("bones")) == before
        assert back.missing() == ()
        assert len(back.add([docs]).unchanged) == 3
