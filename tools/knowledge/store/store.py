"""Where the passages of a knowledge base are, whatever keeps them: a folder or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ..values import Document, FilterCheck, Filters
from .collection import Hit
from .schema import CollectionConfig, Row

__all__ = ["Store", "Writing"]


class Writing(Protocol):
    """Changes to a store, one thread at a time."""

    known: Mapping[str, Document]
    """The documents there were when it began, by source; what an interruption left half done is gone."""
    lost: Mapping[str, Document]
    """Those that were stored and are not there any more, as far as is known."""

    def write(self, rows: Sequence[Row]) -> None:
        """Store passages, the record of a document last."""
        ...

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Delete passages of a document that was written anew."""
        ...

    def finish(
        self, *, removed: Sequence[Document], written: Sequence[Document], missing: Mapping[str, Document]
    ) -> None:
        """Delete what has gone and make the rest searchable.

        Args:
            removed: documents to delete.
            written: the new versions of those whose passages were written.
            missing: those that are lost and are to be remembered.
        """
        ...


class Store(Protocol):
    """Typed access to the passages. Threads may share it: none waits for more than one request of another."""

    name: str
    """The collection's."""
    config: CollectionConfig

    @property
    def backend_name(self) -> str:
        """Which Milvus it is, for people."""
        ...

    @property
    def full_text(self) -> bool:
        """Whether it can be searched by words."""
        ...

    def documents(self) -> Mapping[str, Document]:
        """Every document by source, in order. Of someone else's collection only some, see ``attached``."""
        ...

    def document(self, source: str) -> Document | None:
        """The document of that name."""
        ...

    def passages(self, document: Document, first: int = 1, last: int | None = None) -> list[Row]:
        """The passages of a document that hold lines ``first`` to ``last``, in order."""
        ...

    def missing(self) -> tuple[str, ...]:
        """The documents that were stored and are not there any more, as far as is known."""
        ...

    def languages(self) -> Mapping[str, float] | None:
        """The languages of the passages (ISO 639-1) with the share each has; None where nobody knows."""
        ...

    def counts(self) -> tuple[int, int]:
        """How many documents there are, and how many passages."""
        ...

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave, and which of their names mean nothing."""
        ...

    def terms(self, query: str) -> str:
        """What :meth:`search_lexical` takes for a query; empty where it has no word to search for."""
        ...

    def search_lexical(self, terms: Sequence[str], limit: int, filters: Filters | None) -> list[list[Hit]]:
        """BM25 search; one list of hits for each string of terms."""
        ...

    def search_dense(
        self, vectors: Sequence[Sequence[float]], limit: int, filters: Filters | None
    ) -> list[list[Hit]]:
        """Search by the embedding; one list of hits for each vector."""
        ...

    def writing(self) -> AbstractContextManager[Writing]:
        """Change the store.

        Raises:
            KnowledgeLockedError: another process is changing it.
        """
        ...

    def release(self) -> None:
        """Let other processes change it, until this one next needs it. The store stays open."""
        ...

    def close(self) -> None:
        """Let go of it. Safe to call twice."""
        ...
