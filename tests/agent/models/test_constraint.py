"""How a model is held to its schemas, by what its engine can do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import Agent, ModelSettings, ModelTracing, RunConfig, Runner, function_tool
from openai.types.responses import ResponseCompletedEvent
from pydantic import BaseModel

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
    engine = ScriptedEngine([THINK + CALL, FINAL], constraint="turn")
    result = await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    assert result.final_output == Sum(value=3)
    first, second = (sampling.grammar or "" for sampling in engine.samplings)
    assert first == second
    assert '" to=functions.add_up"' in first
    assert '"{" "\\"value\\":"' in first


async def test_without_tools_the_grammar_leaves_only_an_answer() -> None:
    engine = ScriptedEngine([FINAL], constraint="turn")
    await Runner.run(agent(engine, tools=False), "3?", run_config=QUIET)
    assert "functions" not in (engine.samplings[0].grammar or "functions")


async def test_with_neither_tools_nor_a_type_nothing_is_held() -> None:
    engine = ScriptedEngine(["<|channel|>final<|message|>Hello.<|return|>"], constraint="turn")
    await Runner.run(Agent(name="talk", model=HarmonyModel(engine)), "Hello", run_config=QUIET)
    assert engine.samplings[0].grammar is None


async def test_an_engine_that_takes_bodies_is_asked_twice() -> None:
    """Freely up to the header, and from there by the schema of what the header announces."""
    engine = ScriptedEngine(
        [THINK + CALL, '{"a":1,"b":2}<|call|>', THINK + FINAL, '{"value":3}<|return|>'], constraint="body"
    )
    result = await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    assert result.final_output == Sum(value=3)
    assert [sampling.grammar is not None for sampling in engine.samplings] == [False, True, False, True]
    assert engine.prompt_text(1).endswith("to=functions.add_up <|constrain|>json<|message|>")
    assert engine.prompt_text(3).endswith("<|channel|>final<|message|>")
    assert engine.closed_early == 2
    begun = engine.prompts[0]
    assert engine.prompts[1][: len(begun)] == begun
    assert engine.samplings[1].max_tokens < engine.samplings[0].max_tokens
    usage = result.context_wrapper.usage
    assert usage.input_tokens == len(engine.prompts[0]) + len(engine.prompts[2])


async def test_a_token_limit_right_at_the_header() -> None:
    header = len(load_encoding().encode("<|channel|>final<|message|>", allowed_special="all"))
    engine = ScriptedEngine([FINAL], constraint="body")
    events = HarmonyModel(engine).stream_response(
        None,
        "3?",
        ModelSettings(max_tokens=header),
        [],
        OutputSchema(Sum),
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    last = [event async for event in events][-1]
    assert isinstance(last, ResponseCompletedEvent)
    assert (last.response.metadata or {})["finish_reason"] == "length"
    assert len(engine.prompts) == 1


async def test_switched_off() -> None:
    engine = ScriptedEngine([FINAL], constraint="turn")
    await Runner.run(agent(engine, constrained=False), "3?", run_config=QUIET)
    assert engine.samplings[0].grammar is None


async def test_a_grammar_of_ones_own_goes_first() -> None:
    engine = ScriptedEngine([FINAL], constraint="turn")
    own = agent(engine)
    own.model_settings = ModelSettings(extra_args={"grammar": "root ::= own"})
    await Runner.run(own, "3?", run_config=QUIET)
    assert engine.samplings[0].grammar == "root ::= own"


async def test_vllm_is_given_the_grammar_as_structured_outputs() -> None:
    encoding = load_encoding()
    server = FakeVllm(completion=encoding.encode(THINK + FINAL, allowed_special="all"))
    server.held = encoding.encode('{"value":7}<|return|>', allowed_special="all")
    async with server:
        model = HarmonyModel(await VllmEngine.open(base_url=server.url), constrained=True)
        sums = Agent[None](name="sums", model=model, output_type=OutputSchema(Sum))
        result = await Runner.run(sums, "7?", run_config=QUIET)
        await model.close()
    assert result.final_output == Sum(value=7)
    free, held = [request.body for request in server.requests if request.path == "/v1/completions"]
    assert "structured_outputs" not in free
    assert json.dumps(held["structured_outputs"]).startswith('{"grammar": "root ::= ')
    assert held["prompt"][: len(free["prompt"])] == free["prompt"]


@pytest.mark.parametrize(("kind", "held"), [("turn", True), ("body", False), ("none", False)])
async def test_by_default_only_engines_that_take_whole_turns_are_held(kind: Any, held: bool) -> None:
    engine = ScriptedEngine([FINAL], constraint=kind)
    model = HarmonyModel(engine)
    await Runner.run(Agent(name="sums", model=model, output_type=OutputSchema(Sum)), "3?", run_config=QUIET)
    assert (engine.samplings[0].grammar is not None) == held
