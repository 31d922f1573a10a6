"""An engine that answers with scripted completions and remembers the prompts it was given."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from ossifrage.agent.engines.engine import Chunk, Constraint, Sampling
from ossifrage.agent.harmony import load_encoding


@dataclass
class ScriptedEngine:
    """Plays completions written as harmony text (special tokens as text) or as token ids."""

    completions: list[str | list[int] | Exception]
    chunk_size: int = 3
    context_window: int = 131_072
    name: str = "scripted"
    model: str = "scripted-gpt-oss"
    constraint: Constraint = "none"
    holds: bool = True
    """Whether a grammar is obeyed from the first token on."""
    finish_reason: str = "stop"
    prompts: list[list[int]] = field(default_factory=list[list[int]])
    samplings: list[Sampling] = field(default_factory=list[Sampling])
    closed_early: int = 0
    closed: bool = False

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        if only := re.fullmatch(r"root ::= (?:<\[|Token\()(\d+)(?:\]>|\))\n", sampling.grammar or ""):
            yield Chunk(tokens=[int(only[1])] if self.holds else [200005], finish_reason="length")
            return
        self.prompts.append(list(prompt))
        self.samplings.append(sampling)
        completion = self.completions.pop(0)
        if isinstance(completion, Exception):
            raise completion
        tokens = completion
        if isinstance(tokens, str):
            tokens = load_encoding().encode(tokens, allowed_special="all")
        cut = tokens[: sampling.max_tokens]
        finished = False
        try:
            for start in range(0, len(cut), self.chunk_size):
                await asyncio.sleep(0)  # as a server would, lets others run
                yield Chunk(tokens=cut[start : start + self.chunk_size])
            reason = "length" if len(cut) < len(tokens) else self.finish_reason
            finished = True
            yield Chunk(finish_reason=reason, cached_tokens=0)  # type: ignore[arg-type]
        finally:
            self.closed_early += not finished

    async def close(self) -> None:
        self.closed = True

    def prompt_text(self, index: int = -1) -> str:
        return load_encoding().decode(self.prompts[index])
