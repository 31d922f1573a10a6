"""A document as it was read, before anything is made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

__all__ = ["MAX_BYTES", "Item", "RawDocument"]

MAX_BYTES = 64 * 1024 * 1024
"""A larger document is a dump rather than something to read."""


@dataclass(frozen=True)
class RawDocument:
    """The bytes of one document."""

    name: str
    """Its file name; the suffix tells its kind."""
    data: bytes
    modified: datetime
    media_type: str = ""
    """What a web server called it, without parameters; empty for a file."""

    @cached_property
    def sha256(self) -> str:
        """Of the bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Item:
    """A document that can be read."""

    source: str
    """Its name in the knowledge base."""
    path: str
    """Where it is: an absolute path, ``ARCHIVE!/MEMBER``, or a URL."""
    root: str
    """What it was found in: a folder, an archive or a sitemap; empty for one named by itself."""
    read: Callable[[], RawDocument]
    """Raises UnreadableError when it cannot be had this time, NoTextError when there is nothing to have."""
