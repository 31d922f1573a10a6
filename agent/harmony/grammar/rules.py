"""The notation: GBNF, as llama.cpp reads it (grammars/README.md there), and xgrammar where no token is named.

Two things shape the rules here. llama.cpp matches a control token by its text, too: a class that takes ``<``,
``|`` and letters takes ``<|start|>``. So text never holds ``<|`` before a lower-case letter, in which every
harmony token begins. And a repetition of more than 2,000 is refused there, so longer ones are put together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Bounds", "Rules", "alternatives", "literal", "repeat", "sequence"]

_LONGEST = 1000
"""Most repetitions in one expression; llama.cpp refuses 2,000 (``MAX_REPETITION_THRESHOLD``)."""

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much a grammar lets a model write where its schema sets no limit; None leaves it free.

    A bound ends what is being written in the middle of a word, without a sign that it did. It is for models
    that never stop by themselves, such as random weights in a test; a real model is held by ``max_tokens``.
    """

    reasoning: int | None = None
    """Characters of one analysis message."""
    text: int | None = None
    """Characters of a preamble, and of a final answer that is plain text."""
    string: int | None = None
    """Characters of one string in JSON."""
    items: int | None = None
    """Items of one array, or entries of one mapping."""


class Rules:
    """The rules of one grammar, in the order they were made; equal ones are kept once."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def add(self, name: str, expression: str) -> str:
        """Keep a rule and return its name: another one if ``name`` is taken or the rule is there already."""
        if expression in self._names:
            return self._names[expression]
        unique = self.reserve(name)
        self.define(unique, expression)
        return unique

    def reserve(self, name: str) -> str:
        """A free name like ``name`` for a rule that refers to itself; :meth:`define` must follow."""
        clean = "".join(c if c.isascii() and c.isalnum() else "-" for c in name).strip("-") or "rule"
        unique, number = clean, 1
        while unique in self._rules:
            number += 1
            unique = f"{clean}-{number}"
        self._rules[unique] = ""
        return unique

    def define(self, name: str, expression: str) -> None:
        """Say what a reserved name stands for."""
        self._rules[name] = expression
        self._names.setdefault(expression, name)

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


def repeat(rules: Rules, unit: str, low: int = 0, high: int | None = None) -> str:
    """``unit``, the name of a rule, from ``low`` to ``high`` times; without end when ``high`` is None."""
    if high == 0:
        return ""
    blocks, low = divmod(low, _LONGEST)
    before = [_exactly(rules, unit)] * blocks
    if high is None:
        return sequence(*before, f"{unit}{{{low},}}" if low else f"{unit}*")
    high -= blocks * _LONGEST
    if high <= _LONGEST:
        return sequence(*before, f"{unit}{{{low},{high}}}")
    rest, high = divmod(high, _LONGEST)
    tail = rules.add(f"{unit}-most", f"{unit}{{0,{high}}}") if high else ""
    short = rules.add(f"{unit}-short", f"{unit}{{0,{_LONGEST - 1}}}")
    for _ in range(rest - 1):
        tail = rules.add(f"{unit}-long", f"{sequence(_exactly(rules, unit), tail)} | {short}")
    first = rules.add(f"{unit}-first", f"{unit}{{{low},{_LONGEST - 1}}}")
    return sequence(*before, alternatives([sequence(_exactly(rules, unit), tail), first]))


def _exactly(rules: Rules, unit: str) -> str:
    return rules.add(f"{unit}-block", f"{unit}{{{_LONGEST}}}")


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02X}" if code < 0x20 or code == 0x7F else character
