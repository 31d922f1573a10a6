"""GBNF and xgrammar's dialect, read and played back: what a grammar accepts, and samples of it.

Written from llama.cpp's grammars/README.md. A control token is one lone surrogate here, which no
text holds; another token is its text.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.harmony.grammar.rules import Rules
from ossifrage.agent.harmony.grammar.schema import SchemaRules
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

_TOKEN = re.compile(r"<\[(\d+)\]>|Token\((\d+)\)")
_NO_TOKEN = re.compile(r"ExcludeToken\([\d, ]+\)")
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


class Frame:
    """What is still to come: a node, and then what comes after it."""

    __slots__ = ("node", "then")

    def __init__(self, node: Node, then: Frame | None) -> None:
        self.node, self.then = node, then


class Grammar:
    """A grammar, played as llama.cpp plays it: a set of stacks, advanced character by character."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Node] = {}
        self._frames: dict[tuple[int, int], Frame] = {}
        self._counted: dict[tuple[int, int, int | None], Repeated] = {}
        self._checked: set[str] = set()
        self._heights: dict[str, float] = {}
        for line in text.splitlines():
            name, separator, expression = line.partition(" ::= ")
            assert separator, line
            assert name not in self.rules, f"{name} is defined twice"
            reader = _Reader(expression)
            self.rules[name] = reader.choice()
            assert reader.at == len(expression), expression[reader.at :]
        self._nullable = self._find_nullable()
        for name in self.rules:
            self._check_left(name, ())

    def accepts(self, text: str) -> bool:
        stacks: set[Frame | None] = {self._frame(Name("root"), None)}
        for character in text:
            stacks = {
                frame.then
                for frame in self._open(stacks)
                if frame is not None and isinstance(frame.node, Characters) and frame.node.takes(character)
            }
            if not stacks:
                return False
        return None in self._open(stacks)

    def sample(self, rng: random.Random, *, longest: int = 400) -> str:
        """A text; after ``longest`` nodes the shortest way out is taken."""
        written: list[str] = []
        pending: list[Node] = [Name("root")]
        steps = 0
        while pending:
            node = pending.pop()
            steps += 1
            match node:
                case Characters():
                    written.append(node.sample(rng))
                case Name(rule):
                    pending.append(self.rules[rule])
                case Choice(options):
                    option = rng.choice(options) if steps < longest else min(options, key=self._size)
                    pending += reversed(option)
                case Repeated(inner, low, high):
                    most = low + 3 if high is None else high
                    pending += [inner] * (rng.randint(low, min(most, low + 3)) if steps < longest else low)
        return "".join(written)

    def _frame(self, node: Node, then: Frame | None) -> Frame:
        return self._frames.setdefault((id(node), id(then)), Frame(node, then))

    def _rest(self, node: Repeated) -> Repeated:
        low, high = max(node.low - 1, 0), None if node.high is None else node.high - 1
        return self._counted.setdefault((id(node.node), low, high), Repeated(node.node, low, high))

    def _open(self, stacks: set[Frame | None]) -> set[Frame | None]:
        """The stacks with a character on top, or nothing at all."""
        seen: set[Frame | None] = set()
        pending = list(stacks)
        found: set[Frame | None] = set()
        while pending:
            frame = pending.pop()
            if frame in seen:
                continue
            seen.add(frame)
            if frame is None or isinstance(frame.node, Characters):
                found.add(frame)
                continue
            match frame.node:
                case Name(rule):
                    pending.append(self._frame(self.rules[rule], frame.then))
                case Choice(options):
                    for option in options:
                        then = frame.then
                        for part in reversed(option):
                            then = self._frame(part, then)
                        pending.append(then)
                case Repeated(inner, low, high):
                    if low == 0:
                        pending.append(frame.then)
                    if high is None or high > 0:
                        rest = self._rest(frame.node)
                        pending.append(self._frame(inner, self._frame(rest, frame.then)))
        return found

    def _check_left(self, name: str, above: tuple[str, ...]) -> None:
        """llama.cpp refuses a rule that begins with itself."""
        assert name not in above, f"{name} begins with itself"
        if name not in self._checked:
            for first in self._firsts(self.rules[name]):
                self._check_left(first, (*above, name))
            self._checked.add(name)

    def _firsts(self, node: Node) -> Iterator[str]:
        match node:
            case Name(rule):
                yield rule
            case Choice(options):
                for option in options:
                    for part in option:
                        yield from self._firsts(part)
                        if not self._empty(part, self._nullable):
                            break
            case Repeated(inner, _, high):
                assert high is not None or not self._empty(inner, self._nullable), "a loop over nothing"
                yield from self._firsts(inner)
            case _:
                pass

    def _find_nullable(self) -> set[str]:
        """The rules that may stand for nothing."""
        found: set[str] = set()
        while True:
            more = {
                name for name, node in self.rules.items() if name not in found and self._empty(node, found)
            }
            if not more:
                return found
            found |= more

    def _empty(self, node: Node, nullable: set[str]) -> bool:
        match node:
            case Characters():
                return False
            case Name(rule):
                return rule in nullable
            case Choice(options):
                return any(all(self._empty(part, nullable) for part in option) for option in options)
            case Repeated(inner, low, _):
                return low == 0 or self._empty(inner, nullable)

    def _size(self, option: tuple[Node, ...]) -> float:
        """About how much the shortest text of an option takes."""
        if not self._heights:
            self._find_heights()
        return sum(self._height(part) for part in option)

    def _find_heights(self) -> None:
        self._heights.update(dict.fromkeys(self.rules, math.inf))
        for _ in self.rules:
            found = {name: 1 + self._height(node) for name, node in self.rules.items()}
            if found == self._heights:
                return
            self._heights.update(found)

    def _height(self, node: Node) -> float:
        match node:
            case Characters():
                return 1
            case Name(rule):
                return self._heights[rule]
            case Choice(options):
                return min(sum(self._height(part) for part in option) for option in options)
            case Repeated(inner, low, _):
                return low * self._height(inner) if low else 0


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
            number = int(found[1] or found[2])
            text = token(number) if number >= FIRST_SPECIAL else load_encoding().decode([number])
            return Choice((tuple(Characters(((ord(c), ord(c)),)) for c in text),))
        if found := _NO_TOKEN.match(self.text, self.at):
            self.at = found.end()
            return Characters((), negated=True)
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


def schema_grammar(schema: Mapping[str, Any] | bool) -> Grammar:
    """What a final message of ``schema`` may be."""
    rules = Rules("gbnf")
    rules.reserve("root")
    rules.define("root", SchemaRules(rules, schema, prefix="v").root())
    return Grammar(str(rules))
