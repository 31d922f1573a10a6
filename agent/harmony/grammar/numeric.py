"""Numbers within bounds, digit by digit."""

from __future__ import annotations

from decimal import Decimal

from .rules import alternatives, literal, sequence

__all__ = ["integer", "number"]

_DIGITS = 19
"""Digits of a number without a bound: a 64-bit integer has as many, a double fewer. There is an end to them,
since models held to a grammar have been seen to write digits for ever."""
_ANY = f"[0-9]{{0,{_DIGITS}}}"
_FREE = f'("." [0-9]{{1,{_DIGITS}}})?'
_UNBOUNDED = f'("0" | [1-9] [0-9]{{0,{_DIGITS - 1}}}) {_FREE} ([eE] [+-]? [0-9]{{1,3}})?'


def integer(low: int | None = None, high: int | None = None) -> str | None:
    """Whole numbers from ``low`` to ``high``; None when there are none."""
    options: list[str] = []
    if high is None or high >= 0:
        options += _magnitudes(max(low or 0, 0), high)
    if low is None or low < 0:
        below = _magnitudes(max(1, 1 if high is None else -high), None if low is None else -low)
        options += [sequence('"-"', alternatives(below))] if below else []
    return alternatives(options) if options else None


def number(
    low: Decimal | None = None,
    high: Decimal | None = None,
    *,
    above: bool = False,
    below: bool = False,
) -> str | None:
    """Decimal numbers from ``low`` to ``high``; None when there are none.

    Args:
        low: the least.
        high: the greatest.
        above: ``low`` itself does not count.
        below: ``high`` itself does not count.
    """
    if high is None and (low is None or (low == 0 and not above)):
        return _UNBOUNDED if low == 0 else f'"-"? {_UNBOUNDED}'
    zero = Decimal(0)
    options: list[str] = []
    if high is None or high > 0 or (high == 0 and not below):
        from_zero = low is None or low < 0
        options += _unsigned(zero if from_zero or low is None else low, above and not from_zero, high, below)
    if low is None or low < 0:
        from_zero = high is None or high >= 0
        least, greatest = zero if from_zero or high is None else -high, None if low is None else -low
        negative = _unsigned(least, from_zero or below, greatest, above)
        options += [sequence('"-"', alternatives(negative))] if negative else []
    return alternatives(options) if options else None


def _magnitudes(low: int, high: int | None) -> list[str]:
    """Whole numbers of ``low`` or more, by their number of digits."""
    least, most = str(low), "9" * max(_DIGITS, len(str(low))) if high is None else str(high)
    if high is not None and low > high:
        return []
    if len(least) == len(most):
        return [_between(least, most)]
    options = [_between(least, "9" * len(least))]
    full = len(most) - (most.strip("9") != "")  # digits of the greatest number that may have any
    if full > len(least):
        options.append(f"[1-9] [0-9]{{{len(least)},{full - 1}}}")
    if full < len(most):
        options.append(_between("1" + "0" * full, most))
    return options


def _between(low: str, high: str) -> str:
    """Strings of digits from ``low`` to ``high``, all as long as these."""
    if low == high:
        return literal(low)
    size = len(low)
    if set(low) == {"0"} and set(high) == {"9"}:
        return f"[0-9]{{{size}}}"
    if low[0] == high[0]:
        return sequence(literal(low[0]), _between(low[1:], high[1:]))
    first, last = int(low[0]), int(high[0])
    options: list[str] = []
    if low[1:].strip("0"):
        options.append(sequence(literal(low[0]), _between(low[1:], "9" * (size - 1))))
        first += 1
    if high[1:].strip("9"):
        options.append(sequence(literal(high[0]), _between("0" * (size - 1), high[1:])))
        last -= 1
    if first <= last:
        rest = f"[0-9]{{{size - 1}}}" if size > 1 else ""
        options.append(sequence(f"[{first}-{last}]", rest))
    return alternatives(options)


def _unsigned(low: Decimal, above: bool, high: Decimal | None, below: bool) -> list[str]:
    least, least_rest = _split(low)
    if high is None:
        with_least = _fraction(least_rest, above, None, False)
        more = _magnitudes(least + 1, None)
        return [*_joined(str(least), with_least), sequence(alternatives(more), _FREE)]
    greatest, greatest_rest = _split(high)
    if least > greatest:
        return []
    if least == greatest:
        return _joined(str(least), _fraction(least_rest, above, greatest_rest, below))
    options = _joined(str(least), _fraction(least_rest, above, None, False))
    if least + 1 < greatest:
        options.append(sequence(alternatives(_magnitudes(least + 1, greatest - 1)), _FREE))
    return options + _joined(str(greatest), _fraction("", False, greatest_rest, below))


def _split(value: Decimal) -> tuple[int, str]:
    whole, _, rest = f"{value:f}".partition(".")
    return int(whole), rest.rstrip("0")


def _joined(whole: str, fraction: str | None) -> list[str]:
    return [] if fraction is None else [sequence(literal(whole), fraction)]


def _fraction(low: str, above: bool, high: str | None, below: bool) -> str | None:
    """What may follow the whole part: nothing, or a point and digits; None when neither may."""
    digits = _digits(low, above, high, below)
    written = [] if digits is None else [sequence('"."', digits)]
    if low or above or (high == "" and below):
        return written[0] if written else None
    return f"({written[0]})?" if written else '""'


def _digits(low: str, above: bool, high: str | None, below: bool) -> str | None:
    """One digit or more, so that ``0.`` and they lie between ``0.low`` and ``0.high``; None if none do.

    Args:
        low: the least, without zeros at its end.
        above: ``low`` itself does not count.
        high: the greatest, likewise; None for no bound.
        below: ``high`` itself does not count.
    """
    if high is None and not low:
        return f'"0"{{0,5}} [1-9] {_ANY}' if above else f"[0-9]{{1,{_DIGITS}}}"
    if high == "":
        return None if below or low or above else '"0"{1,5}'
    first, last = int(low[:1] or 0), int(high[0]) if high else 9
    if first > last:
        return None
    options: list[str] = []
    lower = bool(low) or above  # the first digit alone does not yet say that it is enough
    upper = high is not None
    if first == last and (lower or upper):
        options += _tail(first, low[1:], lower and above, high and high[1:], below, lower=lower)
        return alternatives(options) if options else None
    inner = range(first + lower, last - upper + 1)
    if inner:
        options.append(f"[{inner[0]}-{inner[-1]}] {_ANY}")
    if lower:
        options += _tail(first, low[1:], above, None, False, lower=True)
    if upper:
        options += _tail(last, "", False, high and high[1:], below, lower=False)
    return alternatives(options) if options else None


def _tail(digit: int, low: str, above: bool, high: str | None, below: bool, *, lower: bool) -> list[str]:
    """``digit`` and what may follow it."""
    above = above and lower
    more = _digits(low, above, high, below)
    enough = not low and not above and not (high == "" and below)
    if more is None:
        return [literal(str(digit))] if enough else []
    return [sequence(literal(str(digit)), f"({more})?" if enough else more)]
