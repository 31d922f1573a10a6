"""``ModelSettings.tool_choice``: by a grammar where the engine takes one, else in words and by refusing."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, ModelSettings, RunConfig, Runner, UserError, function_tool

from fakes.gbnf import Grammar, as_tokens
from fakes.scripted_engine import ScriptedEngine
from ossifrage import HarmonyModel
from ossifrage.agent.engines.engine import Constraint
from ossifrage.agent.harmony import HarmonyParseError

FINAL = "<|channel|>final<|message|>3<|return|>"
ADD = '<|channel|>commentary to=functions.add_up <|constrain|>json<|message|>{"a":1,"b":2}<|call|>'
CLOCK = "<|channel|>commentary to=functions.clock <|constrain|>json<|message|>{}<|call|>"
QUIET = RunConfig(tracing_disabled=True)


@function_tool(name_override="add up")
def add(a: int, b: int) -> str:
    """Add."""
    return str(a + b)


@function_tool
def clock() -> str:
    """Tell the time."""
    return "noon"


async def run(
    completions: list[str], tool_choice: Any, *, constraint: Constraint = "none", tools: bool = True
) -> ScriptedEngine:
    engine = ScriptedEngine([*completions], constraint=constraint)
    agent = Agent[None](
        name="a",
        model=HarmonyModel(engine),
        instructions="Be brief.",
        tools=[add, clock] if tools else [],
        model_settings=ModelSettings(tool_choice=tool_choice),
    )
    assert (await Runner.run(agent, "Go on.", run_config=QUIET)).final_output == "3"
    return engine


async def test_auto_asks_for_nothing() -> None:
    told, untold = await run([ADD, FINAL], "auto"), await run([ADD, FINAL], None)
    assert told.prompts == untold.prompts


@pytest.mark.parametrize(
    ("tool_choice", "refused", "taken"),
    [("none", ADD, [FINAL]), ("required", FINAL, [CLOCK, FINAL]), ("add up", CLOCK, [ADD, FINAL])],
)
async def test_in_words_and_what_does_not_fit_is_not_acted_on(
    tool_choice: str, refused: str, taken: list[str]
) -> None:
    engine = await run([refused, *taken], tool_choice)
    said = {"none": "Do not call any tool", "required": "Call one of the tools", "add up": "`add_up`"}
    assert said[tool_choice] in engine.prompt_text(0)
    assert engine.prompts[1] == engine.prompts[0]  # asked again: nothing of the first completion is kept
    # The SDK asks for a tool once; then the model is free.
    assert len(engine.prompts) == 1 + len(taken)
    if tool_choice != "none":
        assert said[tool_choice] not in engine.prompt_text()


async def test_a_call_that_never_comes() -> None:
    with pytest.raises(HarmonyParseError, match="no such call as tool_choice asks for"):
        await run([FINAL] * 3, "required")


async def test_an_answer_that_is_not_wanted_is_not_shown() -> None:
    engine = ScriptedEngine([FINAL, ADD, FINAL])
    agent = Agent[None](
        name="a",
        model=HarmonyModel(engine),
        tools=[add],
        model_settings=ModelSettings(tool_choice="required"),
    )
    result = Runner.run_streamed(agent, "Go on.", run_config=QUIET)
    events = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == ["3"]


@pytest.mark.parametrize(
    ("tool_choice", "taken", "calls", "answers"),
    [
        ("none", [FINAL], set[str](), True),
        ("required", [CLOCK, FINAL], {"add_up", "clock"}, False),
        ("clock", [CLOCK, FINAL], {"clock"}, False),
    ],
)
async def test_by_the_grammar(tool_choice: str, taken: list[str], calls: set[str], answers: bool) -> None:
    engine = await run(taken, tool_choice, constraint="gbnf")
    free = await run([FINAL], "auto", constraint="gbnf")
    assert engine.prompts[0] == free.prompts[0]  # nothing is said, so a server's prefix cache holds
    grammar = Grammar(engine.samplings[0].grammar or "")
    header = "<|channel|>commentary to=functions.{}<|message|>{}"
    valid = {"add_up": '{"a":1,"b":2}', "clock": "{}"}
    assert {name for name in valid if grammar.accepts(as_tokens(header.format(name, valid[name])))} == calls
    assert grammar.accepts(as_tokens("<|channel|>final<|message|>three")) is answers


@pytest.mark.parametrize("constraint", ["none", "gbnf"])
async def test_a_tool_that_is_not_offered(constraint: Constraint) -> None:
    with pytest.raises(UserError, match=r"'subtract'.*'add up', 'clock'"):
        await run([], "subtract", constraint=constraint)


async def test_a_call_without_tools() -> None:
    with pytest.raises(UserError, match="no tool to call"):
        await run([], "required", tools=False)
