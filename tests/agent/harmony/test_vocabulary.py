from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ossifrage.agent.harmony import VocabularyError
from ossifrage.agent.harmony.vocabulary import vocabulary_folder

FILE = "o200k_base.tiktoken"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
VARIABLE = "TIKTOKEN_ENCODINGS_BASE"

LOAD = """
import sys
from pathlib import Path
from ossifrage.agent.harmony import load_encoding, parse_completion
folders = [Path(name) for name in sys.argv[1:]] or [None]
first = load_encoding(folders[0])
assert first.encode("<|start|>x", allowed_special="all") == [200006, 87]
assert load_encoding(folders[-1]) is first
assert load_encoding() is first
assert parse_completion([200005, 17196, 200008, 87, 200002]).messages[0].content == "x"
"""


@pytest.fixture(autouse=True)
def _no_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / FILE).read_bytes()).hexdigest()


def load(tmp_path: Path, *folders: Path, **environment: str) -> list[str]:
    """Load in a process of its own; returns every file there is below ``tmp_path`` afterwards."""
    (tmp_path / "tmp").mkdir()
    subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, folders)],
        check=True,
        timeout=60,
        env={
            **os.environ,
            "HOME": str(tmp_path / "user"),
            "TMPDIR": str(tmp_path / "tmp"),
            "OSSIFRAGE_HOME": str(tmp_path / "home"),
            **environment,
        },
    )
    return sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())


def test_the_default_home(tmp_path: Path) -> None:
    assert load(tmp_path) == [f"home/vocabulary/{FILE}"]


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    assert load(tmp_path, tmp_path / "own", tmp_path / "other") == [f"own/{FILE}"]
    assert digest(tmp_path / "own") == SHA256


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert load(tmp_path, tmp_path / "file" / "own") == ["file"]
    with vocabulary_folder(tmp_path / "file" / "own") as folder:
        assert digest(folder) == SHA256
    assert not folder.exists()


def test_a_folder_that_is_named(tmp_path: Path) -> None:
    with vocabulary_folder(tmp_path / "named"):
        pass
    files = load(tmp_path, tmp_path / "own", **{VARIABLE: str(tmp_path / "named")})
    assert files == [f"named/{FILE}"]


@pytest.mark.parametrize("content", [None, b"", b"IQ== 0\n"])
def test_a_folder_that_is_named_and_holds_another_file(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    named = f"{VARIABLE} names {tmp_path}"
    with pytest.raises(VocabularyError, match=named) as wrong, vocabulary_folder(tmp_path / "own"):
        pass
    assert "\n" not in str(wrong.value)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(("start", "keep"), [(b"", 0), (b"", -1), (b"J", None)])
def test_a_damaged_file_is_unpacked_again(tmp_path: Path, start: bytes, keep: int | None) -> None:
    with vocabulary_folder(tmp_path) as folder:
        assert folder == tmp_path
        data = (folder / FILE).read_bytes()
        (folder / FILE).write_bytes(start + data[len(start) : keep])
        assert digest(tmp_path) != SHA256
    with vocabulary_folder(tmp_path):
        assert digest(tmp_path) == SHA256
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "carried", [gzip.compress(b"IQ== 0\n", mtime=0), b"no gzip", gzip.compress(b"x" * 99, mtime=0)[:20], None]
)
def test_a_package_that_carries_another_file_is_refused(
    tmp_path: Path, carried: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "bpe_openai"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    if carried is not None:
        (package / "data" / f"{FILE}.gz").write_bytes(carried)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.delitem(sys.modules, "bpe_openai", raising=False)
    advice = r"install bpe-openai 0\.1\.4"
    with pytest.raises(VocabularyError, match=advice) as refused, vocabulary_folder(tmp_path / "own"):
        pass
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "own").exists()
