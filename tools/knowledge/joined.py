"""A knowledge base together with documents that were given for one question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Protocol, TypeVar

from .base import KnowledgeBase
from .errors import DocumentNotFoundError
from .filters import check_filters
from .values import Document, Excerpt, FilterCheck, Filters, Passage, SearchMode

__all__ = ["JoinedKnowledge", "Knowledge"]

T = TypeVar("T")
P = TypeVar("P", Passage, Excerpt)


class Knowledge(Protocol):
    """What can be searched and read; the methods are those of :class:`~.base.KnowledgeBase`."""

    @property
    def uri(self) -> str:
        """Where it is."""
        ...

    def search(
        self,
        query: str | Iterable[str],
        *,
        top_k: int = 10,
        mode: SearchMode = "auto",
        filters: Filters | None = None,
    ) -> list[Passage]:
        """Find passages, best first."""
        ...

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave."""
        ...

    def open(self, source: str, *, line: int = 1, num_lines: int = 40) -> Excerpt:
        """Lines of a document."""
        ...

    def find(self, source: str, pattern: str, *, line: int = 1, limit: int = 20) -> Excerpt:
        """The lines of a document that contain a text."""
        ...

    @property
    def unlisted(self) -> int:
        """How many documents :meth:`documents` leaves out."""
        ...

    def documents(self) -> list[Document]:
        """Every document."""
        ...


class JoinedKnowledge:
    """Searches documents that were given beside a question, and the knowledge base if there is one.

    Both stay what they are; whoever opened them closes them.

    Args:
        given: what was given for the question. A name that both have means its document.
        base: the knowledge base.
    """

    def __init__(self, given: KnowledgeBase, base: KnowledgeBase | None) -> None:
        self._bases = [given] if base is None else [given, base]
        self.given = tuple(each.source for each in given.documents())
        """The names of the documents that were given."""

    @property
    def uri(self) -> str:
        """Where the knowledge base is; without one, where what was given is."""
        return self._bases[-1].uri

    def search(
        self,
        query: str | Iterable[str],
        *,
        top_k: int = 10,
        mode: SearchMode = "auto",
        filters: Filters | None = None,
    ) -> list[Passage]:
        """Find passages: the best of what was given, the best of the base, the second best, and so on.

        Their own scores cannot be compared, since how rare a word is depends on what it is searched in. The
        score is the reciprocal rank instead.
        """
        asked = query if isinstance(query, str) else tuple(query)
        found = [base.search(asked, top_k=top_k, mode=mode, filters=filters) for base in self._bases]
        found[0] = [_placeless(each) for each in found[0]]
        ranked = [each for each in chain.from_iterable(zip_longest(*found)) if each is not None]
        return [replace(each, score=1 / rank) for rank, each in enumerate(ranked[:top_k], 1)]

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave of both."""
        return check_filters(filters, {each.source: each for each in self.documents()})

    def open(self, source: str, *, line: int = 1, num_lines: int = 40) -> Excerpt:
        """Lines of a document; see :meth:`KnowledgeBase.open <.base.KnowledgeBase.open>`."""
        return self._first(lambda base: self._told(base, base.open(source, line=line, num_lines=num_lines)))

    def find(self, source: str, pattern: str, *, line: int = 1, limit: int = 20) -> Excerpt:
        """The lines that contain a text; see :meth:`KnowledgeBase.find <.base.KnowledgeBase.find>`."""
        return self._first(lambda base: self._told(base, base.find(source, pattern, line=line, limit=limit)))

    @property
    def unlisted(self) -> int:
        """How many documents :meth:`documents` leaves out."""
        return sum(base.unlisted for base in self._bases)

    def documents(self) -> list[Document]:
        """Every document of both; of two with one name the one that was given."""
        every = {each.source: each for base in reversed(self._bases) for each in base.documents()}
        return [every[name] for name in sorted(every)]

    def _told(self, base: KnowledgeBase, excerpt: Excerpt) -> Excerpt:
        return _placeless(excerpt) if base is self._bases[0] else excerpt

    def _first(self, read: Callable[[KnowledgeBase], T]) -> T:
        """What the first one gives that has the document.

        Raises:
            DocumentNotFoundError: none has it; with the names that come near in either.
        """
        errors: list[DocumentNotFoundError] = []
        for base in self._bases:
            try:
                return read(base)
            except DocumentNotFoundError as error:
                errors.append(error)
        raise max(errors, key=lambda error: (error.ambiguous, len(error.candidates)))


def _placeless(found: P) -> P:
    """Without an address: what was given for a question is not there any more when the address is opened."""
    return replace(found, location=None)
