"""The members of zip and tar archives, read in place.

Nothing is unpacked to disk, so a member's name can lead nowhere. What is read is counted as it comes: the
sizes that an archive claims are not believed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import posixpath
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any

from ...errors import NoTextError, UnreadableError
from .item import MAX_BYTES, RawDocument

__all__ = ["MAX_ARCHIVE_BYTES", "MAX_MEMBERS", "Archive", "Member", "archive_stem"]

MAX_ARCHIVE_BYTES = 1024 * 1024 * 1024
"""Most bytes unpacked from one archive, and most bytes of an archive that is downloaded."""
MAX_MEMBERS = 100_000
"""Of one archive, folders included."""
_MAX_AT_ONCE = 32 * 1024 * 1024
_CHUNK = 1024 * 1024

_ARCHIVE = re.compile(r"\.(zip|tar|tar\.(gz|bz2|xz)|tgz|tbz2?|txz)$", re.IGNORECASE)
_TOO_LARGE = f"more than {MAX_ARCHIVE_BYTES // 2**20} MiB when unpacked: unpack it and add the folder"
_COMPRESSIONS: Mapping[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
    KeyError,
    RuntimeError,  # a password, a method that is not implemented, or headers nested without end
)


def archive_stem(name: str) -> str | None:
    """The name of an archive without its suffixes; None for anything else."""
    found = _ARCHIVE.search(name)
    return (name[: found.start()] or name) if found else None


@dataclass(frozen=True)
class Member:
    """A file of an archive."""

    name: str
    """Relative, with forward slashes."""
    unfit: str
    """Why it is not read; empty if it is."""
    read: Callable[[], RawDocument]
    """Raises UnreadableError or NoTextError."""


@dataclass(frozen=True)
class _Entry:
    name: str
    """As the archive has it; a folder's ends with a slash."""
    modified: float
    unfit: str
    open: Callable[[], IO[bytes] | None]


class Archive:
    """An archive that is open for reading.

    Args:
        file: its bytes; closed with the archive.
        name: its file name.
        modified: the time of members that carry none.

    Raises:
        UnreadableError: it is broken, or too large.
    """

    def __init__(self, file: IO[bytes], *, name: str, modified: datetime) -> None:
        self._modified = modified
        self._left = MAX_ARCHIVE_BYTES
        self._close = file.close
        try:
            with _broken("the archive is broken"):
                entries = _zip_entries(file) if name.lower().endswith(".zip") else _tar_entries(file)
                self.members = self._members(entries)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._close()

    def _members(self, entries: Iterable[_Entry]) -> list[Member]:
        """The members in order; of several with one name, the last one counts."""
        members: dict[str, Member] = {}
        for number, entry in enumerate(entries):
            if number == MAX_MEMBERS:
                raise UnreadableError(_too_many())
            if entry.name.endswith("/"):
                continue
            name, unfit = _name(entry.name)
            members.pop(name, None)
            members[name] = Member(name, unfit or entry.unfit, partial(self._read, name, entry))
        return list(members.values())

    def _read(self, name: str, entry: _Entry) -> RawDocument:
        if self._left < 0:
            raise UnreadableError(_TOO_LARGE)
        data = bytearray()
        with _broken("broken in the archive"):
            stream = entry.open()
            assert stream is not None, "only regular files are read"
            with stream:
                while chunk := stream.read(_CHUNK):
                    data += chunk
                    self._left -= len(chunk)
                    if len(data) > MAX_BYTES:
                        raise NoTextError(f"larger than {MAX_BYTES // 2**20} MiB: split it")
                    if self._left < 0:
                        raise UnreadableError(_TOO_LARGE)
        return RawDocument(posixpath.basename(name), bytes(data), self._time(entry.modified))

    def _time(self, timestamp: float) -> datetime:
        try:
            return datetime.fromtimestamp(timestamp, UTC) if timestamp else self._modified
        except (ValueError, OverflowError, OSError):
            return self._modified


class _Bounded(io.RawIOBase):
    """A seekable stream that is read up to a limit, and never much of it at once."""

    def __init__(self, file: IO[bytes], limit: int | None = None) -> None:
        self._file = file
        self._limit = limit

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size if 0 <= size <= _MAX_AT_ONCE else _MAX_AT_ONCE + 1)
        if len(data) > _MAX_AT_ONCE:
            raise UnreadableError("its directory is too large: unpack it and add the folder")
        self._check(self._file.tell())
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if whence == io.SEEK_SET:
            self._check(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def _check(self, position: int) -> None:
        if self._limit is not None and position > self._limit:
            raise UnreadableError(_TOO_LARGE)


def _zip_entries(file: IO[bytes]) -> Iterator[_Entry]:
    archive = zipfile.ZipFile(_Bounded(file))
    if len(archive.infolist()) > MAX_MEMBERS:
        raise UnreadableError(_too_many())
    for info in archive.infolist():
        mode = info.external_attr >> 16
        unfit = ""
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            unfit = "a link or a device"
        elif info.flag_bits & 1:
            unfit = "encrypted"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # The other methods cannot be unpacked a bounded piece at a time.
            unfit = "compressed by another method than deflate"
        yield _Entry(_zip_name(info), _zip_time(info), unfit, partial(archive.open, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name; many programs write UTF-8 without saying so, which is then read as code page 437."""
    if not info.flag_bits & 0x800:
        try:
            return info.filename.encode("cp437").decode()
        except UnicodeError:
            pass
    return info.filename


def _zip_time(info: zipfile.ZipInfo) -> float:
    try:
        return datetime(*info.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return 0


def _tar_entries(file: IO[bytes]) -> Iterator[_Entry]:
    start = file.read(6)
    file.seek(0)
    unpack = next((opened for magic, opened in _COMPRESSIONS.items() if start.startswith(magic)), None)
    stream = _Bounded(unpack(file), MAX_ARCHIVE_BYTES) if unpack else _Bounded(file)
    archive = tarfile.TarFile(fileobj=stream, mode="r", encoding="utf-8")
    last = -1
    while info := archive.next():
        if info.offset <= last:
            raise tarfile.ReadError("a header leads back")
        last = info.offset
        name = f"{info.name}/" if info.isdir() else info.name
        unfit = "" if info.isreg() else "a link or a device"
        yield _Entry(name, info.mtime, unfit, partial(archive.extractfile, info))
    # What tarfile cannot read as a header ends the archive for it without an error.
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("damaged in the middle")


def _name(name: str) -> tuple[str, str]:
    """The name as it is used, and why the member is not read, if so."""
    clean = "/".join(part for part in name.split("/") if part not in ("", "."))
    if "\0" in name or not clean:
        return clean, "its name is not usable"
    if re.match(r"/|\\|[A-Za-z]:[/\\]", name):
        return clean, "an absolute path"
    if ".." in re.split(r"[/\\]", name):
        return clean, "a path that leads out of the archive"
    if _ARCHIVE.search(name):
        return clean, "an archive in an archive (unpack it)"
    return clean, ""


def _too_many() -> str:
    return f"more than {MAX_MEMBERS} members: unpack it and add the folder"


@contextmanager
def _broken(what: str) -> Generator[None, None, None]:
    """What the libraries raise, as our error."""
    try:
        yield
    except _BROKEN as error:
        raise UnreadableError(f"{what}: {error or type(error).__name__}") from error
