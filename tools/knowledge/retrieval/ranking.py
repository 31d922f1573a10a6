"""One ranking from several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..values import Passage, Place

__all__ = ["blend", "distinct", "fuse_queries"]

DENSE_SHARE = 0.3
"""Weight of the embedding in a hybrid search; full text has the rest.

Recall of the gold paragraphs among 994 of HotpotQA (100 questions; ``make bench-knowledge`` repeats 0.3),
with a sentence transformer (all-MiniLM-L6-v2) and with a weak static embedding (wordllama, 256 dimensions):

=========  ====  ====  =====  ====  ====  =====
ranking    MiniLM             wordllama
---------  -----------------  -----------------
share      R@2   R@5   R@10   R@2   R@5   R@10
=========  ====  ====  =====  ====  ====  =====
full text  65.5  80.0  90.0   65.5  80.0  90.0
embedding  63.0  78.5  84.5   54.5  71.0  83.0
0.2        67.5  82.0  91.5   65.0  80.5  91.0
0.3        68.0  82.0  91.5   66.0  80.0  90.5
0.4        68.0  82.5  91.0   63.5  78.0  91.0
0.5        69.0  82.0  90.0   60.5  77.0  90.5
=========  ====  ====  =====  ====  ====  =====

A good embedding gains wherever the share is between 0.2 and 0.5; above 0.3 a weak one does harm.
"""
_RRF_K = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)."""


def blend(lexical: Mapping[str, float], dense: Mapping[str, float]) -> dict[str, float]:
    """Scores of a hybrid search, from 0 to 1.

    BM25 scores are divided by the best one, cosine similarities stretched from worst to best: BM25 has a
    natural zero (no term in common), a cosine has none.
    """
    scores: dict[str, float] = {}
    top = max(lexical.values(), default=0.0)
    for key, score in lexical.items():
        scores[key] = (1 - DENSE_SHARE) * (score / top if top > 0 else 0.0)
    low, high = min(dense.values(), default=0.0), max(dense.values(), default=0.0)
    for key, score in dense.items():
        share = (score - low) / (high - low) if high > low else 1.0
        scores[key] = scores.get(key, 0.0) + DENSE_SHARE * share
    return scores


def fuse_queries(rankings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """One ranking for several queries, by reciprocal rank; a single one stays as it is."""
    if len(rankings) == 1:
        return dict(rankings[0])
    scores: dict[str, float] = {}
    for ranking in rankings:
        ordered = sorted(ranking, key=lambda key: (-ranking[key], key))
        for rank, key in enumerate(ordered, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (_RRF_K + rank)
    return scores


def distinct(ranked: Sequence[Passage], limit: int) -> list[Passage]:
    """The best passages with a text of their own; of several with the same one the first names the others.

    The same is what differs in white space only. Passages that are merely alike stay apart: what differs
    between two versions of a page (a limit, a name, a "not") may be what is asked for.
    """
    kept: dict[str, Passage] = {}
    for passage in ranked:
        text = " ".join(passage.text.split())
        if (first := kept.get(text)) is not None:
            place = Place(source=passage.source, start_line=passage.start_line, end_line=passage.end_line)
            kept[text] = replace(first, duplicates=(*first.duplicates, place))
        elif len(kept) < limit:
            kept[text] = passage
    return list(kept.values())
