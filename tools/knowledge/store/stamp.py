"""What the data of a folder, its list of documents and its full-text index were when they last agreed.

As long as nothing has changed since, the list and the index answer for the data, and Milvus need not be
opened. Whatever the stamp does not vouch for is made anew from the data.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from ...private import replace_private
from ..errors import KnowledgeError
from .lite_files import LiteFiles
from .schema import CollectionConfig

__all__ = ["Stamp"]

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Written last of all, when everything it is about is on the disk."""

    config: CollectionConfig
    """What the collection says of itself."""
    data: str
    """The version of the data."""
    ledger: int
    """The checksum of the list of documents."""
    index: Mapping[str, int]
    """The checksums of the files of the full-text index."""
    missing: tuple[str, ...]
    """The documents of the list that the data lacks."""
    files: LiteFiles = field(default_factory=LiteFiles)
    """The files of the data."""

    @classmethod
    def read(cls, path: Path) -> Stamp | None:
        """The stamp in a file; None when there is none that makes sense."""
        try:
            checksum, _, body = path.read_bytes().partition(b"\n")
            if int(checksum) != zlib.crc32(body):
                return None
            values = cast(dict[str, Any], json.loads(body))
            if values.pop("version") != _VERSION:
                return None
            config = CollectionConfig(**values.pop("config"))
            files = LiteFiles(**values.pop("files", {}))
            return cls(config=config, missing=tuple(values.pop("missing")), files=files, **values)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Replace the stamp in a file, at once or not at all.

        Raises:
            KnowledgeError: the system does not let us.
        """
        body = json.dumps({"version": _VERSION, **asdict(self)}).encode()
        try:
            replace_private(path, [b"%d\n" % zlib.crc32(body), body])
        except OSError as error:
            raise KnowledgeError(
                f"{path} cannot be written ({error.strerror or error}): mend that and run it again"
            ) from error
