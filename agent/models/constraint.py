"""What a turn is held to, on engines that can be."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..harmony.grammar import Notation, turn_grammar

__all__ = ["TurnConstraint"]

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class TurnConstraint:
    """The functions that may be called and what the answer has to be."""

    functions: Mapping[str, Schema]
    """Parameter schemas, by the name the model sees."""
    output: Schema | None
    """The answer's schema; None for plain text."""
    answer: bool = True
    """Whether the turn may end in an answer; else it ends in a call."""

    def grammar(self, notation: Notation) -> str:
        """The grammar of the whole turn; kept, so that a run of many steps makes it once."""
        return _grammar(json.dumps(self.functions), json.dumps(self.output), notation, self.answer)


@functools.lru_cache(maxsize=64)
def _grammar(functions: str, output: str, notation: Notation, answer: bool) -> str:
    offered = list(json.loads(functions).items())
    return turn_grammar(offered, json.loads(output), notation=notation, answer=answer)
