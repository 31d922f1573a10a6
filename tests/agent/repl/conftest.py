from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import talking_server
from ossifrage import KnowledgeBase

DOCUMENT = """# Storage

## Where are traces kept?

Traces are kept in a file called traces.db.

## What is a kite?

A kite is a bird of the genus Milvus.
"""

Server = Callable[..., tuple[str, "subprocess.Popen[str]"]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one document in its knowledge base."""
    (tmp_path / "storage.md").write_text(DOCUMENT)
    with KnowledgeBase(tmp_path / "home" / "knowledge", embedding="none") as base:
        base.add([tmp_path / "storage.md"])
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Server]:
    """Starts a server that answers slowly, in a process of its own; its address, and the process."""
    started: list[subprocess.Popen[str]] = []

    def start(*, pause: float = 0.0, steps: int = 1, words: int = 40) -> tuple[str, subprocess.Popen[str]]:
        command = [sys.executable, "-m", talking_server.__name__, str(pause), str(steps), str(words)]
        root = str(Path(__file__).parents[2])
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**__import__("os").environ, "PYTHONPATH": f"{root}:{Path(root).parent / 'build/typing'}"},
        )
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip(), process

    yield start
    for process in started:
        process.kill()
        process.communicate()
