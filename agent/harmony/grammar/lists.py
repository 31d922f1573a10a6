"""What stands between brackets or braces, with commas between."""

from __future__ import annotations

from collections.abc import Sequence

from .rules import Rules, sequence

__all__ = ["listed", "more"]

_COUNTED = 100
"""Items that are counted, at most; whether there are more or fewer is then for the validation to say."""


def listed(
    rules: Rules, name: str, places: Sequence[str], item: str | None, low: int, high: int | None, close: str
) -> str:
    """Everything after the opening bracket.

    Args:
        rules: where rules are kept.
        name: begins their names.
        places: what stands in the first places, each a rule or a word.
        item: what stands in any place after them; None for nothing.
        low: fewest items in all.
        high: most items in all; None for no limit.
        close: the closing bracket.
    """
    if high is not None:
        places = places[:high]
    count = len(places)
    if item is None:
        following, low = close, min(low, count)
    else:
        following = more(rules, name, item, max(low - max(count, 1), 0), high and high - max(count, 1), close)
    if not places:
        if item is None or high == 0:
            return close
        places = [item]
    for at in range(len(places) - 1, 0, -1):
        another = sequence('","', places[at], following)
        following = rules.add(f"{name}-then", another if at < low else f"{close} | {another}")
    some = sequence(places[0], following)
    return some if low else f"({close} | {some})"


def more(rules: Rules, name: str, item: str, low: int, high: int | None, close: str) -> str:
    """``low`` to ``high`` further items, each after a comma, and the closing bracket."""
    if high is not None and high <= min(low, _COUNTED):
        low = high
    if low == high == 0:
        return close
    if high is not None and high <= _COUNTED:
        another = rules.add(f"{name}-next", sequence('","', item))
        return sequence(f"{another}{{{low},{high}}}", close)
    loop = rules.reserve(f"{name}-more")
    rules.define(loop, f'{close} | "," {item} {loop}')
    if low == 0:
        return loop
    another = rules.add(f"{name}-next", sequence('","', item))
    return sequence(f"{another}{{{min(low, _COUNTED)}}}", loop)
