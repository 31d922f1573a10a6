from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import pytest

from ossifrage.agent.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def run_command(*arguments: str | Path, stdin: bytes = b"") -> Ran:
    """Run the command line in this process: starting a new one costs seconds of imports."""
    written, err = BytesIO(), StringIO()
    out = TextIOWrapper(written, "utf-8", write_through=True)
    before, sys.stdin = sys.stdin, TextIOWrapper(BytesIO(stdin))
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
    finally:
        sys.stdin = before
    return Ran(int(ended.value.code or 0), written.getvalue().decode(), err.getvalue())


@pytest.fixture
def command() -> Callable[..., Ran]:
    return run_command


@pytest.fixture(scope="session")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose knowledge base holds one document, about two pumps."""
    folder = tmp_path_factory.mktemp("hall")
    (folder / "pumps.md").write_text(
        "# Pumps\n\nThe pump in hall 7 runs at 40 bar.\n\nThe pump in hall 9 was built by Aldous in 1987.\n"
    )
    added = run_command("--home", folder / "home", "kb", "add", "--embedding", "none", folder / "pumps.md")
    assert added.code == 0, added.err
    return folder / "home"
