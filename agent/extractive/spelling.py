"""Words of a question that no source has, read as the word they are one slip away from."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["respelled"]

_SHORTEST = 5
"""Letters; a slip in a shorter word makes another word."""
_SHORTEST_UNSWAPPED = 7
"""The same for a slip other than two letters that changed places."""


def respelled(word: str, known: Collection[str]) -> str | None:
    """The one of the known words that is a slip away: letters swapped, or one missing, added or wrong.

    None where there is none, or more than one.
    """
    if len(word) < _SHORTEST or not word.isalpha():
        return None
    near = {
        each
        for each in known
        if each[:1] == word[:1]
        and abs(len(each) - len(word)) <= 1
        and (_is_slip(word, each) or _is_slip(word, f"{each}e"))  # a term may have lost its last letter
    }
    return near.pop() if len(near) == 1 else None


def _is_slip(word: str, other: str) -> bool:
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    mine, theirs = word[start:], other[start:]
    if len(mine) == len(theirs) and mine[:2] == theirs[1::-1] and mine[2:] == theirs[2:]:
        return True
    if len(word) < _SHORTEST_UNSWAPPED:
        return False
    return mine[1:] == theirs[1:] or mine[1:] == theirs or mine == theirs[1:]
