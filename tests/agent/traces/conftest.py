from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossifrage.agent.traces import RunStarted, TraceStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore(tmp_path / "home") as store:
        yield store


@pytest.fixture
def question() -> Callable[[str], RunStarted]:
    def make(question: str) -> RunStarted:
        return RunStarted(
            question=question, engine="llama-server", model="gpt-oss-20b", output_type="Answer", version="1.0"
        )

    return make
