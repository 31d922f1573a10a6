"""Reading and embedding in several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.letters import Letters
from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeError, Progress

ADD = """
import sys
from ossifrage import KnowledgeBase
from fakes.letters import Letters
if __name__ == "__main__":
    with KnowledgeBase(sys.argv[1], embedding=Letters()) as base:
        base.add([sys.argv[2]], workers=2, progress=lambda _: print(".", flush=True))
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of several kinds and lengths, some of them broken."""
    folder = tmp_path_factory.mktemp("workers") / "mixed"
    folder.mkdir()
    for n in range(30):
        parts = "".join(f"## Part {part}\n\n{'Stork number. ' * 30}{n}\n\n" for part in range(n))
        (folder / f"{n}.md").write_text(f"# Document {n}\n\n{parts}")
    (folder / "page.html").write_text("<title>Kites</title><h1>Kite</h1><p>It <b>flies</b>.</p>")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4\nno more")
    (folder / "empty.txt").write_text("  \n")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 no archive")
    return folder


class Local:
    """Holds what no other process can have."""

    dim = 26

    def __init__(self) -> None:
        self.hook = lambda: None

    def encode_documents(self, documents: list[str], /) -> Any:
        return Letters().encode_documents(documents)

    encode_queries = encode_documents


def test_the_results_are_those_of_one_process(mixed: Path, tmp_path: Path) -> None:
    found: list[Any] = []
    for workers in (1, 2):
        seen: list[Progress] = []
        with KnowledgeBase(tmp_path / str(workers), embedding=Letters()) as base:
            report = base.add([mixed], workers=workers, progress=seen.append)
            assert base.add([mixed], workers=workers).unchanged == report.added
            documents = [(each.source, each.sha256, each.passages, each.lines) for each in base]
            scores = [(each.passage_id, each.score) for each in base.search("stork number 7", top_k=50)]
        told = [(each.done_files, each.total_files, each.source, each.passages) for each in seen]
        found.append((report.added, report.skipped, report.passages, documents, scores, told))
    assert found[0] == found[1]
    assert {each.source for each in found[0][1]} == {
        "mixed/broken.pdf",
        "mixed/empty.txt",
        "mixed/broken.docx",
    }


def test_a_function_that_cannot_be_sent(mixed: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding=Local()) as base:
        with pytest.raises(KnowledgeError, match="cannot be sent to other processes"):
            base.add([mixed], workers=2)
        with pytest.raises(KnowledgeError, match="workers is 0"):
            base.add([mixed], workers=0)


@pytest.mark.parametrize("name", ["SIGINT", pytest.param("SIGKILL", marks=pytest.mark.slow)])
def test_no_worker_outlives_an_interrupted_add(mixed: Path, tmp_path: Path, name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ADD, str(tmp_path / "base"), str(mixed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == ".\n"
        children = _descendants(process.pid)
        assert len(children) >= 2
        os.kill(process.pid, getattr(signal, name))
        process.communicate(timeout=60)
    until = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until
        time.sleep(0.05)
    with KnowledgeBase(tmp_path / "base", embedding=Letters()) as base:
        report = base.add([mixed])
        assert len(report.added) + len(report.unchanged) == 31


def _descendants(pid: int) -> list[int]:
    """The processes below one (Linux)."""
    tasks = Path(f"/proc/{pid}/task")
    if not tasks.exists():
        pytest.skip("needs /proc")
    below = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return below + [grandchild for child in below for grandchild in _descendants(child)]
