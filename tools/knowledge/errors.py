"""What can go wrong with a knowledge base.

::

    OssifrageError
    └── KnowledgeError                    the base itself: Milvus refused, or the request makes no sense
        ├── KnowledgeNotFoundError        nothing has been added there yet
        ├── KnowledgeLockedError          another process has the folder open
        ├── KnowledgeUnreachableError     the Milvus server does not answer
        ├── KnowledgeDamagedError         a file of the folder is not what it was
        ├── DiskFullError                 there is no room for a change
        ├── PathNotFoundError             a path to add does not exist
        ├── UnreadableError               a document could not be read this time
        ├── NoTextError                   a document holds nothing that can be searched
        ├── DocumentNotFoundError         no document has that name, or several do
        ├── EmbeddingError                the embedding model failed
        │   ├── EmbeddingUnavailableError     it cannot be loaded here
        │   └── EmbeddingMismatchError        the base was made with another one
        └── RerankerError                 the reranker failed
            └── RerankerUnavailableError      it cannot be loaded here
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ... import OssifrageError

__all__ = [
    "DiskFullError",
    "DocumentNotFoundError",
    "EmbeddingError",
    "EmbeddingMismatchError",
    "EmbeddingUnavailableError",
    "KnowledgeDamagedError",
    "KnowledgeError",
    "KnowledgeLockedError",
    "KnowledgeNotFoundError",
    "KnowledgeUnreachableError",
    "NoTextError",
    "PathNotFoundError",
    "Remedy",
    "RerankerError",
    "RerankerUnavailableError",
    "UnreadableError",
]


@dataclass(frozen=True)
class Remedy:
    """What helps against an error.

    A program calls the method of :class:`KnowledgeBase` or the function of that name; the command line names
    its command, with the flags in use.
    """

    verb: Literal["add", "documents", "remove", "repair", "rebuild", "rebuild_from_sources"]
    arguments: tuple[str, ...] = ()
    """What the verb is to be given: documents' names, or the spec of an embedding."""


class KnowledgeError(OssifrageError):
    """The knowledge base could not do what was asked.

    Args:
        message: one line for people, without the commands of any program.
        remedy: what helps, where that is known.
    """

    def __init__(self, message: str, *, remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class KnowledgeNotFoundError(KnowledgeError):
    """There is no knowledge base there yet."""


class KnowledgeLockedError(KnowledgeError):
    """Another process has the folder open; Milvus Lite serves one process at a time."""


class KnowledgeUnreachableError(KnowledgeError):
    """The Milvus server does not answer, or refuses the connection."""


class KnowledgeDamagedError(KnowledgeError):
    """A file of the base is broken or missing; the documents can be read again from where they came.

    Args:
        path: the file, or the folder.
        how: what is wrong with it.
    """

    def __init__(self, path: Path, how: str) -> None:
        super().__init__(
            f"the knowledge base is damaged: {path}: {how}", remedy=Remedy("rebuild_from_sources")
        )
        self.path = path


class DiskFullError(KnowledgeError):
    """There is no room for a change; what was stored before is not lost."""


class PathNotFoundError(KnowledgeError):
    """A path to add does not exist. Nothing was written."""


class UnreadableError(KnowledgeError):
    """A document could not be read this time: what the base knows of it stays."""


class NoTextError(KnowledgeError):
    """A document is there but holds no text that can be searched."""


class DocumentNotFoundError(KnowledgeError, KeyError):
    """No document of the base has that name, or more than one has. A ``KeyError``, too: ``base["name"]``.

    Args:
        message: one line for people.
        name: the name that was given.
        candidates: the documents that end in it, or names that look like it.
        ambiguous: several documents end in the name.
    """

    def __init__(
        self, message: str, *, name: str, candidates: tuple[str, ...] = (), ambiguous: bool = False
    ) -> None:
        # Where nothing comes near, it helps to see what there is.
        super().__init__(message, remedy=None if candidates else Remedy("documents"))
        self.name = name
        self.candidates = candidates
        self.ambiguous = ambiguous

    __str__ = Exception.__str__  # KeyError's puts the message between quotes


class EmbeddingError(KnowledgeError):
    """The embedding model failed."""


class EmbeddingUnavailableError(EmbeddingError):
    """The embedding model cannot be loaded on this machine."""


class EmbeddingMismatchError(EmbeddingError):
    """The knowledge base was made with another embedding."""


class RerankerError(KnowledgeError):
    """The reranker failed."""


class RerankerUnavailableError(RerankerError):
    """The reranker cannot be loaded on this machine."""
