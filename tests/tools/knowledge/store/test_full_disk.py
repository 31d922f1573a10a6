"""A disk without room: one line says so, the base goes on, and nothing that was stored is lost."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Generator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import DiskFullError, KnowledgeBase, rebuild_from_sources


class Lengths:
    dim = 2

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1.0, len(text)] for text in documents]

    encode_queries = encode_documents


@pytest.fixture
def disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Path]:
    """A disk of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    try:
        subprocess.run(mounted, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk")
    for name in ("pymilvus", "milvus_lite"):  # tracebacks in their logs would hold files on the disk open
        caplog.set_level(logging.CRITICAL + 1, logger=name)
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, left: int) -> None:
    (disk / "filling").write_bytes(b"x" * (shutil.disk_usage(disk).free - left))


CHANGES: tuple[Callable[[KnowledgeBase, Path], object], ...] = (
    lambda base, folder: base.remove(["docs/0.md"]),
    lambda base, folder: base.add([folder / "large.md"]),
    lambda base, folder: base.add([folder / "docs"], tags=["new"]),
)


@pytest.mark.integration
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Milvus Lite leaves files open
def test_a_full_disk(disk: Path, tmp_path: Path) -> None:
    docs, folder = tmp_path / "docs", disk / "base"
    docs.mkdir()
    for number in range(4):
        (docs / f"{number}.md").write_text(f"# Bird {number}\n\nA kite.\n")
    (tmp_path / "large.md").write_text(os.urandom(1_500_000).hex())
    with KnowledgeBase(folder, embedding=Lengths()) as base:
        base.add([docs])
    kept = {f"docs/{number}.md" for number in (1, 2, 3)}
    told: list[str] = []
    for left, (number, change) in product((0, 12_288), enumerate(CHANGES)):
        fill(disk, left)
        with KnowledgeBase(folder, embedding=Lengths()) as base:
            try:
                change(base, tmp_path)
            except DiskFullError as error:
                told.append(str(error))
        with KnowledgeBase(folder, embedding=Lengths()) as base:  # while it is full
            assert {each.source for each in base.search("kite", mode="lexical")} >= kept
        (disk / "filling").unlink()
        with KnowledgeBase(folder, embedding=Lengths()) as base:
            assert base.missing() == ()
            names = {each.source for each in base.documents()}
            assert names >= (kept | {"docs/0.md"} if number else kept)
            assert {each.source for each in base.search("kite", mode="dense", top_k=50)} >= kept
            base.add([docs], tags=["old"])
            if "large.md" in names:
                base.remove(["large.md"])
    assert len(told) >= 4
    assert all(str(folder) in each and "\n" not in each for each in told)
    fill(disk, 0)
    with pytest.raises(DiskFullError):
        rebuild_from_sources(folder, embedding=Lengths())
    with pytest.raises(DiskFullError):
        KnowledgeBase(disk / "other", embedding="none")
    (disk / "filling").unlink()
    assert rebuild_from_sources(folder, embedding=Lengths()).documents == 4
    gc.collect()
