"""GBNF, read and played back: what a grammar accepts, and samples of it.

Written from llama.cpp's grammars/README.md. A control token is one lone surrogate here, which no
text holds; another token is its text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.harmony.vocabulary import FIRST_SPECIAL

TOKENS = {
    "<|constrain|>": 200003,
    "<|channel|>": 200005,
    "<|start|>": 200006,
    "<|end|>": 200007,
    "<|message|>": 200008,
}

LONGEST = 1000
"""Repetitions that llama.cpp is sure to take."""


@dataclass(frozen=True)
class Characters:
    """One character of a class."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False

    def takes(self, character: str) -> bool:
        if self.negated and 0xD800 <= ord(character) <= 0xDFFF:
            return False
        return any(low <= ord(character) <= high for low, high in self.ranges) != self.negated

    def sample(self, rng: random.Random) -> str:
        if self.negated:
            return next(c for c in iter(lambda: chr(rng.randint(32, 0x2FF)), "") if self.takes(c))
        low, high = rng.choice(self.ranges)
        return chr(rng.randint(low, high))


@dataclass(frozen=True)
class Name:
    rule: str


@dataclass(frozen=True)
class Choice:
    options: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Repeated:
    node: Node
    low: int
    high: int | None


Node = Characters | Name | Choice | Repeated

_TOKEN = re.compile(r"<\[(\d+)\]>")
_NAME = re.compile(r"[a-zA-Z0-9-]+")
_TIMES = re.compile(r"\{(\d+)(,?)(\d*)\}")
_SIMPLE = {"*": (0, None), "+": (1, None), "?": (0, 1)}


def token(number: int) -> str:
    """The character that stands for a token."""
    return chr(0xD800 + number - 199_990)


def as_tokens(text: str) -> str:
    """Harmony written with its control tokens as text, as the grammar sees it."""
    for name, number in TOKENS.items():
        text = text.replace(name, token(number))
    return text


class Grammar:
    def __init__(self, text: str) -> None:
        self.rules: dict[str, Node] = {}
        for line in text.splitlines():
            name, separator, expression = line.partition(" ::= ")
            assert separator, line
            assert name not in self.rules, f"{name} is defined twice"
            reader = _Reader(expression)
            self.rules[name] = reader.choice()
            assert reader.at == len(expression), expression[reader.at :]

    def accepts(self, text: str) -> bool:
        return len(text) in self._ends(Name("root"), text, frozenset({0}))

    def sample(self, rng: random.Random) -> str:
        return "".join(self._sample(Name("root"), rng, 0))

    def _ends(self, node: Node, text: str, starts: frozenset[int]) -> frozenset[int]:
        if not starts:
            return starts
        match node:
            case Characters():
                return frozenset(at + 1 for at in starts if at < len(text) and node.takes(text[at]))
            case Name(rule):
                return self._ends(self.rules[rule], text, starts)
            case Choice(options):
                found: frozenset[int] = frozenset()
                for option in options:
                    ends = starts
                    for part in option:
                        ends = self._ends(part, text, ends)
                    found |= ends
                return found
            case Repeated(inner, low, high):
                found = starts if low == 0 else frozenset()
                ends, count = starts, 0
                while ends and (high is None or count < high):
                    ends = self._ends(inner, text, ends)
                    count += 1
                    if count >= low:
                        if high is None:
                            ends -= found
                        found |= ends
                return found

    def _sample(self, node: Node, rng: random.Random, depth: int) -> Iterator[str]:
        match node:
            case Characters():
                yield node.sample(rng)
            case Name(rule):
                yield from self._sample(self.rules[rule], rng, depth + 1)
            case Choice(options):
                # Deep down the shortest way out, since a recursive schema might never end.
                option = rng.choice(options) if depth < 40 else min(options, key=self._weight)
                for part in option:
                    yield from self._sample(part, rng, depth)
            case Repeated(inner, low, high):
                most = low + 3 if high is None else high
                for _ in range(low if depth >= 40 else rng.randint(low, min(most, low + 3))):
                    yield from self._sample(inner, rng, depth)

    def _weight(self, option: tuple[Node, ...]) -> int:
        return sum(isinstance(part, Name | Choice) for part in option)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def choice(self) -> Choice:
        options = [self._sequence()]
        while self._skip("|"):
            options.append(self._sequence())
        return Choice(tuple(options))

    def _sequence(self) -> tuple[Node, ...]:
        nodes: list[Node] = []
        self._blank()
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            nodes += self._times(self._atom())
            self._blank()
        return tuple(nodes)

    def _times(self, node: Node) -> list[Node]:
        if self.text[self.at : self.at + 1] in _SIMPLE and self.at < len(self.text):
            low, high = _SIMPLE[self.text[self.at]]
            self.at += 1
        elif found := _TIMES.match(self.text, self.at):
            self.at = found.end()
            low = int(found[1])
            high = int(found[3]) if found[3] else None if found[2] else low
        else:
            return [node]
        assert low <= LONGEST
        assert high is None or low <= high <= LONGEST, self.text
        return [Repeated(node, low, high)]

    def _atom(self) -> Node:
        if self._skip("("):
            inner = self.choice()
            assert self._skip(")"), self.text[self.at :]
            return inner
        if self._skip('"'):
            characters: list[Node] = []
            while not self._skip('"', blank=False):
                code = self._code()
                characters.append(Characters(((code, code),)))
            return Choice((tuple(characters),))
        if self._skip("["):
            return self._class()
        if found := _TOKEN.match(self.text, self.at):
            self.at = found.end()
            number = int(found[1])
            text = token(number) if number >= FIRST_SPECIAL else load_encoding().decode([number])
            return Choice((tuple(Characters(((ord(c), ord(c)),)) for c in text),))
        found = _NAME.match(self.text, self.at)
        assert found, self.text[self.at :]
        self.at = found.end()
        return Name(found.group())

    def _class(self) -> Characters:
        negated = self._skip("^", blank=False)
        ranges: list[tuple[int, int]] = []
        while not self._skip("]", blank=False):
            low = high = self._code()
            if self.text[self.at] == "-" and self.text[self.at + 1] != "]":
                self.at += 1
                high = self._code()
            ranges.append((low, high))
        return Characters(tuple(ranges), negated)

    def _code(self) -> int:
        character = self.text[self.at]
        self.at += 1
        if character != "\\":
            return ord(character)
        kind = self.text[self.at]
        self.at += 1
        if kind in "xuU":
            digits = {"x": 2, "u": 4, "U": 8}[kind]
            self.at += digits
            return int(self.text[self.at - digits : self.at], 16)
        if kind in "trn":
            return ord({"t": "\t", "r": "\r", "n": "\n"}[kind])
        assert kind in '\\"[]', f"llama.cpp knows no \\{kind}"
        return ord(kind)

    def _skip(self, character: str, *, blank: bool = True) -> bool:
        if blank:
            self._blank()
        found = self.text.startswith(character, self.at)
        self.at += found
        return found

    def _blank(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1
