r"""Simple regular expressions as rules: characters, classes, groups, choices and repetitions.

Anchored at both ends, over printable ASCII. Anything else (look-around, back references, ``\b``, Unicode
classes, flags) is not taken, and the pattern is then left to the validation.
"""

from __future__ import annotations

import re

from .rules import literal, sequence

__all__ = ["pattern"]

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
_JSON_ESCAPED = {'"': '\\"', "\\": "\\\\"}
_CLASS = re.compile(r"\\[dwsDWS]")
_SET = re.compile(r"\[\^?\]?(?:\\.|[^\\\]])*\]")
_REPETITION = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")
_MOST = 32
"""Repetitions where a pattern sets no limit."""


class _NotTaken(Exception):
    """A construct this module has no rules for."""


def pattern(regex: str) -> str | None:
    """What stands between the quotes of a JSON string that matches ``regex``; None if that cannot be said."""
    anchored = regex.startswith("^") and regex.endswith("$") and not regex.endswith(r"\$")
    if not anchored or "<" in regex:  # which might begin a control token
        return None
    try:
        re.compile(regex)
        return _Reader(regex[1:-1]).choice()
    except (re.error, _NotTaken):
        return None


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def choice(self) -> str:
        options = [self._sequence()]
        while self._taken("|"):
            options.append(self._sequence())
        if self._depth == 0 and self._at < len(self._text):
            raise _NotTaken
        return f"({' | '.join(options)})" if len(options) > 1 else options[0]

    def _sequence(self) -> str:
        parts: list[str] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return sequence(*parts) or '""'

    def _repeated(self, atom: str) -> str:
        found = _REPETITION.match(self._text, self._at)
        if found is None:
            return atom
        self._at = found.end()
        if self._text[self._at : self._at + 1] in ("?", "+"):
            raise _NotTaken  # lazy or possessive
        match found.group():
            case "*":
                low, high = 0, _MOST
            case "+":
                low, high = 1, _MOST
            case "?":
                low, high = 0, 1
            case counted:
                first, comma, last = counted[1:-1].partition(",")
                low = int(first)
                high = int(last) if last else max(low, _MOST) if comma else low
        if high > 1000:
            raise _NotTaken
        return f"({atom}){{{low},{high}}}"

    def _atom(self) -> str:
        if self._taken("("):
            if self._taken("?") and not self._taken(":"):
                raise _NotTaken
            self._depth += 1
            inner = self.choice()
            self._depth -= 1
            if not self._taken(")"):
                raise _NotTaken
            return f"({inner})"
        for kind in (_SET, _CLASS):
            if (found := kind.match(self._text, self._at)) is not None:
                self._at = found.end()
                return _any_of(found.group())
        character = self._text[self._at]
        self._at += 1
        if character == ".":
            return _any_of(".")
        if character == "\\":
            character = self._text[self._at]
            self._at += 1
            if character.isalnum():
                raise _NotTaken
        elif character in "^$":
            raise _NotTaken
        return literal(_JSON_ESCAPED.get(character, character))

    def _taken(self, character: str) -> bool:
        found = self._text.startswith(character, self._at)
        self._at += len(character) if found else 0
        return found


def _any_of(kind: str) -> str:
    """The printable characters that a class of one character matches."""
    matches = re.compile(kind).fullmatch
    # Without "<", so that no control token can hide.
    plain = [c for c in _PRINTABLE if c not in '<"\\' and matches(c)]
    escaped = [literal(_JSON_ESCAPED[c]) for c in '"\\' if matches(c)]
    inside = "".join(f"\\x{ord(c):02X}" for c in plain)
    parts = [*([f"[{inside}]"] if inside else []), *escaped]
    if not parts:
        raise _NotTaken
    return f"({' | '.join(parts)})" if len(parts) > 1 else parts[0]
