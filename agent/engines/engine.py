"""What an engine is: token ids in, token ids out, as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ..errors import EngineResponseError
from ..harmony.vocabulary import CALL, RETURN

FinishReason = Literal["stop", "length"]
"""Why generation ended: a stop token (or the end of a grammar), or ``max_tokens``."""


STOP_TOKENS = (RETURN, CALL)
"""``<|return|>`` and ``<|call|>``: they end an assistant's action. ``<|end|>`` only ends a message, and
the model may go on."""
_BEYOND = 16
"""Tokens beyond ``max_tokens`` that are no harm: servers count the stop token differently."""

Constraint = Literal["gbnf", "xgrammar", "none"]
"""The grammars with token literals that an engine can be held to, from the first token of a completion on.

``gbnf``: llama.cpp's, where a token is ``<[200005]>``.
``xgrammar``: where it is ``Token(200005)``.
``none``: none.
"""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to sample. The defaults are the ones gpt-oss was released with (openai/gpt-oss README)."""

    max_tokens: int
    """Most tokens to generate. Always sent: vLLM's own default is 16."""
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    grammar: str | None = None
    """A grammar for the completion, of the kind that :attr:`Engine.constraint` names. It ends before the stop
    token."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Some more of a completion.

    A stop token, when the server reports it, is the last of ``tokens``.
    """

    tokens: Sequence[int] = ()
    finish_reason: FinishReason | None = None
    """Set on the last chunk, and only there."""
    cached_tokens: int | None = None
    """Prompt tokens the server took from its cache; on the last chunk, where the server says."""
    tries: int = 1
    """How often the server was asked until this came; on the first chunk."""


class Counted:
    """Counts the tokens of one completion.

    Args:
        address: the server, for messages.
        max_tokens: most tokens that were asked for.
    """

    def __init__(self, address: str, max_tokens: int) -> None:
        self._address = address
        self._max_tokens = max_tokens
        self._count = 0

    def add(self, tokens: Sequence[int]) -> Sequence[int]:
        """``tokens``, counted.

        Raises:
            EngineResponseError: there are more than were asked for, by so much that it is no stop token.
        """
        self._count += len(tokens)
        if self._count > self._max_tokens + _BEYOND:
            raise EngineResponseError(
                f"{self._address} sends more than the {self._max_tokens} tokens it was asked for: is it the "
                "server that --engine names?"
            )
        return tokens


class Engine(Protocol):
    """Where tokens come from.

    One engine serves many runs at a time; it holds no state of a conversation.
    """

    @property
    def name(self) -> str:
        """The engine's kind, as in ``--engine``: ``vllm``, ``llama-server``, ``extractive``."""
        ...

    @property
    def model(self) -> str:
        """The model's name as the server gives it."""
        ...

    @property
    def context_window(self) -> int:
        """Most tokens of prompt and completion together."""
        ...

    @property
    def constraint(self) -> Constraint:
        """What it can be held to."""
        ...

    def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """Stream the completion of ``prompt``; ends after the chunk with a ``finish_reason``.

        Generation stops at the end of an assistant action (``<|return|>`` or ``<|call|>``). Closing the
        generator early (``aclose``, or cancelling the task) stops the generation on the server too.

        Raises:
            EngineError: the server is not reachable, refuses, or does not send tokens.
        """
        ...

    async def close(self) -> None:
        """Close connections. Safe to call twice."""
        ...
