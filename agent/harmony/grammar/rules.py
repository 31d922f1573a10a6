"""The notation: GBNF, as llama.cpp reads it (grammars/README.md there), and xgrammar's dialect of it.

Three things shape the rules. llama.cpp and xgrammar match a control token by its text, too: a class that
takes ``<``, ``|`` and letters takes ``<|start|>``. So text in JSON never holds ``<|`` before a lower-case
letter, in which every harmony token begins. xgrammar compiles a rule by trying each of 200,000 tokens at each
of its states: a class of letters in a loop costs nothing, the same class counted to 32 costs more than a
second. And a repetition of more than 2,000 is refused by llama.cpp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

__all__ = ["Notation", "Rules", "alternatives", "literal", "optional", "sequence"]

Notation = Literal["gbnf", "xgrammar"]
"""How a token is named: ``<[200005]>`` by llama.cpp, ``Token(200005)`` by xgrammar."""

_TOKEN = {"gbnf": "<[{}]>", "xgrammar": "Token({})"}
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_FULL = 100_000
"""What the rules may cost, in characters of literal text, before schemas are written no further. xgrammar
compiles as many in about half a second on two cores."""


class Rules:
    """The rules of one grammar, in the order they were made; equal ones are kept once.

    Args:
        notation: how tokens are named.
    """

    def __init__(self, notation: Notation) -> None:
        self.notation: Notation = notation
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._taken: Counter[str] = Counter()
        self._cost = 0

    @property
    def full(self) -> bool:
        """Whether the server has enough to compile; what follows should be loose, and short."""
        return self._cost > _FULL

    def spend(self, cost: int) -> None:
        """Count what a rule costs beyond its length."""
        self._cost += cost

    def add(self, name: str, expression: str) -> str:
        """Keep a rule and return its name: another one if ``name`` is taken or the rule is there already."""
        if expression in self._names:
            return self._names[expression]
        unique = self.reserve(name)
        self.define(unique, expression)
        return unique

    def reserve(self, name: str) -> str:
        """A free name like ``name`` for a rule that refers to itself; :meth:`define` must follow."""
        clean = "".join(c if c.isascii() and c.isalnum() else "-" for c in name[:60]).strip("-") or "rule"
        unique = clean
        while unique in self._rules:
            self._taken[clean] += 1
            unique = f"{clean}-{self._taken[clean] + 1}"
        self._rules[unique] = ""
        return unique

    def define(self, name: str, expression: str) -> None:
        """Say what a reserved name stands for."""
        self._rules[name] = expression
        self._names.setdefault(expression, name)
        self._cost += len(expression)

    def token(self, number: int) -> str:
        """The token of that id, and nothing that merely spells the same."""
        return _TOKEN[self.notation].format(number)

    def __str__(self) -> str:
        return "".join(f"{name} ::= {expression}\n" for name, expression in self._rules.items())


def literal(text: str) -> str:
    """``text``, and nothing else."""
    return '"' + "".join(_character(c) for c in text) + '"'


def sequence(*parts: str) -> str:
    """One after the other; empty parts are left out."""
    return " ".join(part for part in parts if part)


def alternatives(options: Iterable[str]) -> str:
    """Any one of ``options``."""
    unique = list(dict.fromkeys(options))
    return unique[0] if len(unique) == 1 else f"({' | '.join(unique)})"


def optional(expression: str) -> str:
    """``expression``, or nothing."""
    return f"({expression})?" if expression else ""


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02X}" if code < 0x20 or code == 0x7F else character
