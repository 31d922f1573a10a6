"""How a model is held to its schemas, by what its engine can do."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, ModelSettings, RunConfig, Runner, function_tool
from pydantic import BaseModel

from fakes.gbnf import Grammar, as_tokens
from fakes.http_server import Request
from fakes.scripted_engine import ScriptedEngine
from fakes.vllm_server import FakeVllm
from ossifrage import HarmonyModel
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.run.output import OutputSchema

QUIET = RunConfig(tracing_disabled=True)
THINK = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
FINAL = '<|channel|>final<|message|>{"value":3}<|return|>'
CALL = '<|channel|>commentary to=functions.add_up <|constrain|>json<|message|>{"a":1,"b":2}<|call|>'


class Sum(BaseModel):
    value: int


@function_tool(name_override="add up")
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def agent(engine: ScriptedEngine, *, constrained: bool = True, tools: bool = True) -> Agent[None]:
    model = HarmonyModel(engine, constrained=constrained)
    return Agent(name="sums", model=model, tools=[add] if tools else [], output_type=OutputSchema(Sum))


async def test_an_engine_that_takes_whole_turns_gets_one_grammar_for_all_steps() -> None:
    engine = ScriptedEngine([THINK + CALL, FINAL], constraint="gbnf")
    result = await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    assert result.final_output == Sum(value=3)
    first, second = (sampling.grammar or "" for sampling in engine.samplings)
    assert first == second
    assert '" to=functions.add_up"' in first
    assert '"{" "\\"value\\":"' in first


async def test_without_tools_the_grammar_leaves_only_an_answer() -> None:
    engine = ScriptedEngine([FINAL], constraint="gbnf")
    await Runner.run(agent(engine, tools=False), "3?", run_config=QUIET)
    assert "functions" not in (engine.samplings[0].grammar or "functions")


async def test_with_neither_tools_nor_a_type_nothing_is_held() -> None:
    engine = ScriptedEngine(["<|channel|>final<|message|>Hello.<|return|>"], constraint="gbnf")
    await Runner.run(Agent(name="talk", model=HarmonyModel(engine)), "Hello", run_config=QUIET)
    assert engine.samplings[0].grammar is None


async def test_switched_off() -> None:
    engine = ScriptedEngine([FINAL], constraint="gbnf")
    await Runner.run(agent(engine, constrained=False), "3?", run_config=QUIET)
    assert engine.samplings[0].grammar is None


async def test_a_grammar_of_ones_own_goes_first() -> None:
    engine = ScriptedEngine([FINAL], constraint="gbnf")
    own = agent(engine)
    own.model_settings = ModelSettings(extra_args={"grammar": "root ::= own"})
    await Runner.run(own, "3?", run_config=QUIET)
    assert engine.samplings[0].grammar == "root ::= own"


async def sum_on(server: FakeVllm) -> list[Request]:
    """The completions asked of vLLM for one answer."""
    server.completion = load_encoding().encode(THINK + FINAL, allowed_special="all")
    async with server:
        model = HarmonyModel(await VllmEngine.open(base_url=server.url))
        sums = Agent[None](name="sums", model=model, output_type=OutputSchema(Sum))
        assert (await Runner.run(sums, "3?", run_config=QUIET)).final_output == Sum(value=3)
        await model.close()
    return [request for request in server.requests if request.path == "/v1/completions"]


async def test_vllm_is_given_the_grammar_of_the_turn_as_structured_outputs() -> None:
    *_, request = await sum_on(FakeVllm())
    grammar = request.body["structured_outputs"]["grammar"]
    assert "Token(200005) Token(17196) Token(200008)" in grammar
    assert Grammar(grammar).accepts(as_tokens(THINK + FINAL.removesuffix("<|return|>")))


@pytest.mark.parametrize("unable", [{"holds": False}, {"reads_tokens": False}])
async def test_a_vllm_that_cannot_be_held_from_the_first_token_on_is_not(unable: dict[str, bool]) -> None:
    *_, request = await sum_on(FakeVllm(**unable))  # type: ignore[arg-type]
    assert "structured_outputs" not in request.body


@pytest.mark.parametrize(("kind", "held"), [("gbnf", True), ("xgrammar", True), ("none", False)])
async def test_by_default_every_engine_that_can_be_is_held(kind: Any, held: bool) -> None:
    engine = ScriptedEngine([FINAL], constraint=kind)
    model = HarmonyModel(engine)
    await Runner.run(Agent(name="sums", model=model, output_type=OutputSchema(Sum)), "3?", run_config=QUIET)
    assert (engine.samplings[0].grammar is not None) == held
