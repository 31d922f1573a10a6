"""A record of what a knowledge base holds, kept beside its data.

Milvus Lite that finds its newest list of files damaged goes on with the one before it, and says so to nobody:
what was written in between is gone. The ledger is how the loss is noticed, and how the documents are found
again. It never claims more than was settled, so a document it names and the base lacks has been lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..errors import KnowledgeError, PathNotFoundError
from ..ingest.sources import plan
from ..ingest.sources.item import Item
from ..values import Document

__all__ = ["Ledger", "find_again"]

_DOCUMENT = TypeAdapter(Document)


class Ledger:
    """A file of JSON lines: the number of passages first, then a document each.

    One that is not there or makes no sense claims nothing; the next one written replaces it. One that the
    system does not let us read or write raises KnowledgeError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def passages(self) -> int:
        """How many passages the base should hold, at least. Fast: reads one line."""
        try:
            with self._path.open(encoding="utf-8") as lines:
                return int(json.loads(next(lines))["passages"])
        except (FileNotFoundError, StopIteration, ValueError, KeyError, TypeError):
            return 0
        except OSError as error:
            raise self._inaccessible("read", error) from error

    def lost(self, present: Mapping[str, Document]) -> dict[str, Document]:
        """The documents that should be there and are not among those ``present``, by source."""
        return {source: each for source, each in self._documents().items() if source not in present}

    def write(self, documents: Mapping[str, Document]) -> None:
        """Replace the ledger, at once or not at all."""
        passages = sum(each.passages for each in documents.values())
        new = self._path.with_suffix(".new")
        try:
            with new.open("wb") as out:
                out.write(json.dumps({"passages": passages, "documents": len(documents)}).encode() + b"\n")
                out.writelines(_DOCUMENT.dump_json(each) + b"\n" for each in documents.values())
                out.flush()
                os.fsync(out.fileno())
            new.replace(self._path)
        except OSError as error:
            raise self._inaccessible("written", error) from error

    def _documents(self) -> dict[str, Document]:
        try:
            with self._path.open("rb") as lines:
                next(lines)
                return {each.source: each for each in map(_DOCUMENT.validate_json, lines)}
        except (FileNotFoundError, StopIteration, ValidationError):
            return {}
        except OSError as error:
            raise self._inaccessible("read", error) from error

    def _inaccessible(self, done: str, error: OSError) -> KnowledgeError:
        return KnowledgeError(
            f"the list of documents {self._path} cannot be {done} ({error.strerror or error}): "
            "mend that, then run: ossifrage kb repair"
        )


def find_again(
    lost: Mapping[str, Document], documents: Mapping[str, Document], open_sources: ExitStack
) -> Sequence[Item]:
    """Where lost documents can be read again, under the names they had; what has gone is left out.

    Args:
        lost: the documents to look for.
        documents: these and all others of the base, by source.
        open_sources: keeps archives and connections open while the items are read.
    """
    found: dict[str, Item] = {}
    for place in sorted({each.root or each.path for each in lost.values()}):
        try:
            items = open_sources.enter_context(plan([place], documents)).found
        except PathNotFoundError:
            continue  # what was there stays lost, and is reported as such
        found.update((item.source, item) for item in items if item.source in lost)
    return list(found.values())
