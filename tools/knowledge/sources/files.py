"""Which files to read, and what to call them.

A source is a document's name in the base. A file of a folder ``docs`` is called ``docs/guide/a.md``; a file
added by itself is called by its path from the working directory, or else by its name. A file keeps the name
it has, however its path is spelled and whichever folder above it is added. Names of different files never
meet: a second folder called ``docs`` becomes ``other/docs``, unless the first is gone, in which case it is
taken to have moved.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ..errors import NoTextError, PathNotFoundError, UnreadableError
from ..raw import MAX_BYTES, Item, Raw
from ..values import Document, Skipped

__all__ = ["Plan", "plan", "read_file"]

_TEXT_SUFFIXES = frozenset(
    {".md", ".markdown", ".mdx", ".mkd", ".txt", ".text", ".rst", ".adoc", ".asciidoc", ".org", ".tex"}
)
_NOT_OURS = frozenset({"CVS", "__pycache__", "__pypackages__", "node_modules", "site-packages"})


@dataclass(frozen=True)
class Plan:
    """What an ``add`` is about."""

    found: Sequence[Item]
    skipped: Sequence[Skipped]
    folders: Sequence[tuple[str, Path]]
    """Prefix of the sources and path of every folder that was gone through."""
    closed: Sequence[Path]
    """Folders below those that the system did not let us read."""

    def misses(self, document: Document) -> bool:
        """Whether ``document`` belongs to one of the folders and its file is gone."""
        path = Path(document.path)
        if any(path.is_relative_to(folder) for folder in self.closed) or os.path.exists(path):
            return False
        return any(
            path.is_relative_to(folder) or document.source.startswith(prefix)
            for prefix, folder in self.folders
        )


def plan(paths: Sequence[str | Path], documents: Mapping[str, Document]) -> Plan:
    """Find the files under ``paths`` and name them.

    Args:
        paths: files and folders.
        documents: what the base holds, by source.

    Raises:
        PathNotFoundError: one of the paths does not exist.
    """
    targets = [Path(path).expanduser() for path in paths]
    if missing := [str(path) for path in targets if not path.exists()]:
        raise PathNotFoundError(f"no such file or folder: {', '.join(missing)}; nothing was added")
    names = _Names(documents)
    found: dict[Path, Item] = {}
    skipped: dict[str, Skipped] = {}
    folders: list[tuple[str, Path]] = []
    errors: list[OSError] = []
    for target in targets:
        path = target.resolve()
        if path.is_dir():
            root, prefix = str(path), names.of_folder(path)
            entries = {
                entry: prefix + entry.relative_to(path).as_posix() for entry in _walk(path, errors.append)
            }
            folders.append((prefix, path))
        else:
            root, entries = "", {path: names.of_file(path)}
        for entry, name in entries.items():
            source = names.known(entry) or name
            if reason := _unfit(entry, source, asked_for=not root):
                skipped[source] = Skipped(source=source.encode(errors="replace").decode(), reason=reason)
            else:
                found.setdefault(entry, Item(source, str(entry), root, partial(read_file, entry)))
    for error in errors:
        name = str(error.filename)
        skipped[name] = Skipped(source=name, reason=f"cannot be read: {error.strerror or error}")
    closed = [Path(error.filename) for error in errors]
    return Plan(list(found.values()), list(skipped.values()), folders, closed)


def read_file(path: Path) -> Raw:
    """Read a regular file of reasonable size.

    Raises:
        UnreadableError: the system does not let us.
        NoTextError: it is no regular file, or too large.
    """
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise NoTextError("not a regular file")
        if info.st_size > MAX_BYTES:
            raise NoTextError(f"larger than {MAX_BYTES // 2**20} MiB: split it")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error
    return Raw(path.name, data, datetime.fromtimestamp(info.st_mtime, UTC))


class _Names:
    """Names for paths, given the names already in use."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        self._by_path = {Path(document.path): source for source, document in documents.items()}
        self._prefixes: dict[Path, str] = {}
        for document in documents.values():
            if document.root:
                below = Path(document.path).relative_to(document.root).as_posix()
                self._prefixes[Path(document.root)] = document.source.removesuffix(below)

    def known(self, path: Path) -> str | None:
        return self._by_path.get(path)

    def of_file(self, path: Path) -> str:
        if source := self.known(path) or self._within_known_folder(path):
            return source
        if path.is_relative_to(Path.cwd()):
            source = path.relative_to(Path.cwd()).as_posix()
            if self._is_free(source, path):
                return source
        return self._shortest_free(path)

    def of_folder(self, path: Path) -> str:
        prefix = self._prefixes.get(path) or self._within_known_folder(path, end="/")
        if prefix is None:
            prefix = f"{self._shortest_free(path)}/".lstrip("/")
            self._prefixes[path] = prefix
        return prefix

    def _within_known_folder(self, path: Path, *, end: str = "") -> str | None:
        for root in path.parents:
            if root in self._prefixes:
                return self._prefixes[root] + path.relative_to(root).as_posix() + end
        return None

    def _shortest_free(self, path: Path) -> str:
        parts = path.relative_to(path.anchor).parts
        names = ["/".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        return next((name for name in names if self._is_free(name, path)), names[-1] if names else "")

    def _is_free(self, name: str, path: Path) -> bool:
        """Whether no other file or folder that still exists goes by ``name``."""
        if any(
            prefix == f"{name}/" and root != path and root.exists() for root, prefix in self._prefixes.items()
        ):
            return False
        return not any(
            (source == name or source.startswith(f"{name}/"))
            and not Path(document.path).is_relative_to(path)
            and Path(document.path).exists()
            for source, document in self._documents.items()
        )


def _walk(folder: Path, onerror: Callable[[OSError], None]) -> Iterator[Path]:
    """Every file below ``folder``, sorted; hidden, generated and foreign folders left out."""
    for parent, folders, files in os.walk(folder, onerror=onerror):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if _is_ours(here / name))
        # A link to a folder is listed among the folders and not followed; report it like a file.
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*files, *links]):
            if not name.startswith("."):
                yield here / name


def _is_ours(folder: Path) -> bool:
    return (
        not folder.name.startswith(".")
        and folder.name not in _NOT_OURS
        and not (folder / "pyvenv.cfg").exists()
    )


def _unfit(path: Path, source: str, *, asked_for: bool) -> str | None:
    """Why a file is not read, if so; a file that was asked for by its name may be of any kind."""
    if not asked_for and path.is_symlink():
        return "a symbolic link (add what it leads to)"
    if not asked_for and path.suffix.lower() not in _TEXT_SUFFIXES:
        return f"{path.suffix.lower() or 'no suffix'}: not a kind of text that is read from folders"
    try:
        source.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return None
