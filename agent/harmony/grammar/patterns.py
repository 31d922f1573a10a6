r"""Simple regular expressions as rules: characters, classes, groups, choices and repetitions.

Anchored at the beginning. Anything else (look-around, back references, ``\b``, Unicode classes, flags) is not
taken, and the pattern is then left to the validation. So is one that could spell a control token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .rules import Rules, literal, sequence
from .text import WIDE, rest_of_string

__all__ = ["pattern"]

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_CLASS = re.compile(r"\\[dws]")
_SET = re.compile(r"\[\^?\]?(?:\\.|[^\\\]])*\]")
_REPETITION = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")
_SETS_OF_SETS = ("[", "--", "&&", "~~", "||")
"""What other dialects read as operators inside a class."""
_BEYOND_ASCII = "\u00e9\u0416\u6f22"
"""A class that takes one of these takes what is beyond ASCII, most of it wrongly; the validation knows."""

_NARROW, _WIDE = 100, 5_000
"""What one more place costs, in characters of literal text: for digits and the like, and for letters, which
begin most tokens."""
_MOST = 8 * _WIDE
"""What a pattern may cost; what is counted further becomes a loop."""
_LONGEST = 2_000
"""Characters of a pattern that is read at all."""


class _NotTaken(Exception):
    """A construct this module has no rules for."""


@dataclass(frozen=True)
class _Part:
    """A piece of a pattern."""

    expression: str
    cost: int = 0
    pipe: bool = False
    less: bool = False
    """Whether it may hold ``|`` and ``<``, which begin a control token together."""
    empty: bool = False
    """Whether it may be nothing; llama.cpp refuses a loop over such a piece."""


def pattern(rules: Rules, regex: str) -> str | None:
    """A JSON string that matches ``regex``, without the quote it begins with; None if that cannot be said."""
    if len(regex) > _LONGEST:
        return None
    try:
        part = _Reader(regex, rest_of_string(rules)).whole()
    except (_NotTaken, RecursionError):
        return None
    if part.cost > _MOST or (part.pipe and part.less):
        return None
    rules.spend(part.cost)
    return part.expression


class _Reader:
    """Reads one pattern from left to right.

    Args:
        text: the pattern.
        rest: the rule for any rest of a string.
    """

    def __init__(self, text: str, rest: str) -> None:
        self._text = text
        self._rest = rest
        self._at = 0

    def whole(self) -> _Part:
        """Alternatives that are anchored, each for itself; those without ``$`` may go on as they like."""
        options: list[_Part] = []
        while True:
            if not self._taken("^"):
                raise _NotTaken
            option = self._sequence()
            end = _Part(r'"\""') if self._taken("$") else _Part(self._rest, pipe=True)
            options.append(_joined([option, end]))
            if self._at == len(self._text):
                return _either(options)
            if not self._taken("|"):
                raise _NotTaken

    def _choice(self) -> _Part:
        options = [self._sequence()]
        while self._taken("|"):
            options.append(self._sequence())
        return _either(options)

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)$":
            parts.append(self._repeated(self._atom()))
        return _joined(parts)

    def _repeated(self, atom: _Part) -> _Part:
        found = _REPETITION.match(self._text, self._at)
        if found is None:
            return atom
        self._at = found.end()
        if self._text[self._at : self._at + 1] in ("?", "+", "*"):
            raise _NotTaken  # lazy or possessive
        low, high = _times(found.group())
        if high == 0:
            return _Part('""', empty=True)
        if atom.empty and high != 1:
            raise _NotTaken
        count = max(low, high or 1)
        if count * max(atom.cost, _NARROW) > _MOST:
            low, high, count = min(low, 1), None, 1
        sign = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high), f"{{{low},{high or ''}}}")
        return replace(
            atom,
            expression=f"({atom.expression}){sign}",
            cost=atom.cost * count,
            empty=low == 0 or atom.empty,
        )

    def _atom(self) -> _Part:
        if self._taken("("):
            if self._taken("?") and not self._taken(":"):
                raise _NotTaken
            inner = self._choice()
            if not self._taken(")"):
                raise _NotTaken
            return inner
        for kind in (_SET, _CLASS):
            if (found := kind.match(self._text, self._at)) is not None:
                self._at = found.end()
                return _any_of(found.group())
        character = self._next()
        if character == ".":
            return _any_of(".")
        if character == "\\":
            character = self._next()
            if character.isalnum():
                raise _NotTaken
        elif character in "^*+?{}[]":
            raise _NotTaken
        if not (character in _ESCAPED or character in _PRINTABLE or ord(character) >= 0xA0):
            raise _NotTaken
        written = literal(_ESCAPED.get(character, character))
        return _Part(written, 1, pipe=character == "|", less=character == "<")

    def _next(self) -> str:
        if self._at == len(self._text):
            raise _NotTaken
        self._at += 1
        return self._text[self._at - 1]

    def _taken(self, character: str) -> bool:
        found = self._text.startswith(character, self._at)
        self._at += len(character) if found else 0
        return found


def _times(sign: str) -> tuple[int, int | None]:
    """How often at least and at most; None for no end."""
    known: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
    if sign in known:
        return known[sign]
    first, comma, last = sign[1:-1].partition(",")
    low = int(first)
    high = None if comma and not last else int(last or first)
    if high is not None and high < low:
        raise _NotTaken
    return low, high


def _joined(parts: Sequence[_Part]) -> _Part:
    expression = sequence(*(part.expression for part in parts)) or '""'
    return replace(_together(parts, expression), empty=all(part.empty for part in parts))


def _either(options: Sequence[_Part]) -> _Part:
    if len(options) == 1:
        return options[0]
    return _together(options, f"({' | '.join(option.expression for option in options)})")


def _together(parts: Sequence[_Part], expression: str) -> _Part:
    return _Part(
        expression,
        cost=sum(part.cost for part in parts),
        pipe=any(part.pipe for part in parts),
        less=any(part.less for part in parts),
        empty=any(part.empty for part in parts),
    )


def _any_of(kind: str) -> _Part:
    """The characters that a class of one character matches."""
    if any(sign in kind[1:] for sign in _SETS_OF_SETS):
        raise _NotTaken
    try:
        matches = re.compile(kind).fullmatch
    except re.error as error:
        raise _NotTaken from error
    plain = [c for c in _PRINTABLE if c not in _ESCAPED and matches(c)]
    beyond = any(matches(c) for c in _BEYOND_ASCII)
    inside = "".join(f"\\x{ord(c):02X}" for c in plain) + (WIDE if beyond else "")
    parts = [*([f"[{inside}]"] if inside else []), *(literal(_ESCAPED[c]) for c in _ESCAPED if matches(c))]
    if not parts:
        raise _NotTaken
    wide = beyond or any("g" <= c <= "z" for c in plain)
    return _Part(
        f"({' | '.join(parts)})" if len(parts) > 1 else parts[0],
        _WIDE if wide else _NARROW,
        pipe="|" in plain,
        less="<" in plain,
    )
