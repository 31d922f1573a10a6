"""What goes wrong at the moment says nothing of the document: the base keeps the version it has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fpdf import FPDF

from ossifrage.tools.knowledge import KnowledgeBase, UnreadableError
from ossifrage.tools.knowledge.ingest.loaders import Loaded, converting, isolated

Read = Callable[..., Loaded]


def pdf(text: str) -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica")
    document.cell(text=text)
    return bytes(document.output())


@pytest.fixture
def broken_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a ``pypdfium2`` that holds the given Python before the real one."""

    def put(python: str) -> None:
        (tmp_path / "pypdfium2.py").write_text(python)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return put


@pytest.mark.parametrize(
    ("python", "reason"),
    [
        (
            "raise ImportError('libpdfium.so is gone')",
            r"^its reader failed: ImportError: libpdfium\.so is gone",
        ),
        ("raise MemoryError", r"^PDF that takes more time or memory"),
        ("import os; os.kill(os.getpid(), 9)", r"^PDF that takes more time or memory"),
        ("import os; os._exit(3)", r"^its reader failed"),
    ],
    ids=["cannot be imported", "memory", "killed", "ends"],
)
def test_a_reader_that_fails(
    read: Read, broken_library: Callable[[str], None], python: str, reason: str
) -> None:
    broken_library(python)
    with pytest.raises(UnreadableError, match=reason):
        read("a.pdf", pdf("words"))


def test_a_machine_too_busy(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "_SECONDS", 0)
    with pytest.raises(UnreadableError, match="try again later"):
        read("a.pdf", pdf("words"))


def test_a_process_that_cannot_be_started(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(UnreadableError, match=r"^its reader cannot be started now: No such file"):
        read("a.pdf", pdf("words"))


@pytest.mark.parametrize("error", [MemoryError(), ImportError("lxml is gone")])
def test_converting_that_fails_at_the_moment(error: Exception) -> None:
    with (
        pytest.raises(UnreadableError, match=r"^HTML that could not be read now"),
        converting.converting("HTML"),
    ):
        raise error


def test_a_stored_document_stays(
    base: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf("words about bones"))
    base.add([file])
    file.write_bytes(pdf("words about feathers"))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    report = base.add([file])
    assert (report.removed, len(report.skipped)) == ((), 1)
    assert base.search("bones")
