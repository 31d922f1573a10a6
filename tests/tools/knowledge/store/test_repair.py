"""What an interruption or a fallback of Milvus Lite does to a base, and how it is mended."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeDamagedError, KnowledgeError
from ossifrage.tools.knowledge.store.collection import Collection, keys_of
from ossifrage.tools.knowledge.store.ledger import Ledger
from ossifrage.tools.knowledge.store.milvus import connect

ADD = """
import sys
from ossifrage import KnowledgeBase

class Lengths:
    dim = 2
    def encode_documents(self, documents, /):
        return [[1.0, len(text)] for text in documents]
    encode_queries = encode_documents

with KnowledgeBase(sys.argv[1], embedding=Lengths()) as base:
    print("open", flush=True)
    base.add([sys.argv[2]], progress=lambda step: print(step.done_files, flush=True))
"""


class Lengths:
    dim = 2

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1.0, len(text)] for text in documents]

    encode_queries = encode_documents


def folder_of(path: Path, documents: int, word: str) -> Path:
    path.mkdir(exist_ok=True)
    for n in range(documents):
        sections = "".join(f"\n## Part {part}\n\n{word} {n} {part}. {'Text. ' * 60}\n" for part in range(3))
        (path / f"{n}.md").write_text(f"# Document {n}\n{sections}")
    return path


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Path, Path]:
    """A base that has lost the second of two folders, and that folder."""
    first, second = folder_of(tmp_path / "first", 4, "kite"), folder_of(tmp_path / "second", 3, "heron")
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([first])
    before = shutil.copytree(tmp_path / "base" / "milvus.db", tmp_path / "before")
    with KnowledgeBase(tmp_path / "base") as base:
        base.add([second], tags=["wading"])
    shutil.rmtree(tmp_path / "base" / "milvus.db")
    before.rename(tmp_path / "base" / "milvus.db")
    return tmp_path / "base", second


def test_milvus_lite_would_fall_back_silently_and_is_kept_from_it(tmp_path: Path) -> None:
    first = folder_of(tmp_path / "first", 4, "kite")
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([first / "0.md"])
        base.add([first])
    # Cut short, as by a full disk: Milvus Lite goes on with the one before.
    (manifest,) = (tmp_path / "base" / "milvus.db").rglob("documents/manifest.json")
    manifest.write_bytes(manifest.read_bytes()[:100])
    data = sorted((tmp_path / "base").rglob("*.parquet"))
    with KnowledgeBase(tmp_path / "base", create=False) as base:
        assert len(base.documents()) == 4
        assert len({each.source for each in base.search("kite")}) == 4
        for use in (base.missing, base.repair, base.status):
            with pytest.raises(KnowledgeDamagedError, match=r"manifest\.json: it makes no sense"):
                use()
    assert sorted((tmp_path / "base").rglob("*.parquet")) == data


def test_data_from_an_older_copy_do_not_bring_back_what_was_replaced_or_removed(tmp_path: Path) -> None:
    docs = folder_of(tmp_path / "docs", 3, "kite")
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([docs])
    before = shutil.copytree(tmp_path / "base" / "milvus.db", tmp_path / "before")
    (docs / "0.md").write_text("# Changed\n\nheron\n")
    (docs / "1.md").unlink()
    with KnowledgeBase(tmp_path / "base") as base:
        base.add([docs])
    shutil.rmtree(tmp_path / "base" / "milvus.db")
    before.rename(tmp_path / "base" / "milvus.db")
    with KnowledgeBase(tmp_path / "base") as base:
        assert base.missing() == ("docs/0.md",)
        assert [each.source for each in base.documents()] == ["docs/2.md"]
        assert base.repair().restored == ("docs/0.md",)
        assert [each.source for each in base.search("heron")] == ["docs/0.md"]
        assert {each.source for each in base.search("kite")} == {"docs/2.md"}


def test_lost_documents_are_read_again_with_their_names_and_tags(damaged: tuple[Path, Path]) -> None:
    folder, _ = damaged
    with KnowledgeBase(folder) as base:
        assert base.missing() == ("second/0.md", "second/1.md", "second/2.md")
        assert base.search("heron") == []
        report = base.repair()
        assert report.restored == ("second/0.md", "second/1.md", "second/2.md")
        assert base.search("heron")[0].tags == ("wading",)
        assert base.missing() == ()
        assert len(base.documents()) == 7
        assert {each.root for each in base.documents()} == {
            str(folder.parent / "first"),
            str(folder.parent / "second"),
        }


def test_any_add_restores_what_was_lost(damaged: tuple[Path, Path], tmp_path: Path) -> None:
    folder, second = damaged
    (second / "0.md").unlink()
    with KnowledgeBase(folder) as base:
        report = base.add([tmp_path / "first"])
        assert report.restored == ("second/1.md", "second/2.md")
        assert report.missing == ("second/0.md",)
        assert len(report.unchanged) == 4
        assert base.missing() == ("second/0.md",)
        # The folder it was in is brought up to date: the document is gone for good.
        assert base.add([second]).missing == ()
        assert base.missing() == ()


def test_what_cannot_be_restored_is_named_until_it_is_forgotten(damaged: tuple[Path, Path]) -> None:
    folder, second = damaged
    shutil.rmtree(second)
    with KnowledgeBase(folder) as base:
        assert base.repair().missing == ("second/0.md", "second/1.md", "second/2.md")
        assert base.remove(["second/0.md"]) == ("second/0.md",)
        assert base.missing() == ("second/1.md", "second/2.md")
        assert base.repair(forget=True).missing == ("second/1.md", "second/2.md")
        assert base.missing() == ()


def test_a_removal_is_no_loss(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([folder_of(tmp_path / "docs", 3, "kite")])
        base.remove(["docs/1.md"])
        (tmp_path / "docs" / "2.md").unlink()
        base.add([tmp_path / "docs"])
        assert base.missing() == ()
        assert [each.source for each in base.documents()] == ["docs/0.md", "docs/1.md"]


def test_a_ledger_that_the_system_keeps_from_us(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([folder_of(tmp_path / "docs", 3, "kite")])
        ledger = tmp_path / "base" / "documents.ledger"
        ledger.unlink()
        ledger.mkdir()
        for use in (base.missing, base.repair, base.status):
            with pytest.raises(KnowledgeError, match=r"documents\.ledger cannot be read .*repair the base"):
                use()
        ledger.rmdir()
        (tmp_path / "base" / "documents.new").mkdir()
        with pytest.raises(KnowledgeError, match=r"documents\.ledger cannot be written"):
            base.repair()


def test_a_passage_that_the_data_lose_is_noticed_and_restored(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([folder_of(tmp_path / "docs", 2, "kite")])
        whole = base.open("docs/0.md", num_lines=100)
        connection = connect(str(tmp_path / "base"))
        collection = Collection.open(connection, uri="", name="documents")
        collection.delete_ids(keys_of(base.documents()[0])[1:2])
        connection.close()
    with KnowledgeBase(tmp_path / "base") as base:
        assert base.missing() == ("docs/0.md",)
        assert [each.source for each in base.documents()] == ["docs/1.md"]
        with pytest.raises(KnowledgeError, match="no document"):
            base.open("docs/0.md")
        assert base.repair().restored == ("docs/0.md",)
        assert base.open("docs/0.md", num_lines=100) == whole


@pytest.mark.parametrize("content", [b"", b"no json\n", b'{"passages": 1000}\n{"source": 1}\n', b"\xff\xfe"])
def test_a_ledger_that_cannot_be_read_claims_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "documents.ledger").write_bytes(content)
    with KnowledgeBase(tmp_path, embedding="none") as base:
        assert base.missing() == ()
        base.add([folder_of(tmp_path / "docs", 1, "kite")])
        (document,) = base.documents()
    assert Ledger(tmp_path / "documents.ledger").read() == {document.source: document}
    assert json.loads((tmp_path / "documents.ledger").read_text().splitlines()[0])["documents"] == 1


@pytest.mark.integration
@pytest.mark.parametrize("attempt", range(3))
def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path, attempt: int) -> None:
    chance = random.Random(attempt)
    docs = folder_of(tmp_path / "docs", 80, "kite")
    base = tmp_path / "base"
    with KnowledgeBase(base, embedding=Lengths()) as before:
        before.add([docs / "0.md", docs / "1.md"])
    (docs / "1.md").write_text("# Changed\n\nheron\n")
    command = [sys.executable, "-c", ADD, str(base), str(docs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0.0, 0.6))
        process.send_signal(signal.SIGKILL)
    with KnowledgeBase(base, embedding=Lengths()) as after:
        assert after.missing() == ()
        assert {"0.md", "1.md"} <= {Path(each.source).name for each in after.documents()}
        for document in after.documents():
            assert after.open(document.source, num_lines=1).lines[1].startswith("# ")
        after.add([docs])
        assert after.missing() == ()
        status = after.status()
        assert (status.documents, status.passages) == (80, 79 * 3 + 1)
        assert len(after.search("kite", top_k=100, mode="lexical")) == 100
        found = after.search("heron", mode="lexical")
        assert [Path(each.source).name for each in found] == ["1.md"]
        again = after.add([docs])
        assert (len(again.unchanged), again.passages) == (80, 0)


@pytest.mark.integration
def test_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    docs = folder_of(tmp_path / "docs", 100, "kite")
    slow = ADD.replace("return [[", "import time; time.sleep(60 * (len(documents) > 1)); return [[", 1)
    command = [sys.executable, "-c", slow, str(tmp_path / "base"), str(docs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in error
    with KnowledgeBase(tmp_path / "base", embedding=Lengths()) as base:
        assert len(base.add([docs]).added) == 100
