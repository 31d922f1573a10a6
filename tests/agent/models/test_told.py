"""What the SDK's own tracing is told of requests and runs."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from agents import (
    Agent,
    GenerationSpanData,
    RunConfig,
    Runner,
    TracingProcessor,
    set_trace_processors,
    set_tracing_disabled,
)
from agents.tracing.processors import default_processor

from fakes.completions import ANSWER, SEARCH, SECRET, THINK
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, HarmonyModel, KnowledgeBase, Settings
from ossifrage.agent.errors import EngineUnreachableError, UsageError

PLAIN = THINK + "<|channel|>final<|message|>Hello there.<|return|>"


class Watching(TracingProcessor):
    """Keeps every span, as an exporter would see it."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def on_trace_start(self, trace: Any) -> None: ...

    def on_trace_end(self, trace: Any) -> None: ...

    def on_span_start(self, span: Any) -> None: ...

    def on_span_end(self, span: Any) -> None:
        self.spans.append(span)

    def shutdown(self) -> None: ...

    def force_flush(self) -> None: ...

    @property
    def generations(self) -> list[Any]:
        return [span for span in self.spans if isinstance(span.span_data, GenerationSpanData)]

    @property
    def text(self) -> str:
        return "\n".join(repr(span.export()) for span in self.spans)


@pytest.fixture
def watching() -> Generator[Watching, None, None]:
    processor = Watching()
    set_trace_processors([processor])
    set_tracing_disabled(False)
    yield processor
    set_trace_processors([])


async def test_a_request_is_told_without_thoughts(watching: Watching) -> None:
    agent = Agent(name="a", model=HarmonyModel(ScriptedEngine([PLAIN])))
    first = await Runner.run(agent, "Say hello.")
    agent.model = HarmonyModel(ScriptedEngine([PLAIN]))
    await Runner.run(agent, [*first.to_input_list(), {"role": "user", "content": "Again."}])
    one, two = (span.span_data for span in watching.generations)
    assert one.model == "scripted-gpt-oss"
    assert one.input == [{"role": "user", "content": "Say hello."}]
    assert one.output[0]["content"][0]["text"] == "Hello there."
    assert one.usage["output_tokens"] > 0
    assert [row.get("role") for row in two.input] == ["user", "assistant", "user"]
    assert SECRET not in watching.text
    assert "harmony_tokens" not in watching.text


async def test_an_app_that_wants_no_data_gets_none(watching: Watching) -> None:
    agent = Agent(name="a", model=HarmonyModel(ScriptedEngine([PLAIN])))
    await Runner.run(agent, "Say hello.", run_config=RunConfig(trace_include_sensitive_data=False))
    (span,) = watching.generations
    assert (span.span_data.input, span.span_data.output) == (None, None)
    assert span.span_data.usage["input_tokens"] > 0
    assert "hello" not in watching.text.casefold()


async def test_an_error_is_told(watching: Watching) -> None:
    agent = Agent(name="a", model=HarmonyModel(ScriptedEngine([EngineUnreachableError("gone away")])))
    with pytest.raises(EngineUnreachableError):
        await Runner.run(agent, "Say hello.")
    (span,) = watching.generations
    assert span.error == {"message": "gone away", "data": None}


async def test_an_assistant_is_seen_when_it_is_asked_for(
    watching: Watching, birds: KnowledgeBase, tmp_path: Path
) -> None:
    engine = ScriptedEngine([SEARCH, ANSWER])
    async with Assistant(Settings(home=tmp_path), knowledge=birds, engine=engine, tracing=True) as assistant:
        await assistant.run("What does it eat?")
    assert len(watching.generations) == 2
    assert "What does it eat?" in watching.text
    assert "feeds on bones" in watching.text
    assert SECRET not in watching.text


async def test_nothing_is_uploaded_unasked(birds: KnowledgeBase, tmp_path: Path) -> None:
    set_trace_processors([default_processor()])
    set_tracing_disabled(False)
    try:
        engine = ScriptedEngine([ANSWER])
        settings = Settings(home=tmp_path)
        async with Assistant(settings, knowledge=birds, engine=engine, tracing=True) as assistant:
            with pytest.raises(UsageError, match="set_trace_processors"):
                await assistant.run("What does it eat?")
        assert engine.prompts == []
    finally:
        set_trace_processors([])


async def test_no_reasoning_is_kept_where_it_is_not_wanted(birds: KnowledgeBase, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, record_reasoning=False)
    async with Assistant(settings, knowledge=birds, engine=ScriptedEngine([SEARCH, ANSWER])) as assistant:
        await assistant.run("What does it eat?")
    files = {path.name for path in settings.home.glob("*.db*")}
    assert files == {"traces.db"}
    assert SECRET.encode() not in (tmp_path / "traces.db").read_bytes()
