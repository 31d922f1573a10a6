"""What a turn is held to, on engines that can be."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ..engines.engine import Engine, Sampling
from ..errors import EngineResponseError
from ..harmony.grammar import Notation, only_token, turn_grammar
from ..harmony.vocabulary import START

__all__ = ["TurnConstraint", "can_be_held"]

Schema = Mapping[str, Any]

_BEGUN = (START, 173781)
"""``<|start|>assistant``."""
_UNLIKELY = 12606
"""Half of the word ``commentary``."""
_BUSY = frozenset({408, 429, 502, 503, 504})


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


async def can_be_held(engine: Engine) -> bool:
    """Whether the engine's server holds a completion to a grammar that names tokens, from its first token on.

    It is asked for one token that no message begins with, since no version tells: llama.cpp could not name
    tokens at first, which library reads vLLM's grammars is a setting, and where reasoning is parsed vLLM has
    long let a completion run free up to the final message (vllm-project/vllm#57726).

    Raises:
        EngineError: the server is not reachable, or busy.
    """
    if engine.constraint == "none":
        return False
    sampling = Sampling(max_tokens=1, grammar=only_token(_UNLIKELY, engine.constraint))
    said: list[int] = []
    try:
        async with aclosing(engine.generate(_BEGUN, sampling)) as chunks:
            async for chunk in chunks:
                said += chunk.tokens
    except EngineResponseError as error:
        if error.status in _BUSY:
            raise
        return False
    return said[:1] == [_UNLIKELY]


@functools.lru_cache(maxsize=64)
def _grammar(functions: str, output: str, notation: Notation, answer: bool) -> str:
    offered = list(json.loads(functions).items())
    return turn_grammar(offered, json.loads(output), notation=notation, answer=answer)
