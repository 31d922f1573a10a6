"""An engine that begins to answer and then waits, until it is let go on or given up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from ossifrage.agent.engines.engine import Chunk, Constraint, Sampling
from ossifrage.agent.harmony import load_encoding

BEGIN = "<|channel|>analysis<|message|>Slowly.<|end|><|start|>assistant<|channel|>final<|message|>So far"


@dataclass
class WaitingEngine:
    context_window: int = 131_072
    name: str = "waiting"
    model: str = "waiting-gpt-oss"
    constraint: Constraint = "none"
    go_on: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    """A generation was given up."""
    generations: int = 0

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        del prompt, sampling
        self.generations += 1
        encoding = load_encoding()
        whole = False
        try:
            yield Chunk(tokens=encoding.encode(BEGIN, allowed_special="all"))
            self.begun.set()
            while not self.go_on.is_set():  # noqa: ASYNC110  # set by another thread
                await asyncio.sleep(0.01)
            yield Chunk(tokens=encoding.encode(", so good.<|return|>", allowed_special="all"))
            whole = True
            yield Chunk(finish_reason="stop")
        finally:
            if not whole:
                self.ended.set()

    async def close(self) -> None:
        return
