"""Whether an embedding understands a query and what is found for it.

What it does not understand it compares all the same, and what comes out means nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set

from ..store.collection import Hit
from ..store.lexical import document_language
from ..store.schema import Row

__all__ = ["understands_passage", "understands_query"]

_BEST = 5
"""The passages that tell what language a query is in which does not tell itself."""
_FOREIGN = re.compile("[^\\W\\d_\0-\u024f]")
"""A letter that is not Latin."""
_FEW = 0.1
"""The share of such letters in a passage up to which it may be in a language in Latin letters."""


def understands_query(
    languages: Set[str] | None, query: str, found: Iterable[Hit], base: Mapping[str, float] | None
) -> bool:
    """Whether an embedding understands a query, as far as can be told.

    Args:
        languages: what the embedding understands; None means everything.
        query: its own words tell, if there are enough of them;
        found: otherwise the language of what full text finds for it, best first;
        base: and if that tells nothing, the languages of all passages with the share each has. There is no
            floor below which a similarity counts for nothing: words that are nowhere in a base find the
            passage they were taken out of among the best ten twelve times as often as chance, with lower
            similarities than words that do not exist (wordllama on the two sets of ``ranking``).
    """
    if languages is None:
        return True
    if told := document_language(query):
        return told in languages
    if _FOREIGN.search(query):
        return False
    best = [hit.row["metadata"].get("language") for hit, _ in zip(found, range(_BEST), strict=False)]
    spoken = Counter(each for each in best if each)
    if spoken:
        return spoken.most_common(1)[0][0] in languages
    # An accent is rare in English, and common around it.
    return query.isascii() and (not base or max(base, key=base.__getitem__) in languages)


def understands_passage(languages: Set[str] | None, row: Row) -> bool:
    """Whether an embedding understands a passage, as far as can be told."""
    if languages is None:
        return True
    told = row["metadata"].get("language")
    if told:
        return told in languages
    return len(_FOREIGN.findall(row["text"])) <= _FEW * len(row["text"])
