"""Where other people's parsers meet other people's files."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager

from ..errors import NoTextError

__all__ = ["converting", "open_package"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_REASON_LENGTH = 120
_MAX_MEMBERS = 20_000


@contextmanager
def converting(what: str) -> Generator[None]:
    """Turn whatever a parser raises into the reason why ``what`` has no text, and keep it from warning.

    Raises:
        NoTextError: the parser failed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except NoTextError:
        raise
    except RecursionError as error:
        raise NoTextError(f"{what} that is nested too deeply") from error
    except MemoryError as error:
        raise NoTextError(f"{what} that does not fit into memory") from error
    except Exception as error:
        # Parsers raise anything for a broken file: KeyError, IndexError, AssertionError, errors of their own.
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_REASON_LENGTH].rstrip(": ")
        raise NoTextError(f"broken {what}, or none ({reason})") from error


def open_package(
    data: bytes, what: str, *, part_of_memory: Callable[[str], bool], limit: int
) -> zipfile.ZipFile:
    """Open a document that is a zip archive, if it is no trap.

    Args:
        data: the document.
        what: its kind, for the reason.
        part_of_memory: whether a member is read as a whole by the parser.
        limit: bytes that such members may have together, unpacked.

    Raises:
        NoTextError: it is encrypted, of an older format, or too large when unpacked.
    """
    if data.startswith(_OLE):
        raise NoTextError(f"encrypted, or of an older format: save it as {what} without a password")
    with converting(what):
        package = zipfile.ZipFile(io.BytesIO(data))
    members = package.infolist()
    # zipfile never reads more of a member than the size that stands here.
    unpacked = sum(member.file_size for member in members if part_of_memory(member.filename))
    if len(members) > _MAX_MEMBERS or unpacked > limit:
        raise NoTextError(f"more than {limit // 2**20} MiB when unpacked: split it")
    return package
