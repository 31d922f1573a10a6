"""Limits of every tool, in runs of an assistant: users' tools and the built-in ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from agents import FunctionTool, RunContextWrapper, SQLiteSession, Tool, ToolOutputText, function_tool
from agents.tool_context import ToolContext

from fakes.completions import ANSWER, SEARCH, UNCITED, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Result, Settings
from ossifrage.agent.answer import StopReason
from ossifrage.agent.errors import UsageError
from ossifrage.agent.run.stream import StreamItem
from ossifrage.agent.traces import ToolCalled, ToolReturned, TraceStore
from ossifrage.tools.guarded import OUTPUT_LIMIT, cut_output

SECRET = "password=hunter2"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home, tool_seconds=0.3)


def raw_tool(name: str, invoke: Any, **more: Any) -> FunctionTool:
    return FunctionTool(
        name=name, description="A tool.", params_json_schema=SCHEMA, on_invoke_tool=invoke, **more
    )


async def returned(
    tool: Tool, birds: KnowledgeBase, settings: Settings, **arguments: Any
) -> tuple[ToolReturned, str]:
    """How a call of the tool went, and the prompt after it; the run goes on, and another question works."""
    engine = ScriptedEngine([call(tool.name, **arguments), UNCITED, UNCITED])
    session = SQLiteSession("s")
    async with Assistant(settings, knowledge=birds, engine=engine, tools=[tool]) as assistant:
        result = await assistant.run("What?", session=session)
        assert result.stop_reason is StopReason.ANSWERED
        await assistant.run("Sure?", session=session)
    session.close()
    with TraceStore(settings.home) as store:
        events = store.load(result.trace_id).events
    (event,) = [event for event in events if isinstance(event, ToolReturned)]
    return event, engine.prompt_text(1)


async def _sleep(context: ToolContext[Any], raw: str) -> str:
    await asyncio.sleep(60)
    return "too late"


async def _ignore_the_end(context: ToolContext[Any], raw: str) -> str:
    for _ in range(10):
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            continue
    return "too late"


@function_tool
def block() -> str:
    """Block a thread."""
    time.sleep(1.5)
    return "too late"


@function_tool(timeout=0.1)
async def own_limit() -> str:
    """Take long."""
    await asyncio.sleep(60)
    return "too late"


@function_tool(timeout=0.1, timeout_error_function=lambda context, error: "Own words.")
async def own_words() -> str:
    """Take long."""
    await asyncio.sleep(60)
    return "too late"


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        pytest.param(raw_tool("sleep", _sleep), "longer than 0.3 seconds", id="async"),
        pytest.param(raw_tool("deaf", _ignore_the_end), "longer than 0.3 seconds", id="deaf to its end"),
        pytest.param(block, "longer than 0.3 seconds", id="in a thread"),
        pytest.param(own_limit, "longer than 0.1 seconds", id="own limit"),
        pytest.param(own_words, "Own words.", id="own words"),
    ],
)
async def test_a_tool_that_takes_too_long(
    tool: Tool, told: str, birds: KnowledgeBase, settings: Settings
) -> None:
    event, prompt = await returned(tool, birds, settings)
    assert event.error
    assert "took longer than" in event.summary
    assert told in event.output
    assert told in prompt
    assert "too late" not in prompt


async def test_a_tool_in_time_is_left_alone(birds: KnowledgeBase, settings: Settings) -> None:
    @function_tool
    async def quick() -> str:
        """Be quick."""
        await asyncio.sleep(0.01)
        return "6 kg"

    event, _ = await returned(quick, birds, settings)
    assert (event.output, event.summary, event.error) == ("6 kg", "6 kg", False)


async def test_the_built_in_tools_have_the_limit_too(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([SEARCH, ANSWER, ANSWER])
    settings = Settings(home=home, tool_seconds=1e-6)
    async with Assistant(settings, knowledge=birds, engine=engine) as assistant:
        result = await assistant.run("What?")
    assert "search took longer than 1e-06 seconds" in engine.prompt_text(1)
    with TraceStore(home) as store:
        (event,) = [each for each in store.load(result.trace_id).events if isinstance(each, ToolReturned)]
    assert event.error


async def _fail(context: ToolContext[Any], raw: str) -> str:
    raise RuntimeError(SECRET)


@function_tool
def broken() -> str:
    """Break."""
    raise ValueError(SECRET)


@function_tool(failure_error_function=lambda context, error: "Ask for a smaller bird.")
def explained() -> str:
    """Break and say why."""
    raise ValueError(SECRET)


@pytest.mark.parametrize(
    ("tool", "told", "summary"),
    [
        pytest.param(raw_tool("fail", _fail), "fail failed: RuntimeError", "failed: RuntimeError", id="raw"),
        pytest.param(broken, "broken failed: ValueError", "failed: ValueError", id="decorated"),
        pytest.param(explained, "Ask for a smaller bird.", "failed: ValueError", id="own words"),
    ],
)
async def test_a_tool_that_raises_is_an_error_and_the_run_goes_on(
    tool: Tool,
    told: str,
    summary: str,
    birds: KnowledgeBase,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    event, prompt = await returned(tool, birds, settings)
    assert event.error
    assert event.summary == summary
    assert told in prompt
    assert SECRET not in prompt
    assert SECRET not in event.model_dump_json()
    assert SECRET not in caplog.text


async def test_arguments_that_do_not_fit(birds: KnowledgeBase, settings: Settings) -> None:
    @function_tool
    def weigh(bird: str) -> str:
        """Weigh a bird."""
        return f"{bird}: 6 kg"

    event, prompt = await returned(weigh, birds, settings, bird=["vulture"])
    assert event.error
    assert event.summary == "arguments not valid"
    assert "The call to weigh was not carried out" in prompt


async def test_a_tool_that_wants_to_end_the_run_does(birds: KnowledgeBase, settings: Settings) -> None:
    @function_tool(failure_error_function=None)
    def stop() -> str:
        """Stop everything."""
        raise ValueError(SECRET)

    engine = ScriptedEngine([call("stop"), UNCITED])
    items: list[StreamItem] = []

    async def watch() -> None:
        async with Assistant(settings, knowledge=birds, engine=engine, tools=[stop]) as assistant:
            async for item in assistant.run_stream("What?"):
                items.append(item)

    with pytest.raises(Exception, match="stop"):
        await watch()
    (event,) = [item for item in items if isinstance(item, ToolReturned)]
    assert event.error
    with TraceStore(settings.home) as store:
        trace = store.load("last")
    assert SECRET not in trace.model_dump_json()
    assert trace.ended is not None
    assert trace.ended.stop_reason == "failed"


@function_tool
def shout() -> str:
    """Say a lot."""
    return "wäre " * 400_000


@function_tool
def listed() -> list[str]:
    """List a lot."""
    return ["bird"] * 400_000


async def _structured(context: ToolContext[Any], raw: str) -> list[ToolOutputText]:
    return [ToolOutputText(text="bird " * 500_000)]


async def _one_part(context: ToolContext[Any], raw: str) -> ToolOutputText:
    return ToolOutputText(text="bird " * 500_000)


async def _as_a_dictionary(context: ToolContext[Any], raw: str) -> dict[str, str]:
    return {"type": "text", "text": "bird " * 500_000}


@pytest.mark.parametrize(
    "tool",
    [
        shout,
        listed,
        raw_tool("structured", _structured),
        raw_tool("one_part", _one_part),
        raw_tool("as_a_dictionary", _as_a_dictionary),
    ],
    ids=["text", "list", "structured", "one part", "dictionary"],
)
async def test_an_output_over_a_megabyte_is_cut(tool: Tool, birds: KnowledgeBase, settings: Settings) -> None:
    engine = ScriptedEngine([call(tool.name), UNCITED], context_window=10_000_000)
    async with Assistant(settings, knowledge=birds, engine=engine, tools=[tool]) as assistant:
        result = await assistant.run("What?")
    with TraceStore(settings.home) as store:
        (event,) = [each for each in store.load(result.trace_id).events if isinstance(each, ToolReturned)]
    note = f"The output of {tool.name} was longer than {OUTPUT_LIMIT} bytes: the rest was left out."
    assert len(event.output.encode()) <= OUTPUT_LIMIT + 100
    assert note in event.output
    assert note in engine.prompt_text(1)
    assert len(engine.prompt_text(1).encode()) < OUTPUT_LIMIT + 50_000
    assert not event.error


@pytest.mark.parametrize("text", ["a" * OUTPUT_LIMIT, "ä" * (OUTPUT_LIMIT // 2), "🦅" * (OUTPUT_LIMIT // 4)])
def test_an_output_is_cut_only_above_the_limit(text: str) -> None:
    assert cut_output(text, "t") == text
    cut = cut_output(text + "b", "t")
    assert cut != text + "b"
    assert OUTPUT_LIMIT - 4 < len(cut.encode()) <= OUTPUT_LIMIT


def test_the_limit_is_a_million_bytes() -> None:
    assert OUTPUT_LIMIT == 1_000_000


def test_text_that_no_file_can_hold_is_cut_all_the_same() -> None:
    assert len(cut_output("\ud800" * OUTPUT_LIMIT * 2, "t")) <= OUTPUT_LIMIT


@pytest.mark.parametrize("name", ["search", "open", "find", "list_sources"])
def test_a_tool_cannot_take_the_name_of_a_built_in(name: str, settings: Settings) -> None:
    with pytest.raises(UsageError, match=f"a tool called {name} already"):
        Assistant(settings, tools=[raw_tool(name, _fail)])


def test_two_tools_cannot_have_one_name(settings: Settings) -> None:
    with pytest.raises(UsageError, match="a tool called weigh already"):
        Assistant(settings, tools=[raw_tool("weigh", _fail), raw_tool("weigh", _sleep)])


def test_the_users_tool_stays_what_it_is(settings: Settings) -> None:
    tool = raw_tool("sleep", _sleep)
    Assistant(settings, tools=[tool])
    Assistant(settings, tools=[tool])
    assert (tool.on_invoke_tool, tool.timeout_seconds) == (_sleep, None)


async def test_leaving_the_stream_stops_a_tool(birds: KnowledgeBase, home: Path) -> None:
    ended: list[str] = []

    async def wait(context: RunContextWrapper[Any], raw: str) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("stopped")
        return "too late"

    engine = ScriptedEngine([call("wait")])
    tool = raw_tool("wait", wait)
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine, tools=[tool]) as assistant:
        stream = assistant.run_stream("What?")
        async for item in stream:
            if isinstance(item, ToolCalled):
                break
        await asyncio.sleep(0.1)
        await stream.aclose()
        await asyncio.sleep(0.1)
    assert ended == ["stopped"]
    with TraceStore(home) as store:
        assert store.list()[0].stop_reason == "cancelled"


async def test_cancelling_a_run_stops_a_tool(birds: KnowledgeBase, home: Path) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(context: RunContextWrapper[Any], raw: str) -> str:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return "too late"

    engine = ScriptedEngine([call("wait")])
    tools: Sequence[Tool] = [raw_tool("wait", wait)]
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine, tools=tools) as assistant:
        run: asyncio.Task[Result] = asyncio.create_task(assistant.run("What?"))
        await begun.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await asyncio.wait_for(ended.wait(), 5)
