"""``ossifrage completion``: what a shell is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ossifrage kb re", {"remove", "rebuild", "repair"}),
        ("ossifrage config get reas", {"reasoning"}),
        ("ossifrage ask --engine ex", {"extractive"}),
        ("ossifrage ask --reas", {"--reasoning"}),
    ],
)
def test_commands_flags_and_names_are_offered(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, typed: str, offered: set[str]
) -> None:
    monkeypatch.setenv("_OSSIFRAGE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    names = {line.partition(",")[2] for line in command().out.splitlines()}
    assert offered <= names


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(command: Callable[..., Any], shell: str) -> None:
    script = command("completion", shell).out
    assert "_OSSIFRAGE_COMPLETE" in script
    assert "ossifrage" in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_real_bash_completes(command: Callable[..., Any], tmp_path: Path) -> None:
    program = tmp_path / "ossifrage"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from ossifrage.agent.cli import main; main()"\n'
    )
    program.chmod(0o755)
    (tmp_path / "complete.sh").write_text(command("completion", "bash").out)
    typed = (
        "source ./complete.sh; COMP_WORDS=(ossifrage conf); COMP_CWORD=1; "
        '_ossifrage_completion "./ossifrage"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", typed],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OSSIFRAGE_HOME": str(tmp_path / "home")},
    )
    assert "config" in done.stdout.split(), done.stderr
