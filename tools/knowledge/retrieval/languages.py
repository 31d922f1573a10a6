"""Whether an embedding understands a query and what is found for it.

What it does not understand it compares all the same, and what comes out means nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Set

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


def understands_query(languages: Set[str] | None, query: str, found: Iterable[Hit]) -> bool:
    """Whether an embedding understands a query, as far as can be told.

    Args:
        languages: what the embedding understands; None means everything.
        query: its own words tell, if there are enough of them;
        found: otherwise the language of what full text finds for it, best first.
    """
    if languages is None:
        return True
    if told := document_language(query):
        return told in languages
    if _FOREIGN.search(query):
        return False
    best = [hit.row["metadata"].get("language") for hit, _ in zip(found, range(_BEST), strict=False)]
    spoken = Counter(each for each in best if each)
    return not spoken or spoken.most_common(1)[0][0] in languages


def understands_passage(languages: Set[str] | None, row: Row) -> bool:
    """Whether an embedding understands a passage, as far as can be told."""
    if languages is None:
        return True
    told = row["metadata"].get("language")
    if told:
        return told in languages
    return len(_FOREIGN.findall(row["text"])) <= _FEW * len(row["text"])
