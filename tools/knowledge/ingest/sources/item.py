"""A document as it was read, before anything is made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

__all__ = ["MAX_BYTES", "Item", "RawDocument"]

MAX_BYTES = 64 * 1024 * 1024
"""A larger document is a dump rather than something to read."""


@dataclass(frozen=True)
class RawDocument:
    """The bytes of one document, as a loader gets them."""

    name: str
    """Its file name, without folders; the suffix tells its kind. That of a packed file (``notes.txt.gz``) is
    the one it has unpacked."""
    data: bytes
    """Unpacked; at most 64 MiB."""
    modified: datetime
    """When it was last written (UTC)."""
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
    """Where it is: an absolute path, ``ARCHIVE!/MEMBER``, or a URL; empty for a text that was given."""
    root: str
    """What it was found in: a folder, an archive or a sitemap; empty for one named by itself."""
    read: Callable[[], RawDocument]
    """Raises UnreadableError when it cannot be had this time, NoTextError when there is nothing to have."""
    metadata: Mapping[str, object] | None = None
    """Given with a text: JSON values, which win over what it says of itself. None for a file."""
