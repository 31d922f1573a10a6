"""The list of the documents that a knowledge base holds, kept beside its data.

Milvus Lite that finds its newest list of files damaged goes on with the one before it, and says so to nobody:
what was written in between is gone. The ledger is how the loss is noticed, and how the documents are found
again. It never claims more than was settled, so a document it names and the base lacks has been lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ...private import replace_private
from ..errors import KnowledgeError, Remedy
from ..values import Document

__all__ = ["Ledger"]

_DOCUMENT = TypeAdapter(Document)


class Ledger:
    """A file of JSON lines: the number of passages first, then a document each.

    One that is not there or makes no sense claims nothing; the next one written replaces it. One that the
    system does not let us read or write raises KnowledgeError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Document]:
        """The documents that should be there, by source."""
        try:
            with self._path.open("rb") as lines:
                next(lines)
                return {each.source: each for each in map(_DOCUMENT.validate_json, lines)}
        except (FileNotFoundError, StopIteration, ValidationError):
            return {}
        except OSError as error:
            raise self._inaccessible("read", error) from error

    def salvage(self) -> tuple[dict[str, Document], bool]:
        """The documents in the lines that make sense, by source, and whether all of them do."""
        try:
            first, *lines = self._path.read_bytes().splitlines()
        except (OSError, ValueError):
            return {}, False
        found: dict[str, Document] = {}
        for line in lines:
            try:
                document = _DOCUMENT.validate_json(line)
            except ValidationError:
                continue
            found[document.source] = document
        passages = sum(each.passages for each in found.values())
        return found, first == _head(len(found), passages)

    def write(self, documents: Mapping[str, Document]) -> None:
        """Replace the ledger, at once or not at all."""
        passages = sum(each.passages for each in documents.values())
        lines = (_DOCUMENT.dump_json(each) + b"\n" for each in documents.values())
        try:
            replace_private(self._path, chain([_head(len(documents), passages) + b"\n"], lines))
        except OSError as error:
            raise self._inaccessible("written", error) from error

    def _inaccessible(self, done: str, error: OSError) -> KnowledgeError:
        return KnowledgeError(
            f"the list of documents {self._path} cannot be {done} ({error.strerror or error}): "
            "mend that, then repair the base",
            remedy=Remedy("repair"),
        )


def _head(documents: int, passages: int) -> bytes:
    return json.dumps({"passages": passages, "documents": documents}).encode()
