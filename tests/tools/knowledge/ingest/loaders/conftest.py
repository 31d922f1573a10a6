from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ossifrage.tools.knowledge.ingest.loaders import Loaded, load
from ossifrage.tools.knowledge.ingest.sources.item import RawDocument

Read = Callable[..., Loaded]


@pytest.fixture
def read() -> Read:
    """``read("a.pdf", data)``: what the loader of that name makes of the bytes or characters."""

    def read(name: str, data: bytes | str, media_type: str = "") -> Loaded:
        data = data.encode() if isinstance(data, str) else data
        return load(RawDocument(name, data, datetime(2026, 1, 2, tzinfo=UTC), media_type))

    return read


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that no document may get at."""
    path = tmp_path / "secret.txt"
    path.write_text("the secret word is quagga")
    return path
