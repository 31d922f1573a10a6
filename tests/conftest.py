from __future__ import annotations

from pathlib import Path

import pytest
from openai_harmony import HarmonyEncoding
from ossifrage.agent.harmony import load_encoding

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def encoding() -> HarmonyEncoding:
    return load_encoding()


@pytest.fixture(scope="session")
def data() -> Path:
    """Real data that lies beside the repository, where there is some."""
    if not DATA.is_dir():
        pytest.skip(f"no data in {DATA}")
    return DATA


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("OSSIFRAGE_HOME", str(folder))
    return folder
