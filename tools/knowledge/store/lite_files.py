"""The files in which Milvus Lite keeps a collection, read without it.

::

    NAME/schema.json                      the fields, and what the collection says of itself
    NAME/manifest.json                    which of the files below count, and how far the log is in them
    NAME/wal/                             what was written since
    NAME/partitions/P/data/*.parquet      rows; never changed, but merged into new files
    NAME/partitions/P/delta/*.parquet     keys of deleted rows; likewise
    NAME/partitions/P/indexes/            made from these, and made anew when they are missing

Milvus Lite believes what it reads: with a broken manifest it goes on with the one before, deletes what that
does not name, and takes a file that is missing for an empty one. So its files are compared with what is known
of them before it opens them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from ..errors import KnowledgeDamagedError
from .checksum import checksum_of

__all__ = ["LiteFiles", "Manifest", "check_files", "data_version", "holds_rows", "read_files"]

SCHEMA, MANIFEST = "schema.json", "manifest.json"
_TRIES = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says."""

    version: int
    """One more each time it is written."""
    last: int
    """The number of the last row or deletion that is in the data files."""
    files: tuple[str, ...]
    """The data files, relative to the collection's folder."""
    indexes: tuple[str, ...]
    """The folders of what is made from them."""

    @classmethod
    def read(cls, collection: Path) -> Manifest:
        """The manifest of a collection.

        Raises:
            ValueError: it makes no sense, or is not whole.
            OSError: it cannot be read.
        """
        try:
            values = cast(dict[str, Any], json.loads((collection / MANIFEST).read_bytes()))
            parts = cast("dict[str, dict[str, list[str]]]", values["partitions"])
            files = tuple(
                f"partitions/{part}/{name}"
                for part, kinds in parts.items()
                for kind in ("data_files", "delta_files")
                for name in kinds[kind]
            )
            if "_default" not in parts or not isinstance(values["index_specs"], dict):
                raise ValueError("it lacks a part")
            indexes = tuple(f"partitions/{part}/indexes" for part in parts)
            return cls(int(values["version"]), int(values["current_seq"]), files, indexes)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it lacks {error}") from error


@dataclass(frozen=True)
class LiteFiles:
    """What the files of a collection were when they were last known to be well."""

    manifest: int = 0
    """The version of the manifest."""
    checksums: Mapping[str, int] = field(default_factory=dict[str, int])
    """The CRC-32 of each file, by its path relative to the collection's folder."""


def _whole(collection: Path, look: Callable[[Manifest | None], T]) -> T:
    """What ``look`` finds in files of one manifest: Milvus Lite may be merging them meanwhile.

    Raises:
        KnowledgeDamagedError: they do not fit together, and nobody is merging them.
    """
    for _ in range(_TRIES):
        manifest = _manifest(collection)
        try:
            found = look(manifest)
        except KnowledgeDamagedError:
            if _manifest(collection) == manifest:
                raise
        else:
            if _manifest(collection) == manifest:
                return found
    return look(_manifest(collection))


def read_files(collection: Path, known: LiteFiles) -> LiteFiles:
    """What the files of a collection are now; brings them to the disk.

    Args:
        collection: its folder.
        known: what they were; a data file is not read again, since it never changes.

    Raises:
        KnowledgeDamagedError: one of them is missing or cannot be read.
    """
    return _whole(collection, lambda manifest: _read(collection, manifest, known.checksums))


def _read(collection: Path, manifest: Manifest | None, before: Mapping[str, int]) -> LiteFiles:
    if manifest is None:
        return LiteFiles()
    found: dict[str, int] = {}
    for name in (SCHEMA, MANIFEST, *manifest.files):
        old = before.get(name) if name in manifest.files else None
        found[name] = _settled_checksum(collection, name) if old is None else old
    for folder in manifest.indexes:
        if (collection / folder).is_dir():
            for path in sorted((collection / folder).iterdir()):
                name = path.relative_to(collection).as_posix()
                found[name] = before[name] if name in before else _settled_checksum(collection, name)
    return LiteFiles(manifest.version, found)


def check_files(collection: Path, known: LiteFiles) -> bool:
    """Compare the files of a collection with what is known of them, before Milvus Lite opens them.

    Files that came after ``known``, of a change that was interrupted, only have to be there. An index whose
    bits have changed is deleted: it is made anew.

    Returns:
        Whether the data are older than ``known``: somebody has put a copy in their place.

    Raises:
        KnowledgeDamagedError: one of them is not what it was.
    """
    return _whole(collection, lambda manifest: _check(collection, manifest, known))


def _check(collection: Path, manifest: Manifest | None, known: LiteFiles) -> bool:
    before = known.checksums
    _check_schema(collection, before.get(SCHEMA))
    if manifest is None:
        if before or holds_rows(collection):
            raise _damaged(collection / MANIFEST, "it is missing")
        return False
    same = manifest.version == known.manifest
    if same and before.get(MANIFEST) != checksum_of(collection / MANIFEST):
        raise _damaged(collection / MANIFEST, "its content has changed")
    for name in manifest.files:
        path = collection / name
        if not path.is_file():
            raise _damaged(path, "it is missing")
        if name in before and before[name] != checksum_of(path):
            raise _damaged(path, "its content has changed")
    for name, expected in before.items():
        path = collection / name
        if "/indexes/" in name and path.is_file() and checksum_of(path) != expected:
            path.unlink()
    return manifest.version < known.manifest


def holds_rows(collection: Path) -> bool:
    """Whether any rows were ever stored in the folder of a collection."""
    return any((collection / "partitions").rglob("*.parquet"))


def data_version(collection: Path) -> str:
    """The version of the data in a folder; changes with every write.

    Every row and every deletion has a number. The manifest names the last one that is in the data files,
    however often these are merged; what came later is in the log.

    Returns:
        Equal for equal data; empty when the manifest makes no sense.
    """
    try:
        last = Manifest.read(collection).last
        logs = sorted((each.name, each.stat().st_size) for each in (collection / "wal").iterdir())
        return json.dumps([last, [log for log in logs if log[1]]])
    except (OSError, ValueError):
        return ""


def _settled_checksum(collection: Path, name: str) -> int:
    path = collection / name
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _damaged(path, f"it cannot be read: {error.strerror}") from error
    return checksum_of(path)


def _manifest(collection: Path) -> Manifest | None:
    """What the manifest says; None where there is none."""
    try:
        return Manifest.read(collection)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _damaged(collection / MANIFEST, f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(collection / MANIFEST, "it makes no sense") from error


def _check_schema(collection: Path, expected: int | None) -> None:
    path = collection / SCHEMA
    if expected is not None and checksum_of(path) != expected:
        raise _damaged(path, "its content has changed" if path.exists() else "it is missing")
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise _damaged(path, "it is missing") from error
    except (OSError, ValueError) as error:
        raise _damaged(path, "it makes no sense") from error


def _damaged(path: Path, how: str) -> KnowledgeDamagedError:
    return KnowledgeDamagedError(path, how)
