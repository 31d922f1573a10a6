"""Loaders from outside."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import (
    KnowledgeBase,
    KnowledgeError,
    Loaded,
    Mark,
    NoTextError,
    RawDocument,
    UnreadableError,
    register_loader,
)
from ossifrage.tools.knowledge.ingest.loaders import registry

Load = Callable[[RawDocument], Any]
Given: Any = Loaded  # with fields of any type


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    folder = tmp_path / "mails"
    folder.mkdir()
    for name in ("one.eml", "TWO.EML"):
        (folder / name).write_text(f"{name}: the bittern booms")
    (folder / "note.md").write_text("# Note\n\nA bittern hides.\n")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("three.eml", "three: the bittern booms")
    return folder


def text_of(raw: RawDocument) -> Loaded:
    return Loaded(text=raw.data.decode(), title="A mail")


def test_a_registered_suffix_is_read_from_folders_and_archives(base: KnowledgeBase, mails: Path) -> None:
    assert base.add([mails, mails / "more.zip"]).added == ("mails/note.md",)
    register_loader(".Eml", text_of)
    report = base.add([mails, mails / "more.zip"])
    assert report.added == ("mails/TWO.EML", "mails/one.eml", "more/three.eml")
    assert {each.title for each in base.search("booms")} == {"A mail"}
    assert base.add([mails]).unchanged == ("mails/TWO.EML", "mails/note.md", "mails/one.eml")


def test_a_built_in_loader_can_be_replaced(base: KnowledgeBase, mails: Path) -> None:
    register_loader([".md", ".markdown"], text_of)
    register_loader(".md", lambda raw: Given(text="replaced", title=""))
    base.add([mails])
    assert (base["mails/note.md"].title, base.text("mails/note.md")) == ("note.md", "replaced")


def _raises(error: BaseException) -> Load:
    def load(raw: RawDocument) -> Any:
        raise error

    return load


FAILURES: list[tuple[Load, str]] = [
    (_raises(KeyError("subject")), "the loader of .eml failed: KeyError: 'subject'"),
    (_raises(ZeroDivisionError("a\nb\x1b[2J")), "the loader of .eml failed: ZeroDivisionError: a b"),
    (_raises(SystemExit(3)), "the loader of .eml failed: SystemExit: 3"),
    (_raises(RecursionError("deep")), "the loader of .eml failed: RecursionError: deep"),
    (_raises(MemoryError()), "the loader of .eml failed: MemoryError"),
    (_raises(ImportError("no mail")), "the loader of .eml failed: ImportError: no mail"),
    (_raises(UnreadableError("locked")), "locked"),
    (lambda raw: None, "the loader of .eml gave a NoneType, not a Loaded"),
    (lambda raw: "text", "the loader of .eml gave a str, not a Loaded"),
    (lambda raw: Given(text=b"x", title=""), "cannot be taken: the text is a bytes"),
    (lambda raw: Given(text="x", title="", kind="word"), "there is no kind 'word'"),
    (lambda raw: Given(text="x", title="", front_matter={"a": {1}}), "front_matter['a'] is a set"),
    (lambda raw: Given(text="x", title="", front_matter=3), "front_matter is an int"),
    (lambda raw: Given(text="x", title="", marks=[3]), "one of the marks is a int"),
    (
        lambda raw: Given(text="x", title="", marks=[Mark(1, "page", "i")]),
        "no line and number of a page",
    ),
    (lambda raw: Given(text="x", title="", marks=3), "cannot be taken: "),
]


@pytest.mark.parametrize(("load", "reason"), FAILURES)
def test_a_loader_that_fails_is_one_skipped_document_and_loses_none(
    base: KnowledgeBase, tmp_path: Path, load: Load, reason: str
) -> None:
    mail, note = tmp_path / "a.eml", tmp_path / "b.md"
    mail.write_text("the old text")
    note.write_text("a note")
    register_loader(".eml", text_of)
    base.add([mail])
    mail.write_text("the new text")
    register_loader(".eml", load)
    report = base.add([mail, note])
    assert report.added == ("b.md",)
    (skipped,) = report.skipped
    assert skipped.source == "a.eml"
    assert reason in skipped.reason
    assert skipped.reason.isprintable() or "\x1b" in skipped.reason  # shown through one_line
    assert base.text("a.eml") == "the old text"


def test_a_loader_can_say_that_there_is_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    (mail := tmp_path / "a.eml").write_text("text")
    register_loader(".eml", text_of)
    base.add([mail])
    nothing: list[tuple[Load, str]] = [
        (_raises(NoTextError("a picture only")), "a picture only"),
        (lambda raw: Given(text=" \n\x00", title=""), "empty"),
    ]
    for load, reason in nothing:
        register_loader(".eml", load)
        mail.write_text(f"not {reason}")
        assert [each.reason for each in base.add([mail]).skipped] == [reason]
        assert "a.eml" not in base


def test_what_a_loader_gives_is_cleaned(base: KnowledgeBase, tmp_path: Path) -> None:
    given = Loaded(
        text="# Top\r\n\r\nthe \x1b[31mred\ud800 knot\rruns",
        title=" two\nlines \x07",
        front_matter={"tags": ["t"], "n": (1, 2)},
        marks=[Mark(3, "page", 2), Mark(1, "page", 1)],
    )
    register_loader(".eml", lambda raw: given)
    (mail := tmp_path / "a.eml.gz").write_bytes(gzip.compress(b"x"))
    base.add([mail])
    assert base.text("a.eml.gz") == "# Top\n\nthe [31mred knot\nruns"
    document = base["a.eml.gz"]
    assert (document.title, document.tags) == ("two lines", ("t",))
    assert document.front_matter == {"tags": ["t"], "n": [1, 2]}
    assert [base.open("a.eml.gz", line=line).page for line in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert str(base.open("a.eml.gz", line=3).location).endswith("/a.eml.gz#page=2")


@pytest.mark.parametrize(
    ("suffixes", "loader", "error", "message"),
    [
        ("eml", text_of, KnowledgeError, "'eml' is no suffix of files; one is like '.eml'"),
        (".", text_of, KnowledgeError, "is no suffix"),
        (".a.b", text_of, KnowledgeError, "is no suffix"),
        (".a/b", text_of, KnowledgeError, "is no suffix"),
        ([".ok", ".zip"], text_of, KnowledgeError, r"end in \.zip are unpacked"),
        ([".ok", 3], text_of, TypeError, "one of suffixes is an int"),
        (".ok", "text_of", TypeError, "the loader is a str"),
    ],
)
def test_what_cannot_be_registered_is_told(
    suffixes: Any, loader: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        register_loader(suffixes, loader)
    assert not registry.is_offered("a.ok")


PACKAGE = """
from ossifrage.tools.knowledge import Loaded
def load(raw):
    return Loaded(text="From the package: " + raw.data.decode(), title="offered")
"""
PROGRAM = """
import sys
from pathlib import Path
from ossifrage import KnowledgeBase
from ossifrage.tools.knowledge.ingest.loaders.registry import offered_loaders
Path("a.eml").write_text("the dunlin")
Path("b.broken").write_text("nothing")
Path("c.md").write_text("a note")
with KnowledgeBase("kb", embedding="none") as base:
    base.add(["c.md"])
    assert [(each.suffix, each.name) for each in offered_loaders()] == [
        (".broken", "no_such_module:load of mail-loader"), (".eml", "mail_loader:load of mail-loader")
    ]
    assert "mail_loader" not in sys.modules
    report = base.add(["."])
    assert base.text("a.eml") == "From the package: the dunlin"
    (skipped,) = [each for each in report.skipped if each.source.endswith("b.broken")]
    assert skipped.reason.startswith("the loader of .broken failed: ModuleNotFoundError"), skipped
"""


def test_an_installed_package_offers_loaders(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    about = packages / "mail_loader-1.0.dist-info"
    about.mkdir(parents=True)
    (packages / "mail_loader.py").write_text(PACKAGE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mail-loader\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[ossifrage.loaders]\n.EML = mail_loader:load\n"
        "broken = no_such_module:load\n.zip = mail_loader:load\n"
    )
    work = tmp_path / "work"
    work.mkdir()
    code = f"import sys; sys.path.append({str(packages)!r})\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
