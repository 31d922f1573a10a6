"""The files of a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ...errors import NoTextError, UnreadableError
from .item import MAX_BYTES, RawDocument
from .selection import Ignores, Selection

__all__ = ["is_ours", "is_own_data", "read_file", "walk"]

_KNOWLEDGE = "milvus.db"
_REASONING = "reasoning.db"
_NOT_OURS = frozenset(
    {"CVS", "__MACOSX", "__pycache__", "__pypackages__", "node_modules", "site-packages", _KNOWLEDGE}
)


def walk(folder: Path, choice: Selection, onerror: Callable[[OSError], None]) -> Iterator[Path]:
    """Every wanted file below ``folder``, sorted.

    Left out is what is hidden, ignored by a ``.gitignore`` file, generated, somebody else's code, or the data
    of this program.
    """
    rules = {folder: Ignores.above(folder)}
    for parent, folders, files in os.walk(folder, onerror=onerror):
        here = Path(parent)
        ignores = rules.pop(here).with_own(here)
        folders[:] = sorted(name for name in folders if _enters(here / name, folder, choice, ignores))
        rules.update((here / name, ignores) for name in folders)
        # A link to a folder is listed among the folders and not followed; report it like a file.
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = here / name
            wanted = is_ours(name) and choice.takes(path.relative_to(folder).as_posix())
            if wanted and not ignores.ignores(path):
                yield path


def is_ours(name: str) -> bool:
    """Whether a file or folder of this name is looked at."""
    return not name.startswith(".") and name not in _NOT_OURS


def is_own_data(folder: Path) -> bool:
    """Whether a folder is where passages are kept, or where the model's reasoning is logged.

    A folder that only has ``milvus.db`` in it may well be somebody's project.
    """
    index = folder.suffix == ".index" and folder.with_suffix(".ledger").exists()
    return folder.name == _KNOWLEDGE or index or (folder / _REASONING).exists()


def read_file(path: Path) -> RawDocument:
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
    return RawDocument(path.name, data, datetime.fromtimestamp(info.st_mtime, UTC))


def _enters(path: Path, root: Path, choice: Selection, ignores: Ignores) -> bool:
    return (
        is_ours(path.name)
        and choice.enters(path.relative_to(root).as_posix())
        and not ignores.ignores(path, folder=True)
        and not (path / "pyvenv.cfg").exists()
        and not is_own_data(path)
    )
