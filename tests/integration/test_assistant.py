"""The whole assistant over a real llama.cpp: a random model, held to well-formed turns by a grammar."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ossifrage import Answer, Assistant, KnowledgeBase, Settings
from ossifrage.agent.answer import StopReason
from ossifrage.agent.engines import Chunk, Constraint, Sampling
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.traces import ModelCalled, Thought, ToolCalled, ToolReturned, TraceStore
from ossifrage.tools.pages import parse_pages

pytestmark = pytest.mark.integration

THINK = r"""
root ::= <[200005]> "analysis" <[200008]> [a-z ]{1,40} <[200007]> <[200006]> "assistant" <[200005]> action
"""
SEARCH = (
    THINK
    + r"""
action ::= "commentary to=functions.search " <[200003]> "json" <[200008]> "{\"queries\":[\"" word "\"]}"
word ::= "bones" | "vulture" | "kite"
"""
)
ANSWER = (
    THINK
    + r"""
action ::= "final" <[200008]> "{\"answer\":\"" [a-z ]{1,60} "【0†L1】\"}"
"""
)


@dataclass
class HeldEngine:
    """A real engine whose completions follow one grammar after the other."""

    engine: LlamaServerEngine
    grammars: list[str]
    prompts: list[list[int]] = field(default_factory=list[list[int]])
    completions: list[list[int]] = field(default_factory=list[list[int]])

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def model(self) -> str:
        return self.engine.model

    @property
    def context_window(self) -> int:
        return self.engine.context_window

    @property
    def constraint(self) -> Constraint:
        return "none"  # its grammars are these

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        grammar = self.grammars[len(self.prompts)]
        self.prompts.append(list(prompt))
        self.completions.append([])
        async for chunk in self.engine.generate(prompt, replace(sampling, grammar=grammar)):
            self.completions[-1] += chunk.tokens
            yield chunk

    async def close(self) -> None:
        await self.engine.close()


async def test_random_model_searches_and_answers(llama_url: str, birds: KnowledgeBase, home: Path) -> None:
    engine = HeldEngine(await LlamaServerEngine.open(base_url=llama_url), [SEARCH, SEARCH, ANSWER])
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine) as assistant:
        result = await assistant.run("What does the bearded vulture eat?")

    assert isinstance(result.output, Answer)
    assert result.stop_reason is StopReason.ANSWERED
    assert result.output.answer.endswith("[1]")
    assert result.citations[0].verified
    with TraceStore(home) as store:
        events = store.load(result.trace_id).events
    assert [event.tool for event in events if isinstance(event, ToolCalled)] == ["search", "search"]
    returned = [event for event in events if isinstance(event, ToolReturned)]
    assert parse_pages(returned[0].output)[0].source.startswith("birds/")
    assert len([event for event in events if isinstance(event, Thought)]) == 3

    # Within a question each prompt begins with the one before it and the completion, so the server's prefix
    # cache holds all but the last token (a stop token is sampled, never read).
    calls = [event for event in events if isinstance(event, ModelCalled)]
    for index in (1, 2):
        before = engine.prompts[index - 1] + engine.completions[index - 1][:-1]
        assert engine.prompts[index][: len(before)] == before
        assert (calls[index].cached_tokens or 0) >= len(before) - 1


async def test_auto_finds_the_server_and_says_so(llama_url: str, birds: KnowledgeBase, home: Path) -> None:
    settings = Settings(home=home, base_url=llama_url)
    async with Assistant(settings, knowledge=birds) as assistant:
        _, model = await assistant.open()
    assert model.engine == "llama-server"
    assert model.why == f"Model: llama.cpp answers at {llama_url} with tiny-gpt-oss."
