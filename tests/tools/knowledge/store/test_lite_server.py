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
    with pytest.raises(KnowledgeLockedError, match="if it is a milvus-lite server, use its address"):
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


def test_a_folder_is_copied_to_it_and_back(uri: str, docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", collection="copied", embedding="none") as base:
        base.add([docs])
        before = base.documents(), [each.passage_id for each in base.search("bones")]
    assert migrate(tmp_path / "base", uri, collection="copied").copied == 3
    with KnowledgeBase(uri, collection="copied", create=False) as there:
        assert (there.documents(), [each.passage_id for each in there.search("bones")]) == before
    assert migrate(uri, tmp_path / "back", collection="copied").documents == 3
    with KnowledgeBase(tmp_path / "back", collection="copied", create=False) as back:
        assert (back.documents(), [each.passage_id for each in back.search("bones")]) == before
        assert back.missing() == ()
        assert len(back.add([docs]).unchanged) == 3
