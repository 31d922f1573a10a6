"""The checksum that tells whether a file is what it was."""

from __future__ import annotations

import zlib
from pathlib import Path

__all__ = ["checksum_of"]

_READ_BYTES = 1 << 20


def checksum_of(path: Path) -> int:
    """The CRC-32 of a file; -1, which none has, when it cannot be read."""
    value = 0
    try:
        with path.open("rb") as file:
            while part := file.read(_READ_BYTES):
                value = zlib.crc32(part, value)
    except OSError:
        return -1
    return value
