from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeError, PathNotFoundError, Remedy
from ossifrage.tools.knowledge.ingest.sources.planning import plan


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"text of {name}\n")
    return root


def found(*paths: Path | str, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
    with plan(paths, {}, include=include, exclude=exclude) as work:
        return [item.source for item in work.found]


def test_gitignore_files_are_respected(tmp_path: Path) -> None:
    names = [
        "a.md",
        "build/b.md",
        "drafts/c.md",
        "drafts/keep.md",
        "sub/d.md",
        "sub/top.md",
        "top.md",
        "x.tmp.md",
    ]
    docs = tree(tmp_path / "docs", *names)
    (docs / ".gitignore").write_text("build/\n*.tmp.md\n/top.md\n[z-a]\n!\n\\\ndrafts/*\n!drafts/keep.md\n")
    (docs / "sub" / ".gitignore").write_text("*.md\n!top.md\n")
    assert found(docs) == ["docs/a.md", "docs/drafts/keep.md", "docs/sub/top.md"]


def test_gitignore_files_above_count_within_a_repository(tmp_path: Path) -> None:
    docs = tree(tmp_path / "repo" / "docs", "a.md", "b.log.md")
    (tmp_path / "repo" / ".gitignore").write_text("*.log.md\n")
    assert found(docs) == ["docs/a.md", "docs/b.log.md"]
    (tmp_path / "repo" / ".git").mkdir()
    assert found(docs) == ["docs/a.md"]
    # What is named itself is read all the same.
    (tmp_path / "repo" / ".gitignore").write_text("docs/\n")
    assert found(docs) == ["docs/a.md", "docs/b.log.md"]
    assert found(docs / "a.md") == ["a.md"]


def test_a_gitignore_cannot_stall_the_walk(tmp_path: Path) -> None:
    docs = tree(tmp_path / "docs", "a" * 60 + ".md")
    (docs / ".gitignore").write_text("*a" * 12 + "b\n")
    assert len(found(docs)) == 1


def test_include_and_exclude(tmp_path: Path) -> None:
    docs = tree(
        tmp_path / "docs", "a.md", "b.txt", "drafts/c.md", "guide/d.md", "guide/e.txt", "guide/drafts/f.md"
    )
    assert found(docs, include=("*.md",), exclude=("drafts/",)) == ["docs/a.md", "docs/guide/d.md"]
    assert found(docs, include=("/guide/",), exclude=("*.md",)) == ["docs/guide/e.txt"]
    assert found(docs, exclude=("/drafts/", "*.txt")) == [
        "docs/a.md",
        "docs/guide/d.md",
        "docs/guide/drafts/f.md",
    ]
    assert found(docs / "b.txt", exclude=("*.txt",)) == ["b.txt"]
    with pytest.raises(KnowledgeError, match="a pattern to include or exclude"):
        found(docs, include=("!",))


def test_well_known_files_without_a_suffix(tmp_path: Path) -> None:
    docs = tree(tmp_path / "docs", "README", "sub/makefile", "Dockerfile", "LICENSE", "core", "README.orig")
    tree(docs, "README.Debian", "copyright", "notes.txt.gz", "data.bin.gz")
    (docs / "CHANGELOG").write_bytes(b"\0")
    with plan([docs], {}) as work:
        assert [item.source for item in work.found] == [
            "docs/CHANGELOG",
            "docs/Dockerfile",
            "docs/LICENSE",
            "docs/README",
            "docs/README.Debian",
            "docs/copyright",
            "docs/notes.txt.gz",
            "docs/sub/makefile",
        ]
        assert {each.source: each.reason for each in work.skipped} == {
            "docs/README.orig": "not a kind that is read (.orig)",
            "docs/data.bin.gz": "not a kind that is read (.bin)",
            "docs/core": "not a kind that is read (no suffix)",
        }


def test_what_is_left_out_from_now_on_is_removed(base: KnowledgeBase, tmp_path: Path) -> None:
    docs = tree(tmp_path / "docs", "a.md", "old/b.md", "old/c.md", "d.md", "rules.mk")
    base.add([docs, docs / "rules.mk"])
    (docs / ".gitignore").write_text("d.md\n")
    report = base.add([docs], exclude=["old/b.md"])
    assert report.removed == ("docs/d.md", "docs/old/b.md")
    assert report.unchanged == ("docs/a.md", "docs/old/c.md")
    assert base.add([docs / "old"]).added == ("docs/old/b.md",)
    # What was asked for by itself stays, whatever the folder above it leaves out.
    assert base.add([docs], exclude=["old/"]).removed == ("docs/old/c.md",)
    assert [each.source for each in base.documents()] == ["docs/a.md", "docs/old/b.md", "docs/rules.mk"]


def test_files_of_one_name_added_together_do_not_meet(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one", "x.md"), tree(tmp_path / "other", "x.md")
    assert found(one / "x.md", other / "x.md") == ["x.md", "other/x.md"]


def test_a_home_that_is_unknown_is_a_missing_path() -> None:
    with pytest.raises(PathNotFoundError, match="~nouser-at-all/x"):
        found("~nouser-at-all/x")
    with pytest.raises(PathNotFoundError, match="s3://bucket/x"):
        found("s3://bucket/x")
    with pytest.raises(PathNotFoundError):
        found("x" * 5000)


def test_an_empty_path_is_not_the_working_directory() -> None:
    for path in ("", " "):
        with pytest.raises(PathNotFoundError, match=r"^an empty path; nothing was added$"):
            found(path)


@pytest.mark.parametrize("address", ["ftp://x/y", "file:///etc/passwd", "file:/etc/passwd", "S3://bucket/x"])
def test_addresses_of_another_kind(address: str) -> None:
    with pytest.raises(PathNotFoundError, match=f"^only http and https addresses can be added: {address}"):
        found(address)


def test_the_data_of_the_program_is_left_out(tmp_path: Path) -> None:
    docs = tree(
        tmp_path / "docs",
        "a.md",
        "home/reasoning.db",
        "home/notes.md",
        "project/b.md",
        "project/milvus.db/manifest.json",
    )
    assert found(docs) == ["docs/a.md", "docs/project/b.md"]
    for folder in (docs / "home", docs / "project" / "milvus.db"):
        with plan([folder], {}) as work:
            assert not work.found
            assert [each.reason for each in work.skipped] == ["the data of this program itself"]


def test_a_deleted_folder_can_be_removed(base: KnowledgeBase, tmp_path: Path) -> None:
    docs = tree(tmp_path / "my docs", "a.md", "sub/b.md")
    other = tree(tmp_path / "other", "c.md")
    base.add([docs, other / "c.md"])
    shutil.rmtree(docs)
    (other / "c.md").unlink()
    for path, name in [(docs, "my docs"), (docs / "sub", "my docs/sub"), (other / "c.md", "c.md")]:
        with pytest.raises(PathNotFoundError) as caught:
            base.add([path])
        assert str(caught.value).endswith(
            f"nothing was added; what the base has of it stays until it is removed: {name}"
        )
        assert caught.value.remedy == Remedy("remove", (name,))
    with pytest.raises(PathNotFoundError, match=r"nothing was added$"):
        base.add([tmp_path / "my"])
    assert base.remove(["my docs"]) == ("my docs/a.md", "my docs/sub/b.md")
