from __future__ import annotations

import os
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import KnowledgeBase
from ossifrage.tools.private import make_private, open_private, private_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_that_are_missing_are_made_private_and_others_left(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o755)
    made = private_folder(tmp_path / "mine" / "a" / "b")
    assert private_folder(made) == made
    assert [mode(each) for each in (made, made.parent, tmp_path / "mine")] == [0o700, 0o700, 0o755]


def test_files_are_private_from_the_first_moment(tmp_path: Path) -> None:
    for append in (False, True):
        with open_private(tmp_path / "file", append=append) as file:
            file.write(b"x")
            assert mode(tmp_path / "file") == 0o600
    assert (tmp_path / "file").read_bytes() == b"xx"


def test_what_libraries_made_is_taken_from_others(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "program").touch(mode=0o755)
    (tmp_path / "elsewhere").touch(mode=0o644)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "elsewhere")
    make_private(tmp_path / "a")
    assert [mode(tmp_path / each) for each in ("a", "a/b", "a/program")] == [0o700] * 3
    assert mode(tmp_path / "elsewhere") == 0o644


def test_a_base_in_a_folder_of_somebody_is_private_all_the_same(tmp_path: Path) -> None:
    """The folder is left as it is: it may hold other things."""
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "kite.md").write_text("# Kite\n\nThe red kite.\n")
    for folder in (tmp_path / "shared", tmp_path / "own"):
        with KnowledgeBase(folder, embedding="none") as base:
            base.add([tmp_path / "kite.md"])
            inside = [each for each in folder.rglob("*") if mode(each) & 0o077]
            assert inside == []
        base.close()
        assert [each for each in folder.rglob("*") if mode(each) & 0o077] == []
    assert (mode(tmp_path / "shared"), mode(tmp_path / "own")) == (0o755, 0o700)
