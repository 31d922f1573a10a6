"""Text in which no control token can hide: free text, and the inside of JSON strings."""

from __future__ import annotations

from .rules import Rules, repeat, sequence

__all__ = ["free_text", "json_string"]

_EXACT = 1000
"""Longest ``maxLength`` that is counted character by character."""

# What may stand in a JSON string as it is, in pieces, since some of it must not follow "<" or "<|".
_ORDINARY = r" !#-;=-\[\]-_\x60{}~"
_WIDE = r"\u00A0-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF"
_LETTERS = "a-z"

_HEX = "[0-9a-fA-F]"
_ESCAPE = (
    rf'"\\" (["\\/bfnrt] | "u" ([0-9a-cA-CefEF] {_HEX}{{3}} | [dD] [0-7] {_HEX}{{2}} '
    rf'| [dD] [89abAB] {_HEX}{{2}} "\\u" [dD] [c-fC-F] {_HEX}{{2}}))'
)


def free_text(rules: Rules, low: int, high: int | None) -> str:
    """Any text of at least ``low`` and about ``high`` characters."""
    unit, tail = _units(rules, "text", "[^<]", "[^<|]", "[^<a-z]")
    return sequence(repeat(rules, unit, low, high), tail)


def json_string(rules: Rules, low: int = 0, high: int | None = None, *, bound: int | None = None) -> str:
    """A JSON string of ``low`` to ``high`` characters.

    Args:
        rules: where rules are kept.
        low: fewest characters.
        high: most characters; above 1,000 they are counted roughly.
        bound: about the most characters when ``high`` is None.
    """
    escape = rules.add("escape", _ESCAPE)
    plain = rules.add("plain", f"[{_ORDINARY}|{_LETTERS}{_WIDE}] | {escape}")
    not_pipe = rules.add("after-lt", f"[{_ORDINARY}{_LETTERS}{_WIDE}] | {escape}")
    if high is not None and high <= _EXACT:
        body = _counted(rules, plain, not_pipe, low, high)
    else:
        unit, tail = _units(rules, "char", plain, not_pipe, f"([{_ORDINARY}|{_WIDE}] | {escape})")
        most = bound if high is None else high
        body = sequence(repeat(rules, unit, low, None if most is None else max(low, most)), tail)
    return rules.add("string", sequence(r'"\""', body, r'"\""'))


def _units(rules: Rules, name: str, plain: str, after_lt: str, after_pipe: str) -> tuple[str, str]:
    """A unit of text (a character, or a run of ``<`` with what follows) and what may end the text."""
    unit = rules.add(f"{name}-lt", f'{after_lt} | "<" {name}-lt | "|" {name}-pipe')
    rules.add(f"{name}-pipe", f'{after_pipe} | "<" {unit}')
    return rules.add(name, f'{plain} | "<" {unit}'), '("<"{1,2} "|"?)?'


def _counted(rules: Rules, plain: str, not_pipe: str, low: int, high: int) -> str:
    """``low`` to ``high`` characters exactly: two rules a character, the second for what follows ``<``."""
    state = after = ""
    for left in range(1, high + 1):
        enough = high - left >= low
        name = f"upto-{left}" if enough else f"from-{low}-to-{high}-{left}"
        end = '"" | ' if enough else ""
        lt = sequence('"<"', after)
        state, after = (
            rules.add(name, f"{end}{sequence(plain, state)} | {lt}"),
            rules.add(f"{name}-lt", f"{end}{sequence(not_pipe, state)} | {lt}"),
        )
    return state
