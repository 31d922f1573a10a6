from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from fakes.web_site import Site
from ossifrage.agent.cli import main
from ossifrage.tools.knowledge import KnowledgeBase


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield site
        site.silence.set()
        site.shutdown()


class Ran(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(home: Path, *arguments: str) -> Ran:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["--home", str(home), "kb", "add", "--embedding", "none", *arguments])
    return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def test_what_does_not_exist_leaves_no_base_behind(tmp_path: Path) -> None:
    failed = run(tmp_path / "home", str(tmp_path / "nothing"))
    assert failed.returncode == 1
    assert "no such file or folder" in failed.stderr
    assert not (tmp_path / "home").exists()


def test_an_archive_from_the_web_and_what_is_skipped(tmp_path: Path, site: Site) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("en/faq.md", "# FAQ")
        archive.writestr("en/draft/a.md", "# Draft")
        for number in range(50):
            archive.writestr(f"en/{number}.png", "")
    site.put("/milvus_docs_2.4.x_en.zip", (tmp_path / "made.zip").read_bytes(), "application/zip")
    urls = [f"{site.url}/milvus_docs_2.4.x_en.zip", f"{site.url}/none\x1b[31m"]
    added = run(tmp_path / "home", *urls, "--tag", "milvus", "--exclude", "draft/")
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("1 added, 0 changed, 0 unchanged, 0 removed, 51 skipped; 1 passage in ")
    first, second = sorted(added.stderr.splitlines())
    assert first.startswith("skipped 50 files, such as milvus_docs_2.4.x_en/en/")
    assert first.endswith(": not a kind that is read (.png)")
    assert second.startswith(f"skipped {site.url}/none")
    assert "\x1b" not in added.stderr
    with KnowledgeBase(tmp_path / "home" / "knowledge") as base:
        (document,) = base.documents()
        assert (document.source, document.tags) == ("milvus_docs_2.4.x_en/en/faq.md", ("milvus",))


def test_an_address_that_cannot_be_reached(tmp_path: Path) -> None:
    nothing = run(tmp_path / "home", "http://127.0.0.1:1/x.md")
    assert (nothing.returncode, nothing.stdout[:7]) == (1, "0 added")
    assert nothing.stderr.startswith("skipped http://127.0.0.1:1/x.md: cannot be fetched: ")


def test_an_interrupt_during_a_download(tmp_path: Path, site: Site) -> None:
    (tmp_path / "a.md").write_text("# A")
    program = [sys.executable, "-c", "from ossifrage.agent.cli import main; main()"]
    given = [str(tmp_path / "a.md"), f"{site.url}/silent"]
    command = [*program, "--home", str(tmp_path / "home"), "kb", "add", *given]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        while not site.requests:
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=15)
    assert (running.returncode, errors.strip()) == (130, b"Interrupted.")
