"""Programs written against the public names are checked by both type checkers, strictly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = [str(ROOT / "tests" / "typing"), str(ROOT / "examples")]


@pytest.mark.slow  # mypy reads all of the SDK before it has a cache: a minute
@pytest.mark.parametrize(
    "checker",
    [
        ("mypy", "--strict", "--follow-imports=silent"),
        ("pyright", "--pythonpath", sys.executable),
    ],
    ids=lambda checker: checker[0],
)
def test_the_programs_are_typed(checker: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYPYPATH", str(ROOT / "build" / "typing"))
    done = subprocess.run(
        [sys.executable, "-m", *checker, *PROGRAMS], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
