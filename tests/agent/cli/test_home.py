"""Nothing is written outside the home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from ossifrage.agent.cli import main
for arguments in json.loads(sys.argv[1]):
    print(end="\\0", flush=True)
    try:
        main(arguments)
    except SystemExit as ended:
        print(f"\\n{ended.code}", end="", flush=True)
"""
"""Several commands in one process: the imports take seconds. A zero byte before each, its code behind it."""

ELSEWHERE = {
    name: name.lower()
    for name in (
        "HOME",
        "OSSIFRAGE_HOME",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
        "XDG_STATE_HOME",
    )
}


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a fresh machine: every place a program might write to is an empty folder."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OSSIFRAGE_", "XDG_", "HF_", "TIKTOKEN_", "TMP", "TEMP"))
    }
    places = {name: str(tmp_path / "elsewhere" / folder) for name, folder in ELSEWHERE.items()}
    for place in [*places.values(), tmp_path / "here"]:
        Path(place).mkdir(parents=True)
    return {**inherited, **places, "PYTHONDONTWRITEBYTECODE": "1"}


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_everything_is_written_to_the_home_that_is_named(machine: dict[str, str], tmp_path: Path) -> None:
    document = tmp_path / "kite.md"
    document.write_text("# Red kite\n\nThe red kite belongs to the genus Milvus.\n")
    home = tmp_path / "home"

    named = ("--home", str(home))
    commands = [
        [*named, "kb", "add", str(document)],
        ["ask", "Which genus does the red kite belong to?", "--engine", "extractive", *named],
        [*named, "traces", "show", "last"],
        [*named, "doctor", "--base-url", "http://127.0.0.1:9", "--json"],
    ]
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        env=machine,
        cwd=tmp_path / "here",
        capture_output=True,
        text=True,
        timeout=100,
        umask=0o022,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (_, added, asked, _, examined) = finished.stdout.split("\0")
    assert added.endswith("\n0")
    assert "genus Milvus" in asked
    assert f"in {home / 'vocabulary'}" in examined
    assert examined.endswith("\n1")

    assert files(tmp_path / "elsewhere") == sorted(ELSEWHERE.values())
    assert files(tmp_path / "here") == []
    written = {name.split("/")[0] for name in files(home)}
    assert written == {"vocabulary", "knowledge", "traces.db", "reasoning.db"}
    open_to_others = [path for path in (home, *home.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_to_others == []
