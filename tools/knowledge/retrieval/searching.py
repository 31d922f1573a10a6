"""One search: what is found for each query, brought into one ranking of passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from ..errors import EmbeddingUnavailableError, KnowledgeError
from ..models.embeddings import Embedder
from ..models.rerankers import Reranker
from ..store.collection import Hit
from ..store.places import whereabouts
from ..store.schema import Row
from ..store.store import Store
from ..values import Filters, Passage
from .ranking import blend, distinct, fuse_queries

__all__ = ["Searching"]

_CANDIDATES = 50
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
        dense = self._dense(queries, limit) if mode != "lexical" else []
        rows = {hit.row["passage_id"]: hit.row for hits in [*lexical, *dense] for hit in hits}
        words, meanings = [_scores(hits) for hits in lexical], [_scores(hits) for hits in dense]
        if mode == "hybrid":
            rankings = [blend(*pair) for pair in zip(words, meanings, strict=True)]
        else:
            rankings = words or meanings
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
        if self._embedder is None:
            raise EmbeddingUnavailableError(
                "this knowledge base was made without an embedding; search in mode lexical"
            )
        return self._store.search_dense(self._embedder.queries(queries), limit, self._filters)


def _best(scores: Mapping[str, float]) -> list[str]:
    """The keys, best first; the order of equals does not depend on chance."""
    return sorted(scores, key=lambda key: (-scores[key], key))


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.row["passage_id"]: hit.score for hit in hits}


def _reranked(reranker: Reranker, query: str, rows: Sequence[Row]) -> dict[str, float]:
    # As an embedding reads it.
    texts = [f"{row['heading'] or row['title']}\n{row['text']}" for row in rows]
    scores = reranker.scores(query, texts)
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
