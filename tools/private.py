"""Files and folders that are the owner's alone: what people ask and read is nobody else's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

__all__ = ["make_private", "open_private", "private_folder", "replace_private"]

_OTHERS = 0o077


def private_folder(path: Path) -> Path:
    """Make a folder, and what is missing above it, for the owner alone; one that exists stays as it is.

    Raises:
        OSError: the system does not let us.
    """
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def open_private(path: Path, *, append: bool = False) -> BinaryIO:
    """Open a file to write it, for the owner alone: anew, or on from its end.

    Raises:
        OSError: the system does not let us.
    """
    mode: Literal["ab", "wb"] = "ab" if append else "wb"
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def replace_private(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file anew for the owner alone, at once or not at all.

    Raises:
        OSError: the system does not let us; the file is as it was.
    """
    new = path.with_suffix(".new")
    try:
        with open_private(new) as out:
            out.writelines(parts)
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise


def make_private(folder: Path) -> None:
    """Take from others what libraries have made below ``folder``, and the folder itself.

    What belongs to somebody else, or has gone meanwhile, is left alone.
    """
    if os.name != "posix":
        return
    for parent, _, files in os.walk(folder):
        for place in (parent, *(os.path.join(parent, name) for name in files)):
            try:
                mode = os.lstat(place).st_mode
                if mode & _OTHERS and not os.path.islink(place):
                    os.chmod(place, mode & 0o7700)
            except OSError:
                continue
