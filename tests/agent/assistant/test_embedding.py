"""What an app brings along: its own context, hooks, guardrails, agents and MCP servers."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunConfig,
    RunContextWrapper,
    RunHooks,
    Runner,
    Tool,
    function_tool,
    input_guardrail,
    output_guardrail,
)
from agents.mcp import MCPServerStdio
from pydantic import BaseModel

from fakes.completions import ANSWER, FINAL, SEARCH, UNCITED, call
from fakes.late_server import LateServer
from fakes.scripted_engine import ScriptedEngine
from ossifrage import (
    Answer,
    Assistant,
    Filters,
    GuardrailError,
    GuardrailTripped,
    HarmonyModel,
    Instructions,
    KnowledgeBase,
    Limits,
    Result,
    Settings,
    StopReason,
    ToolReturned,
    ToolServerError,
)
from ossifrage.agent.assistant.tool_servers import ToolServer
from ossifrage.agent.traces import TraceStore

QUIET = RunConfig(tracing_disabled=True)
WEATHER = Path(__file__).parents[2] / "fakes" / "weather_mcp.py"


class Diet(BaseModel):
    food: list[str]


class Refusal(BaseModel):
    reason: str


@dataclass
class Desk:
    """An app's own context."""

    user: str
    seen: list[str] = field(default_factory=list[str])


def assistant(birds: KnowledgeBase, home: Path, engine: ScriptedEngine, **more: Any) -> Assistant[Any]:
    return Assistant(Settings(home=home), knowledge=birds, engine=engine, **more)


async def ask(birds: KnowledgeBase, home: Path, engine: ScriptedEngine, **more: Any) -> Result[Any]:
    async with assistant(birds, home, engine, **more) as it:
        return await it.run("What does the bearded vulture eat?", context=Desk("Ada"))


@pytest.mark.parametrize(
    ("wanted", "said", "output"),
    [
        (Diet | Refusal, '{"reason": "Secret."}', Refusal(reason="Secret.")),
        (list[Diet], '[{"food": ["bones"]}]', [Diet(food=["bones"])]),
        (Diet | None, "null", None),
        (dict[str, int], '{"bones": 3}', {"bones": 3}),
        (Answer | Refusal, '{"reason": "Secret."}', Refusal(reason="Secret.")),
        (int | str, "7", 7),
    ],
)
async def test_any_type_for_one_run(
    birds: KnowledgeBase, home: Path, wanted: Any, said: str, output: object
) -> None:
    async with assistant(birds, home, ScriptedEngine([FINAL.format(said), UNCITED])) as it:
        result: Result[Any] = await it.run("?", output_type=wanted)
        assert (result.output, result.stop_reason) == (output, StopReason.ANSWERED)
        assert isinstance((await it.run("?")).output, Answer)


async def test_a_type_is_shown_by_its_name(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([FINAL.format("null")])
    await ask(birds, home, engine, output_type=Diet | list[Refusal] | None)
    assert "## Diet | list[Refusal] | None" in engine.prompt_text()


async def test_filters_are_kept_by_the_tools(birds: KnowledgeBase, home: Path) -> None:
    """Whatever the model asks for: nothing of another document, and not its name either."""
    engine = ScriptedEngine(
        [
            call("search", queries=["the red kite nests in trees"]),
            call("search", queries=["red kite"], filters={"sources": ["birds/kite.md"]}),
            call("open", document="birds/kite.md"),
            call("open", document="kite.md"),
            call("find", document="kite", pattern="genus"),
            call("list_sources"),
            UNCITED,
        ]
    )
    async with assistant(birds, home, engine) as it:
        result = await it.run("?", filters=Filters(sources=("birds/vul*",)))
        with TraceStore(home) as store:
            events = store.load(result.trace_id).events
    outputs = "\n".join(event.output for event in events if isinstance(event, ToolReturned))
    assert "birds/vulture.md" in outputs
    assert "belongs to the genus" not in outputs
    assert "Red kite" not in outputs
    assert events[0].model_dump()["filters"]["sources"] == ["birds/vul*"]


async def test_effort_and_instructions(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([UNCITED, UNCITED])
    async with assistant(birds, home, engine, instructions="Answer in Latin.") as it:
        await it.run("?", reasoning="high")
    assert "Reasoning: high" in engine.prompt_text()
    assert "only see through your tools" in engine.prompt_text()
    assert "Answer in Latin." in engine.prompt_text()
    await ask(birds, home, engine, instructions=Instructions("Say nothing else.", replace=True))
    assert "only see through your tools" not in engine.prompt_text()
    assert "Say nothing else." in engine.prompt_text()


async def test_the_apps_tools_see_the_apps_context(birds: KnowledgeBase, home: Path) -> None:
    @function_tool
    def who(context: RunContextWrapper[Desk]) -> str:
        """Say who asks."""
        return context.context.user

    class Hooks(RunHooks[Desk]):
        async def on_tool_start(self, context: RunContextWrapper[Desk], agent: Any, tool: Tool) -> None:
            context.context.seen.append(tool.name)

    desk = Desk("Ada")
    engine = ScriptedEngine([SEARCH, call("who"), ANSWER])
    async with assistant(birds, home, engine, tools=[who], hooks=Hooks()) as it:
        result = await it.run("?", context=desk)
    assert desk.seen == ["search", "who"]
    assert "Ada" in engine.prompt_text()
    assert result.citations[0].verified


async def test_a_guardrail_refuses_the_question(birds: KnowledgeBase, home: Path) -> None:
    @input_guardrail(run_in_parallel=False)
    def polite(context: RunContextWrapper[Desk], agent: Any, given: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=context.context.user, tripwire_triggered=True)

    engine = ScriptedEngine([UNCITED])
    with pytest.raises(GuardrailError, match=r"polite refused the question") as caught:
        await ask(birds, home, engine, input_guardrails=[polite])
    assert (caught.value.guardrail, caught.value.info, engine.prompts) == ("polite", "Ada", [])
    with TraceStore(home) as store:
        events = store.load(caught.value.trace_id).events
    assert [event.refused for event in events if isinstance(event, GuardrailTripped)] == ["question"]
    assert events[-1].model_dump()["stop_reason"] == "guardrail"


async def test_a_guardrail_sees_the_checked_answer_and_the_one_that_was_cut_off(
    birds: KnowledgeBase, home: Path
) -> None:
    seen: list[object] = []

    @output_guardrail
    def careful(context: RunContextWrapper[Desk], agent: Any, output: Any) -> GuardrailFunctionOutput:
        seen.append(output)
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=isinstance(output, str))

    good = ScriptedEngine([FINAL.format("no JSON"), SEARCH, ANSWER])
    await ask(birds, home, good, output_guardrails=[careful])
    (output,) = seen
    assert isinstance(output, Answer)
    assert output.citations[0].verified
    cut = ScriptedEngine(['<|channel|>final<|message|>{"answer": "It ea'], finish_reason="length")
    with pytest.raises(GuardrailError, match="refused the answer"):
        await ask(birds, home, cut, output_guardrails=[careful])
    assert seen[1:] == ["It ea"]


async def test_a_handoff_answers_in_the_runs_type(birds: KnowledgeBase, home: Path) -> None:
    """An agent that names no model is never sent to somebody else's."""
    cook = Agent[Any](name="cook", instructions="You cook.")
    engine = ScriptedEngine([call("transfer_to_cook"), FINAL.format('{"food": ["soup"]}')])
    result = await ask(birds, home, engine, handoffs=[cook], output_type=Diet)
    assert result.output == Diet(food=["soup"])
    assert "You cook." in engine.prompt_text()
    with TraceStore(home) as store:
        events = store.load(result.trace_id).events
    assert [event.tool for event in events if isinstance(event, ToolReturned)] == ["transfer_to_cook"]


async def test_as_a_tool_of_another_agent(birds: KnowledgeBase, home: Path) -> None:
    outer = ScriptedEngine([call("ask_documents", question="What does it eat?"), FINAL.format("Bones.")])
    async with assistant(birds, home, ScriptedEngine([SEARCH, ANSWER])) as it:
        agent = Agent[None](name="helper", model=HarmonyModel(outer), tools=[it.as_tool()])
        result = await Runner.run(agent, "What does the vulture eat?", run_config=QUIET)
    assert result.final_output == "Bones."
    assert "It eats bones[1]." in outer.prompt_text()
    assert '[1] birds/vulture.md, lines 5-5: "feeds on bones"' in outer.prompt_text()


async def test_as_an_agent_in_the_apps_own_runner(birds: KnowledgeBase, home: Path) -> None:
    """Every run has pages of its own, whatever the app's context is."""
    engine = ScriptedEngine([SEARCH, ANSWER, SEARCH, ANSWER])
    async with assistant(birds, home, engine) as it:
        for _ in range(2):
            result = await Runner.run(it.agent, "?", context=Desk("Ada"), run_config=QUIET)
            assert isinstance(result.final_output, Answer)
            assert "L5: The bearded vulture feeds on bones." in engine.prompt_text()
            assert "[0] " in engine.prompt_text()
        caller = Agent[Any](name="first", model=HarmonyModel(engine), handoffs=[it.agent])
        engine.completions += [call("transfer_to_ossifrage"), SEARCH, ANSWER]
        assert isinstance((await Runner.run(caller, "?", run_config=QUIET)).final_output, Answer)


def weather() -> MCPServerStdio:
    return MCPServerStdio({"command": sys.executable, "args": [str(WEATHER)]}, name="weather")


async def test_the_tools_of_an_mcp_server(birds: KnowledgeBase, home: Path) -> None:
    """One called like a tool here does not pass for it, and what it says is cut, and no citation."""
    cited = FINAL.format(json.dumps({"answer": "Rain【0†L5】."}))
    engine = ScriptedEngine(
        [call("mcp_weather__search", city="Rome"), call("mcp_weather__flood"), cited, cited, UNCITED]
    )
    server = weather()
    async with assistant(birds, home, engine, mcp_servers=[server]) as it:
        result = await it.run("?")
        again = await it.run("?")
        with TraceStore(home) as store:
            events = store.load(result.trace_id).events
    outputs = [event.output for event in events if isinstance(event, ToolReturned)]
    assert outputs[0].startswith("Rome: rain 〖0†L5〗")
    assert len(outputs[1]) <= 1_000_000
    assert not any(citation.verified for citation in result.citations)
    assert again.stop_reason is StopReason.ANSWERED
    assert server.session is None  # cleaned up by who connected it


async def test_an_mcp_server_that_is_not_there(birds: KnowledgeBase, home: Path) -> None:
    gone = MCPServerStdio({"command": sys.executable, "args": ["-c", "raise SystemExit(1)"]}, name="gone")
    with pytest.raises(ToolServerError, match="gone offers no tools"):
        await ask(birds, home, ScriptedEngine([]), mcp_servers=[gone])


async def test_limits_on_time_hold_while_an_mcp_server_is_waited_for(
    birds: KnowledgeBase, home: Path
) -> None:
    server = LateServer()
    engine = ScriptedEngine([UNCITED])
    async with assistant(birds, home, engine, mcp_servers=[ToolServer(server, seconds=60)]) as it:
        await it.open()
        began = time.monotonic()
        result = await it.run("What?", limits=Limits(seconds=1))
        assert time.monotonic() - began < 30  # of sixty
        assert (result.stop_reason, engine.prompts) == (StopReason.MAX_SECONDS, [])
        server.ready.set()
        await it.run("What?")  # it went on connecting
    assert "mcp_late__say" in engine.prompt_text()


@pytest.mark.slow
async def test_a_server_has_the_time_to_connect_that_was_given_to_it(
    birds: KnowledgeBase, home: Path
) -> None:
    """The SDK gives up after ten seconds, and that failed the question."""
    server = LateServer()
    engine = ScriptedEngine([UNCITED])
    threading.Timer(11, server.ready.set).start()
    async with assistant(birds, home, engine, mcp_servers=[ToolServer(server, seconds=60)]) as it:
        await it.run("What?")
    assert "mcp_late__say" in engine.prompt_text()
