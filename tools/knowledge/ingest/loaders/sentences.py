"""Where a sentence ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["by_sentence"]

_END = re.compile(
    r"[.!?][\"'”’»)\]]*(?=\s+[\"'“‘«(\[]*[^\W_a-z])|[。！？][\"'”’」』）]*|[:;](?=\s+(?:[•▪◦–-]|\d+[.)])\s)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|al|Mr|Mrs|Ms|Dr|Prof|St|Jr|No|Nos|Fig|Figs|Eq|Sec|Ch|Vol|Inc|Ltd|Co|Corp|approx"
    r"|ca|pp|p)"
    r"|\b[A-Z](?:\.[A-Z])*|^\W*\d{1,3})\.$"
)
_SHORTEST = 25


def by_sentence(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph; a very short one stays with the next.

    Joined by blanks they are the paragraph again.
    """
    start = 0
    for found in _END.finditer(paragraph):
        end = found.end()
        if end - start < _SHORTEST or _ABBREVIATION.search(paragraph[start:end]):
            continue
        yield paragraph[start:end].strip()
        start = end
    if rest := paragraph[start:].strip():
        yield rest
