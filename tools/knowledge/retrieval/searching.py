"""One search: what is found for each query, brought into one ranking of passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from ..errors import EmbeddingUnavailableError, KnowledgeError
from ..models.embeddings import Embedder, with_heading
from ..models.rerankers import Reranker
from ..store.collection import Hit
from ..store.places import whereabouts
from ..store.schema import Row
from ..store.store import Store
from ..values import Filters, Passage
from .languages import understands_passage, understands_query
from .ranking import blend, distinct, fuse_queries

__all__ = ["Searching"]

_CANDIDATES = 100
"""Passages each ranking brings in, at least."""
_RERANKED = 30
"""Passages of each query that a reranker reads, at least."""


class Searching:
    """Searches the passages of one store.

    Args:
        store: where to search.
        embedder: for the modes other than ``lexical``.
        reranker: puts the best passages of each query into a better order; None leaves them.
        filters: which documents to search; None searches all.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        reranker: Reranker | None,
        filters: Filters | None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._reranker = reranker
        self._filters = filters

    def run(
        self, queries: Sequence[str], top_k: int, mode: Literal["lexical", "dense", "hybrid"]
    ) -> list[Passage]:
        """The best passages for any of the queries."""
        limit = max(3 * top_k, _CANDIDATES)
        lexical = self._lexical(queries, limit) if mode != "dense" else []
        if mode == "hybrid":
            dense = self._understood(queries, lexical, limit)
            bag = any(dense) and self._known_embedder.bag_of_words()
            rankings = [
                blend(_scores(words), _scores(meanings), bag=bag)
                for words, meanings in zip(lexical, dense, strict=True)
            ]
        else:
            dense = self._dense(queries, limit) if mode == "dense" else []
            rankings = [_scores(hits) for hits in lexical or dense]
        rows = {hit.row["passage_id"]: hit.row for hits in [*lexical, *dense] for hit in hits}
        if self._reranker is not None:
            most = max(top_k, _RERANKED)
            rankings = [
                _reranked(self._reranker, query, [rows[key] for key in _best(ranking)[:most]])
                for query, ranking in zip(queries, rankings, strict=True)
            ]
        scores = fuse_queries(rankings)
        return distinct([_passage(rows[key], scores[key]) for key in _best(scores)], top_k)

    def _lexical(self, queries: Sequence[str], limit: int) -> list[list[Hit]]:
        if not self._store.full_text:
            raise KnowledgeError(
                f"this knowledge base has no full-text search ({self._store.backend_name}); search in "
                "mode dense"
            )
        terms = [self._store.terms(text) for text in queries]
        given = [each for each in terms if each]
        found = iter(self._store.search_lexical(given, limit, self._filters) if given else [])
        return [next(found) if each else [] for each in terms]

    def _dense(self, queries: Sequence[str], limit: int) -> list[list[Hit]]:
        return self._store.search_dense(self._known_embedder.queries(queries), limit, self._filters)

    def _understood(
        self, queries: Sequence[str], lexical: Sequence[Sequence[Hit]], limit: int
    ) -> list[list[Hit]]:
        """What the embedding finds of what it understands, for each query that it understands."""
        languages = self._known_embedder.languages
        spoken = self._store.languages() if languages is not None else None
        understood = [
            understands_query(languages, query, hits, spoken)
            for query, hits in zip(queries, lexical, strict=True)
        ]
        asked = [query for query, known in zip(queries, understood, strict=True) if known]
        found = iter(self._dense(asked, limit) if asked else [])
        return [
            [hit for hit in next(found) if understands_passage(languages, hit.row)] if known else []
            for known in understood
        ]

    @property
    def _known_embedder(self) -> Embedder:
        if self._embedder is None:
            raise EmbeddingUnavailableError(
                "this knowledge base was made without an embedding; search in mode lexical"
            )
        return self._embedder


def _best(scores: Mapping[str, float]) -> list[str]:
    """The keys, best first; the order of equals does not depend on chance."""
    return sorted(scores, key=lambda key: (-scores[key], key))


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.row["passage_id"]: hit.score for hit in hits}


def _reranked(reranker: Reranker, query: str, rows: Sequence[Row]) -> dict[str, float]:
    scores = reranker.scores(query, [with_heading(row) for row in rows])
    return {row["passage_id"]: score for row, score in zip(rows, scores, strict=True)}


def _passage(row: Row, score: float) -> Passage:
    about = row["metadata"]
    return Passage(
        passage_id=row["passage_id"],
        score=score,
        source=row["source"],
        title=row["title"],
        heading=row["heading"],
        start_line=row["start_line"],
        end_line=row["end_line"],
        total_lines=row["total_lines"],
        text=row["text"],
        path=about["path"],
        modified=datetime.fromtimestamp(about["modified"], UTC),
        tags=tuple(about["tags"]),
        front_matter=about["front_matter"],
        **whereabouts(about, row["start_line"])._asdict(),
    )
