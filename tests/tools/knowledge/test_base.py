from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import (
    KnowledgeBase,
    KnowledgeError,
    KnowledgeLockedError,
    KnowledgeNotFoundError,
    KnowledgeUnreachableError,
    Passage,
)
from ossifrage.tools.knowledge.store.milvus import load_pymilvus


def test_a_base_is_reopened_as_it_was(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding="none") as base:
        base.add([docs])
        before = base.documents(), base.search("bones")
    with KnowledgeBase(tmp_path / "kb", create=False) as base:
        assert (base.documents(), base.search("bones")) == before
        status = base.status()
        assert (status.documents, status.passages, status.mode, status.embedding) == (3, 3, "lexical", "none")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeNotFoundError, match="add documents"):
        KnowledgeBase(tmp_path / "kb", create=False)
    assert not (tmp_path / "kb").exists()
    KnowledgeBase(tmp_path / "kb", embedding="none").close()
    with pytest.raises(KnowledgeNotFoundError, match="add documents"):
        KnowledgeBase(tmp_path / "kb", collection="other", create=False)


def test_a_closed_base_says_so(base: KnowledgeBase) -> None:
    base.close()
    base.close()
    with pytest.raises(KnowledgeError, match="closed"):
        base.search("a")


def test_two_bases_of_one_process_share_a_folder(docs: Path, tmp_path: Path) -> None:
    one = KnowledgeBase(tmp_path / "kb", embedding="none")
    two = KnowledgeBase(tmp_path / "kb" / ".." / "kb")
    one.add([docs])
    one.close()
    assert len(two.documents()) == 3
    two.close()
    KnowledgeBase(tmp_path / "kb").close()


class Flat:
    dim = 2

    def encode_documents(self, documents: list[str], /) -> list[list[float]]:
        return [[1.0, 0.5] for _ in documents]

    encode_queries = encode_documents


HOLD = """
import sys
from ossifrage import KnowledgeBase
class Flat:
    dim = 2
    def encode_queries(self, queries, /):
        return [[1.0, 0.5] for _ in queries]
with KnowledgeBase(sys.argv[1], embedding=Flat()) as base:
    base.search("bones", mode="dense")
    print(1, flush=True)
    input()
"""


def test_while_a_process_has_the_vectors_others_may_read_and_not_write(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding=Flat()) as base:
        base.add([docs])
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "kb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        with KnowledgeBase(tmp_path / "kb", embedding=Flat()) as base:
            assert base.search("bones", mode="lexical")[0].source == "docs/birds/ossifrage.md"
            assert base.open("notes.txt").lines[2] == "second line"
            assert len(base.documents()) == 3
            assert len(base.add([docs]).unchanged) == 3
            (docs / "notes.txt").write_text("other notes")
            for change in (lambda: base.add([docs]), lambda: base.remove(["docs/notes.txt"])):
                with pytest.raises(
                    KnowledgeLockedError, match=r"another process has .* open; close it"
                ) as caught:
                    change()
                assert type(caught.value.__cause__).__name__ == "DataDirLockedError"
            assert base.search("second line", mode="lexical")[0].source == "docs/notes.txt"
        other.communicate("\n")
    assert other.returncode == 0
    with KnowledgeBase(tmp_path / "kb", embedding=Flat()) as base:
        assert base.add([docs]).changed == ("docs/notes.txt",)


def test_close_frees_the_folder_for_another_process(tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path / "kb", embedding=Flat())
    base.search("bones", mode="dense")
    base.close()
    subprocess.run([sys.executable, "-c", HOLD, str(tmp_path / "kb")], input="\n", text=True, check=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """A Milvus server on loopback: Milvus Lite's own, reached by its address."""
    load_pymilvus()
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    running, database, port = start_server_in_thread(str(tmp_path / "server.db"))
    yield f"http://127.0.0.1:{port}", running
    running.stop(grace=0).wait()
    database.close()


def test_a_server_by_its_address(server: tuple[str, Any], docs: Path) -> None:
    uri, _ = server
    with pytest.raises(KnowledgeNotFoundError):
        KnowledgeBase(uri, create=False)
    with KnowledgeBase(uri, collection="birds", embedding="none") as base, KnowledgeBase(uri) as other:
        base.add([docs])
        assert base.search("bones")[0].source == "docs/birds/ossifrage.md"
        assert other.documents() == []


def test_an_outage_is_an_error_and_not_an_empty_answer(server: tuple[str, Any], docs: Path) -> None:
    uri, running = server
    with KnowledgeBase(uri, embedding="none") as base:
        base.add([docs])
        running.stop(grace=0).wait()
        for call in (lambda: base.search("bones"), base.documents, lambda: base.open("notes.txt")):
            with pytest.raises(KnowledgeUnreachableError) as caught:
                call()
            assert caught.value.__cause__ is not None
            assert "\n" not in str(caught.value)
    with pytest.raises(KnowledgeUnreachableError):
        KnowledgeBase("http://127.0.0.1:1")


def test_a_collection_of_someone_else_is_left_alone(server: tuple[str, Any]) -> None:
    client = load_pymilvus().MilvusClient(server[0])
    client.create_collection("documents", dimension=4)
    with pytest.raises(KnowledgeError, match="not a knowledge base of ossifrage"):
        KnowledgeBase(server[0])
    client.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KnowledgeError, match="cannot be opened"):
        KnowledgeBase(tmp_path / "file" / "kb")


def test_several_threads(base: KnowledgeBase, docs: Path) -> None:
    base.add([docs])
    found: list[list[Passage]] = []
    threads = [threading.Thread(target=lambda: found.append(base.search("bones kite"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(each == found[0] for each in found)


def test_importing_is_light_and_leaves_the_program_alone(tmp_path: Path) -> None:
    """No pymilvus before it is needed; then no .env read, no log handler closed."""
    (tmp_path / ".env").write_text("FROM_DOTENV=1\n")
    code = """
import logging, os, sys
handler = logging.FileHandler("log", mode="w"); logging.getLogger().addHandler(handler)
from ossifrage import KnowledgeBase
assert "pymilvus" not in sys.modules and "transformers" not in sys.modules
with KnowledgeBase("kb"): pass
assert "pymilvus" in sys.modules and "transformers" not in sys.modules and "torch" not in sys.modules
assert "FROM_DOTENV" not in os.environ and "PYTHON_DOTENV_DISABLED" not in os.environ
logging.getLogger().warning("still here"); handler.close()
assert "still here" in open("log").read()
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_a_folder_that_was_released_can_be_changed_by_another_process(tmp_path: Path) -> None:
    first, second = tmp_path / "kite.md", tmp_path / "vulture.md"
    first.write_text("# Kite\n\nThe red kite nests in trees.\n")
    second.write_text("# Vulture\n\nThe vulture eats bones.\n")
    code = (
        "import sys\nfrom ossifrage import KnowledgeBase\n"
        "with KnowledgeBase(sys.argv[1], embedding='none') as base:\n    base.add([sys.argv[2]])\n"
    )
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([first])
        base.release()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", code, str(tmp_path / "base"), str(second)]
        subprocess.run(command, env=environment, check=True, timeout=120)
        assert [passage.source for passage in base.search("bones")] == ["vulture.md"]
        base.remove(["kite.md"])  # it is opened again where it is needed
        assert len(base.documents()) == 1
