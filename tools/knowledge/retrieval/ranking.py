"""One ranking from several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..values import Passage, Place

__all__ = ["blend", "distinct", "fuse_queries"]

SHARE = 0.6
"""Weight of an embedding in a hybrid search; full text has the rest.

Recall at 2, 5 and 10 of the gold paragraphs, one search a question, with all-MiniLM-L6-v2 among 994 passages
of HotpotQA (100 questions) and 1,890 of MuSiQue (50), on which this weight was chosen:

=========  ====  ====  =====  ====  ====  =====
ranking    HotpotQA           MuSiQue
---------  -----------------  -----------------
share      R@2   R@5   R@10   R@2   R@5   R@10
=========  ====  ====  =====  ====  ====  =====
full text  67.0  81.5  89.0   45.0  52.5  59.2
embedding  63.0  78.5  84.5   46.7  62.5  72.5
0.3        67.5  81.5  91.0   48.3  60.8  68.3
0.4        67.5  81.5  90.5   46.7  63.3  70.0
0.5        67.5  82.5  90.0   47.5  65.8  72.5
0.6        68.5  82.0  90.0   47.5  66.7  73.3
0.7        67.0  81.5  89.0   47.5  68.3  75.0
=========  ====  ====  =====  ====  ====  =====

Of these, 0.6 alone is above both its parts everywhere. The first set by itself would take 0.4, the second
0.7.
Half a point is one paragraph of the first set, 0.8 one of the second.
"""
BAG_SHARE = 0.4
"""Weight of an embedding that leaves out the order of words, after the first places.

Such a one is the weaker of two that know the same. With wordllama, the same questions:

=================  ====  ====  =====  ====  ====  =====
ranking            HotpotQA           MuSiQue
-----------------  -----------------  -----------------
share              R@2   R@5   R@10   R@2   R@5   R@10
=================  ====  ====  =====  ====  ====  =====
embedding          54.5  71.0  83.0   34.2  45.8  60.8
0.2, every place   65.5  80.0  91.0   45.8  53.3  60.8
0.4, every place   63.5  78.5  91.0   46.7  53.3  62.5
0.3, from the 6th  67.0  81.5  91.5   45.0  52.5  60.8
0.4, from the 6th  67.0  81.5  91.0   45.0  52.5  63.3
0.5, from the 6th  67.0  81.5  90.0   45.0  52.5  63.3
=================  ====  ====  =====  ====  ====  =====

Among the first places it loses as much as it gains, however small its share; behind them it gains nine
paragraphs.
"""
BAG_PLACES = 5
"""The first places, which such an embedding leaves to full text."""
_RRF_K = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)."""


def blend(lexical: Mapping[str, float], dense: Mapping[str, float], *, bag: bool) -> dict[str, float]:
    """Scores of a hybrid search, from 0 to 1.

    BM25 scores are divided by the best one, cosine similarities stretched from worst to best: BM25 has a
    natural zero (no term in common), a cosine has none.

    Args:
        lexical: BM25 scores by key.
        dense: cosine similarities by key.
        bag: the embedding leaves out the order of words, as full text does. Then it is the weaker one of two
            that know the same, and only goes on where full text has given its best.
    """
    share = BAG_SHARE if bag else SHARE
    top = max(lexical.values(), default=0.0)
    words = {key: score / top if top > 0 else 0.0 for key, score in lexical.items()}
    low, high = min(dense.values(), default=0.0), max(dense.values(), default=0.0)
    meanings = {key: (score - low) / (high - low) if high > low else 1.0 for key, score in dense.items()}
    scores = {
        key: (1 - share) * words.get(key, 0.0) + share * meanings.get(key, 0.0)
        for key in words.keys() | meanings.keys()
    }
    if not bag:
        return scores
    first = set(sorted(words, key=lambda key: (-words[key], key))[:BAG_PLACES])
    return {key: 0.5 + words[key] / 2 if key in first else score / 2 for key, score in scores.items()}


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
