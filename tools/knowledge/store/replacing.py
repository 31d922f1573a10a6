"""Putting a collection in the place of another one of its folder; a kill at any moment loses neither.

The new one is made in a folder of its own, ``.NAME.rebuilding``, which is a whole knowledge base. When it is
complete, a file there says so, and where the old one goes; from then on whoever opens the base goes on with
what is left to do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ...private import private_folder, replace_private
from ..errors import KnowledgeError, KnowledgeLockedError

__all__ = ["exclusively", "finish_replacing", "replace_collection", "workshop"]

_COMPLETE = "complete"


def workshop(data: Path, name: str) -> Path:
    """The folder in which the collection is made that is to take the place of ``name``."""
    return data.parent / f".{name}.rebuilding"


def replace_collection(data: Path, name: str) -> Path:
    """Put the collection in :func:`workshop`, which nobody has open, in the place of the one there is.

    The caller has the data :func:`exclusively`.

    Returns:
        Where the old one is now.

    Raises:
        KnowledgeError: the system does not let us.
    """
    made = workshop(data, name)
    stem = data.parent / f"{name}.damaged-{datetime.now(UTC):%Y-%m-%d}"
    aside, number = stem, 1
    while aside.exists():
        number += 1
        aside = stem.with_name(f"{stem.name}-{number}")
    with _system_errors(made):
        private_folder(aside)
        replace_private(made / _COMPLETE, [os.fsencode(aside.name)])
        _finish(data, name)
    return aside


def finish_replacing(data: Path, name: str) -> None:
    """Do what is left to do of a replacement that was begun, if there is one.

    Raises:
        KnowledgeLockedError: another process has the folder open.
        KnowledgeError: the system does not let us.
    """
    made = workshop(data, name)
    if not (made / _COMPLETE).exists():
        return
    with _system_errors(made), exclusively(data):
        if (made / _COMPLETE).exists():  # no other process was faster
            _finish(data, name)


def _finish(data: Path, name: str) -> None:
    made = workshop(data, name)
    aside = data.parent / os.fsdecode((made / _COMPLETE).read_bytes())
    # The stamp goes last: it vouches for the others.
    for part in (f"milvus.db/collections/{name}", f"{name}.index", f"{name}.ledger", f"{name}.stamp"):
        new, place, old = made / part, data.parent / part, aside / part
        if new.exists():
            if place.exists():
                private_folder(old.parent)
                place.rename(old)
            private_folder(place.parent)
            new.rename(place)
    shutil.rmtree(made)


@contextmanager
def exclusively(data: Path) -> Generator[None]:
    """Keep every other process from the data of a folder, without reading them.

    Raises:
        KnowledgeLockedError: another process has them open.
    """
    from milvus_lite.db import MilvusLite
    from milvus_lite.exceptions import DataDirLockedError

    private_folder(data)
    try:
        lock = MilvusLite(str(data))
    except DataDirLockedError as error:
        raise KnowledgeLockedError(
            f"another process has the data of the knowledge base {data.parent} open; close it"
        ) from error
    try:
        yield
    finally:
        lock.close()


@contextmanager
def _system_errors(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise KnowledgeError(
            f"{error.filename or folder} cannot be put in its place: {error.strerror or error}"
        ) from error
