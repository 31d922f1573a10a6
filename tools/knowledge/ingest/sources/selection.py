"""Which of the files found are wanted: ``.gitignore`` files, and patterns of the same syntax."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pathspec import GitIgnoreSpec

from ...errors import KnowledgeError

__all__ = ["Ignores", "Selection"]

_MOST_BYTES = 1024 * 1024
_MOST_STARS = 4


class Selection:
    """What ``include`` and ``exclude`` say of a path relative to what is gone through.

    Args:
        include: patterns, one of which a file must match; all files when empty.
        exclude: patterns of files and folders that are left out.

    Raises:
        KnowledgeError: a pattern cannot be understood.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = _spec(include) if include else None
        self._exclude = _spec(exclude)

    def takes(self, path: str) -> bool:
        """Whether the file ``path`` is wanted."""
        wanted = self._include is None or self._include.match_file(path)
        return wanted and not self._exclude.match_file(path)

    def enters(self, folder: str) -> bool:
        """Whether anything below ``folder`` can be wanted."""
        return not self._exclude.match_file(f"{folder}/")


@dataclass(frozen=True)
class Ignores:
    """The ``.gitignore`` files that hold in a folder, outermost first."""

    levels: tuple[tuple[Path, GitIgnoreSpec], ...] = ()

    @classmethod
    def above(cls, folder: Path) -> Self:
        """Those of the repository that ``folder`` is in, but for its own.

        None of them if they leave out ``folder`` itself, since it was asked for.
        """
        between: list[Path] = []
        for parent in (folder, *folder.parents):
            if (parent / ".git").exists():
                rules = cls(tuple(level for each in reversed(between) for level in _level(each)))
                return cls() if rules.ignores(folder, folder=True) else rules
            between.append(parent.parent)
        return cls()

    def with_own(self, folder: Path) -> Self:
        """These and the folder's own."""
        return type(self)((*self.levels, *_level(folder)))

    def ignores(self, path: Path, *, folder: bool = False) -> bool:
        """Whether ``path`` is to be left out: the innermost file that says anything of it decides."""
        for base, spec in reversed(self.levels):
            name = path.relative_to(base).as_posix() + ("/" if folder else "")
            if (verdict := spec.check_file(name).include) is not None:
                return verdict
        return False


def _spec(patterns: Iterable[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error) as error:
        raise KnowledgeError(f"a pattern to include or exclude cannot be understood: {error}") from error


def _level(folder: Path) -> list[tuple[Path, GitIgnoreSpec]]:
    file = folder / ".gitignore"
    try:
        # As in git, a link is not followed; anything else that is no regular file could block.
        if file.is_symlink() or not file.is_file():
            return []
        with file.open("rb") as stream:
            lines = os.fsdecode(stream.read(_MOST_BYTES)).splitlines()
    except OSError:
        return []
    kept = [line for line in lines if _is_sound(line)]
    return [(folder, GitIgnoreSpec.from_lines(kept))] if kept else []


def _is_sound(line: str) -> bool:
    """Whether a line is a pattern, and one that takes no ages to match."""
    if any(len(re.findall(r"\*+", part)) > _MOST_STARS for part in line.split("/")):
        return False
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True
