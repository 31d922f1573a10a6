"""What can still be read of a folder whose data are damaged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import KnowledgeError
from ..values import Document
from .checksum import checksum_of
from .collection import document_of, keys_of
from .fulltext import FullText
from .ledger import Ledger
from .lite_files import SCHEMA
from .lite_rows import rows_in_files
from .schema import CollectionConfig, Row
from .stamp import Stamp

__all__ = ["Remains"]


class Remains:
    """The documents that a collection held, and their passages, from whatever of it is whole.

    Nothing is believed that a checksum speaks against.

    Args:
        data: the folder ``milvus.db``.
        name: the collection's.
    """

    def __init__(self, data: Path, name: str) -> None:
        self._files = data / "collections" / name
        stamp = Stamp.read(data.parent / f"{name}.stamp")
        self._checksums: Mapping[str, int] = stamp.files.checksums if stamp else {}
        self.config = stamp.config if stamp else self._config()
        """What the collection said of itself; None where that cannot be read."""
        self._index = _index(data.parent / f"{name}.index", stamp)
        self._rows: dict[str, list[Row]] | None = None
        ledger = data.parent / f"{name}.ledger"
        documents, whole = Ledger(ledger).salvage()
        if stamp is None:
            self.certain = whole
        else:
            self.certain = checksum_of(ledger) == stamp.ledger
        if not self.certain and self._index is not None:
            documents, self.certain = self._index.documents(), True
        elif not self.certain:
            records = [row for rows in self._stored().values() for row in rows if row["ordinal"] == 0]
            documents |= {each.source: each for each in map(document_of, records)}
        self.documents = documents
        """By source."""

    def rows(self, documents: Iterable[Document]) -> Iterator[list[Row]]:
        """The passages of each of the documents of which all are there."""
        for document in documents:
            if self._index is not None:
                rows = self._index.rows(document.source)
            else:
                rows = sorted(self._stored().get(document.source, ()), key=lambda row: row["ordinal"])
            if rows and [row["passage_id"] for row in rows] == keys_of(document_of(rows[0])):
                yield rows

    def _config(self) -> CollectionConfig | None:
        try:
            return CollectionConfig.of(json.loads((self._files / SCHEMA).read_bytes())["properties"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _stored(self) -> dict[str, list[Row]]:
        """Every passage that can be read in the data files, by its document."""
        if self._rows is None:
            self._rows = {}
            found = {
                path.relative_to(self._files).as_posix()
                for path in self._files.glob("partitions/*/*/*.parquet")
            }
            whole = [
                name
                for name in sorted(found)
                if self._checksums.get(name) in (None, checksum_of(self._files / name)) and self._reads(name)
            ]
            for row in rows_in_files(self._files, lambda: whole):
                self._rows.setdefault(row["source"], []).append(row)
        return self._rows

    def _reads(self, name: str) -> bool:
        try:
            for _ in rows_in_files(self._files, lambda: [name]):
                pass
        except (OSError, ValueError, KeyError):
            return False
        return True


def _index(folder: Path, stamp: Stamp | None) -> FullText | None:
    if stamp is None or not FullText.intact(folder, stamp.index):
        return None
    try:
        return FullText(folder)
    except KnowledgeError:
        return None
