"""What a turn is held to, on engines that can be."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..harmony.grammar import Bounds, body_grammar, turn_grammar
from ..harmony.header import Header

__all__ = ["TurnConstraint"]

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class TurnConstraint:
    """The functions that may be called and what the answer has to be, as grammars.

    Grammars are kept, so that a run of many steps makes each of them once.
    """

    functions: Mapping[str, Schema]
    """Parameter schemas, by the name the model sees."""
    output: Schema | None
    """The answer's schema; None for plain text."""
    bounds: Bounds
    answer: bool = True
    """Whether the turn may end in an answer; else it ends in a call."""

    @property
    def turn(self) -> str:
        """For the whole turn."""
        return _turn(json.dumps(self.functions), json.dumps(self.output), self.bounds, self.answer)

    def body(self, header: Header) -> str | None:
        """For the body that follows ``header``; None where it is free."""
        if header.role != "assistant":
            return None
        if header.recipient is not None:
            parameters = self.functions.get(header.recipient.removeprefix("functions."))
            return None if parameters is None else _body(json.dumps(parameters), self.bounds)
        if header.channel == "final" and self.output is not None:
            return _body(json.dumps(self.output), self.bounds)
        return None


@functools.lru_cache(maxsize=64)
def _turn(functions: str, output: str, bounds: Bounds, answer: bool) -> str:
    offered = list(json.loads(functions).items())
    return turn_grammar(offered, json.loads(output), bounds=bounds, answer=answer)


@functools.lru_cache(maxsize=64)
def _body(schema: str, bounds: Bounds) -> str:
    return body_grammar(json.loads(schema), bounds=bounds)
