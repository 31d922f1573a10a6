"""``kb watch`` as a process: what changes on the disk is soon in the base, and the other way round never."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeError

PROGRAM = "from ossifrage.agent.cli import main; main()"
DEADLINE = 60.0
"""Seconds that something may take on a machine that is busy; alone it takes less than two."""


class Watch:
    """The command, run in ``folder``."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._folder = folder
        self._arguments = arguments
        self.start()

    def start(self) -> None:
        self.out = self._folder / f"out-{time.monotonic_ns()}"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "kb", "watch", *self._arguments],
                cwd=self._folder,
                env={**os.environ, "OSSIFRAGE_HOME": str(self._folder / "home")},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.until("Watching")

    def lines(self) -> list[str]:
        return self.out.read_text().splitlines()

    def until(self, beginning: str) -> str:
        """The line that begins so, when it comes."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if found := [line for line in self.lines() if line.startswith(beginning)]:
                return found[-1]
            assert self.process.poll() is None, self.lines()
            time.sleep(0.02)
        raise AssertionError((beginning, self.lines()))

    def end(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(DEADLINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "kite.md").write_text("# Kite\n\nThe red kite.\n")
    (tmp_path / "docs" / ".gitignore").write_text("drafts/\n")
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Generator[Callable[..., Watch]]:
    started: list[Watch] = []

    def begin(*arguments: str) -> Watch:
        started.append(Watch(folder, *arguments))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def base(folder: Path) -> KnowledgeBase:
    return KnowledgeBase(folder / "home" / "knowledge", create=False)


def sources(folder: Path) -> list[str]:
    with base(folder) as opened:
        return [each.source for each in opened.documents()]


@pytest.mark.integration
def test_the_base_follows_a_folder(folder: Path, start: Callable[..., Watch]) -> None:
    docs = folder / "docs"
    watch = start("docs", "--tag", "birds", "--exclude", "secret*")
    assert watch.lines()[0] == "added docs/kite.md (1 passage)"
    (docs / "drafts").mkdir()
    (docs / "drafts" / "no.md").write_text("# No\n")
    (docs / "secret.md").write_text("# No\n")
    (docs / "image.bin").write_bytes(b"\0")
    (docs / "new").mkdir()
    (docs / "new" / "owl.md").write_text("# Owl\n\nThe barn owl.\n")
    watch.until("added docs/new/owl.md (1 passage)")
    with base(folder) as opened:  # while it is watched
        assert opened.search("barn")[0].tags == ("birds",)
        opened.add([docs / "new"])
    # As an editor saves: another file is put in the place.
    (docs / "kite.md.tmp").write_text("# Kite\n\nThe black kite.\n")
    (docs / "kite.md.tmp").replace(docs / "kite.md")
    watch.until("changed docs/kite.md")
    (docs / "new" / "owl.md").rename(docs / "barn.md")
    watch.until("moved docs/new/owl.md to docs/barn.md")
    (docs / "barn.md").unlink()
    watch.until("removed docs/barn.md")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 half")
    assert "broken.pdf: " in watch.until("skipped docs/broken.pdf")
    (docs / "broken.pdf").unlink()
    (docs / "last.md").write_text("# Last\n")
    watch.until("added docs/last.md")
    assert sources(folder) == ["docs/kite.md", "docs/last.md"]
    assert watch.end(signal.SIGINT) == 130
    assert watch.lines()[-1] == "Interrupted."
    assert not any("Traceback" in line for line in watch.lines())


@pytest.mark.integration
def test_a_folder_that_goes_as_a_whole_removes_nothing(folder: Path, start: Callable[..., Watch]) -> None:
    docs, away = folder / "docs", folder / "away"
    shutil.copy(docs / "kite.md", folder / "alone.md")
    watch = start("docs", "alone.md")
    docs.rename(away)
    watch.until(f"{docs}: it is gone or empty")
    docs.mkdir()  # the place where a disk was mounted
    (folder / "alone.md").write_text("# Alone\n\nanother\n")
    watch.until("changed alone.md")
    (folder / "alone.md").unlink()
    watch.until("removed alone.md")
    assert sources(folder) == ["docs/kite.md"]
    # Killed meanwhile, it still removes nothing.
    watch.end(signal.SIGKILL)
    watch.start()
    watch.until(f"{docs}: it is gone or empty")
    assert sources(folder) == ["docs/kite.md"]
    docs.rmdir()
    (away / "owl.md").write_text("# Owl\n\nThe barn owl.\n")
    away.rename(docs)
    watch.until("added docs/owl.md")
    (docs / "kite.md").unlink()
    watch.until("removed docs/kite.md")
    assert sources(folder) == ["docs/owl.md"]


@pytest.mark.integration
def test_a_disk_below_that_is_unmounted_removes_nothing(folder: Path, start: Callable[..., Watch]) -> None:
    disk = folder / "docs" / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a disk")
    mounted = True
    try:
        (disk / "deep").mkdir()
        (disk / "deep" / "owl.md").write_text("# Owl\n\nThe barn owl.\n")
        watch = start("docs")
        subprocess.run(["umount", str(disk)], check=True)
        mounted = False
        watch.until(f"{disk}: no disk is there any more")
        (folder / "docs" / "kite.md").unlink()
        watch.until("removed docs/kite.md")
        assert sources(folder) == ["docs/disk/deep/owl.md"]
        mounted = subprocess.run(mount, check=True).returncode == 0
        (disk / "crow.md").write_text("# Crow\n")
        watch.until("added docs/disk/crow.md")
        watch.until("removed docs/disk/deep/owl.md")
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.integration
def test_killed_it_catches_up_and_waits_for_others(folder: Path, start: Callable[..., Watch]) -> None:
    docs = folder / "docs"
    watch = start("docs")
    for number in range(40):
        (docs / f"{number}.md").write_text(f"# Bird {number}\n")
    watch.end(signal.SIGKILL)
    (docs / "kite.md").unlink()
    watch.start()
    wanted = sorted(f"docs/{number}.md" for number in range(40))
    assert sources(folder) == wanted
    with base(folder) as other:

        def hold(_: object) -> None:
            if not [line for line in watch.lines() if line.startswith("Waiting")]:
                (docs / "late.md").write_text("# Late\n")
                watch.until("Waiting: another process")

        (folder / "beside.md").write_text("# Beside\n")
        other.add([folder / "beside.md"], progress=hold)
    watch.until("added docs/late.md")
    assert sources(folder) == sorted([*wanted, "docs/late.md", sources(folder)[0]])


def test_addresses_and_what_is_not_there_are_refused(tmp_path: Path) -> None:
    from ossifrage.tools.knowledge import Watching

    with KnowledgeBase(tmp_path / "base", embedding="none") as opened:
        for path, reason in (("https://example.org/", "files and folders"), (tmp_path / "none", "no such")):
            with pytest.raises(KnowledgeError, match=reason):
                Watching(opened, [path], print)
