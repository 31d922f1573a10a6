"""A real llama.cpp server over a tiny gpt-oss, one for all tests."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.process import free_port, serving

HERE = Path(__file__).parent


def _gguf(config: pytest.Config, *options: str) -> Path:
    """A tiny gpt-oss, made once and kept in pytest's cache."""
    script = HERE / "tiny_gguf.py"
    made_by = script.read_bytes() + (HERE / "o200k.py").read_bytes()
    version = hashlib.sha256(made_by).hexdigest()[:12] + "".join(options)
    assert config.cache is not None
    path = config.cache.mkdir("ossifrage") / f"tiny-gpt-oss-{version}.gguf"
    if not path.exists():
        subprocess.run([sys.executable, script, path, *options], check=True, timeout=120)
    return path


@pytest.fixture(scope="session")
def tiny_gguf(pytestconfig: pytest.Config) -> Path:
    """A tiny gpt-oss that says anything at all."""
    return _gguf(pytestconfig)


@pytest.fixture(scope="session")
def ending_llama_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a llama.cpp server whose model ends what it begins."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, HERE / "llama_server.py", _gguf(pytestconfig, "--ending"), str(port)]
    with serving(command, url, log=tmp_path_factory.mktemp("ending") / "log", seconds=60):
        yield url


@pytest.fixture(scope="session")
def llama_url(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a llama.cpp server with one slot of 4096 tokens."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, HERE / "llama_server.py", tiny_gguf, str(port)]
    with serving(command, url, log=tmp_path_factory.mktemp("llama") / "log", seconds=60):
        yield url


@pytest.fixture(scope="session")
def locked_llama_url(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a llama.cpp server that wants the key ``sesame``."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, HERE / "llama_server.py", tiny_gguf, str(port), "--api-key", "sesame"]
    with serving(command, url, log=tmp_path_factory.mktemp("locked") / "log", seconds=60):
        yield url
