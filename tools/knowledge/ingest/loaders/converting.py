"""Where other people's parsers meet other people's files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from ...errors import NoTextError, UnreadableError

__all__ = ["MAX_UNPACKED", "check_size", "converting", "open_package", "short"]

MAX_UNPACKED = 64 * 2**20
"""Bytes that the members of a document which is a zip archive may have together, unpacked, beyond what it has
packed: pictures do not count twice."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_REASON_LENGTH = 120
_MAX_MEMBERS = 20_000


@contextmanager
def converting(what: str) -> Generator[None]:
    """Turn whatever a parser raises into the reason why ``what`` has no text.

    Raises:
        NoTextError: the parser failed.
        UnreadableError: it could not be run this time.
    """
    try:
        yield
    except (NoTextError, UnreadableError):
        raise
    except RecursionError as error:
        raise NoTextError(f"broken {what}, or none (nested too deeply)") from error
    except (MemoryError, ImportError) as error:
        raise UnreadableError(f"{what} that could not be read now: {_described(error)}") from error
    except Exception as error:
        # Parsers raise anything for a broken file: KeyError, IndexError, AssertionError, errors of their own.
        raise NoTextError(f"broken {what}, or none ({_described(error)})") from error


def short(reason: str) -> str:
    """The beginning of a reason, on one line."""
    return " ".join(reason.split())[:_REASON_LENGTH].rstrip(": ")


def open_package(data: bytes, what: str, *, most: int = MAX_UNPACKED) -> zipfile.ZipFile:
    """Open a document that is a zip archive, if it is no trap.

    All members count: which of them a parser reads is for the document to say, whatever they are called.

    Args:
        data: the document.
        what: its kind, for the reason.
        most: bytes by which it may grow.

    Raises:
        NoTextError: it is encrypted, of an older format, or too large when unpacked.
    """
    if data.startswith(_OLE):
        raise NoTextError(f"encrypted, or of an older format: save it as {what} without a password")
    with converting(what):
        package = zipfile.ZipFile(io.BytesIO(data))
    members = package.infolist()
    if len(members) > _MAX_MEMBERS:
        raise NoTextError(f"more than {_MAX_MEMBERS} parts: split it")
    check_size(members, most, packed=len(data))
    return package


def check_size(members: Iterable[zipfile.ZipInfo], limit: int, *, packed: int = 0) -> None:
    """Refuse what unpacks to more than ``limit`` bytes beyond the ``packed`` ones.

    Raises:
        NoTextError: it does.
    """
    # zipfile never reads more of a member than the size that stands here.
    if sum(member.file_size for member in members) - packed > limit:
        raise NoTextError(f"more than {limit // 2**20} MiB when unpacked: split it")


def _described(error: BaseException) -> str:
    return short(f"{type(error).__name__}: {error}")
