"""A knowledge base of which only some documents are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from .errors import DocumentNotFoundError
from .filters import check_filters, matches_name, passes, utc
from .joined import Knowledge
from .reading import meant
from .values import Document, Excerpt, FilterCheck, Filters, Passage, SearchMode

__all__ = ["FilteredKnowledge"]


class FilteredKnowledge:
    """A knowledge base as if it held nothing but the documents that pass some filters.

    What does not pass is not found, not opened, not listed, and not named in an error. Which documents pass
    is settled when the first is asked for.

    Args:
        knowledge: the base; whoever opened it closes it.
        filters: what there is to be.
    """

    def __init__(self, knowledge: Knowledge, filters: Filters) -> None:
        self._knowledge = knowledge
        self._filters = filters
        self._known: dict[str, Document] | None = None

    @property
    def uri(self) -> str:
        """Where the knowledge base is."""
        return self._knowledge.uri

    @property
    def unlisted(self) -> int:
        """Of the documents that :meth:`documents` leaves out nobody knows which would pass: 0."""
        return 0

    def documents(self) -> list[Document]:
        """Every document that passes."""
        return list(self._documents.values())

    def search(
        self,
        query: str | Iterable[str],
        *,
        top_k: int = 10,
        mode: SearchMode = "auto",
        filters: Filters | None = None,
    ) -> list[Passage]:
        """Find passages, best first; what is asked for with ``filters`` has to hold, too."""
        asked = filters or Filters()
        both = self._both(asked)
        if both is None:
            return []
        found = self._knowledge.search(query, top_k=top_k, mode=mode, filters=both)
        return [
            replace(each, duplicates=tuple(place for place in each.duplicates if self._has(place.source)))
            for each in found
            if passes(self._filters, each) and passes(asked, each)
        ]

    def check_filters(self, filters: Filters) -> FilterCheck:
        """What filters leave of the documents that pass."""
        return check_filters(filters, self._documents)

    def open(self, source: str, *, line: int = 1, num_lines: int = 40) -> Excerpt:
        """Lines of a document; see :meth:`KnowledgeBase.open <.base.KnowledgeBase.open>`."""
        return self._knowledge.open(self._name(source), line=line, num_lines=num_lines)

    def find(self, source: str, pattern: str, *, line: int = 1, limit: int = 20) -> Excerpt:
        """The lines that contain a text; see :meth:`KnowledgeBase.find <.base.KnowledgeBase.find>`."""
        return self._knowledge.find(self._name(source), pattern, line=line, limit=limit)

    @property
    def _documents(self) -> dict[str, Document]:
        if self._known is None:
            every = self._knowledge.documents()
            self._known = {each.source: each for each in every if passes(self._filters, each)}
        return self._known

    def _name(self, source: str) -> str:
        """The full name of a document that passes.

        Raises:
            DocumentNotFoundError: none of them is meant.
        """
        if self._has(source):
            return source
        return meant(source, self._documents).source

    def _has(self, source: str) -> bool:
        if source in self._documents:
            return True
        # Of an attached collection not every document is listed, and a name is all there is to go by.
        wanted = self._filters
        by_name = wanted.sources and wanted == Filters(sources=wanted.sources)
        return bool(
            by_name
            and self._knowledge.unlisted
            and any(matches_name(name, source) for name in wanted.sources)
            and self._is_there(source)
        )

    def _is_there(self, source: str) -> bool:
        try:
            return self._knowledge.open(source, num_lines=1).source == source
        except DocumentNotFoundError:
            return False

    def _both(self, asked: Filters) -> Filters | None:
        """What both filters leave; None where that is nothing."""
        own = self._filters
        sources = own.sources or asked.sources
        if own.sources and asked.sources:
            sources = tuple(name for name, document in self._documents.items() if passes(asked, document))
            if not sources:
                return None
        return Filters(
            sources=sources,
            tags=tuple(dict.fromkeys((*own.tags, *asked.tags))),
            modified_from=max(_times(own.modified_from, asked.modified_from), default=None),
            modified_before=min(_times(own.modified_before, asked.modified_before), default=None),
        )


def _times(*given: datetime | None) -> list[datetime]:
    return [utc(time) for time in given if time is not None]
