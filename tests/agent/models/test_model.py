from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, ModelSettings, RunConfig, Runner, SQLiteSession, function_tool
from agents.models.interface import ModelTracing
from openai_harmony import HarmonyEncoding
from pydantic import BaseModel

from fakes.scripted_engine import ScriptedEngine
from ossifrage import HarmonyModel
from ossifrage.agent.errors import ContextWindowError, EngineUnreachableError
from ossifrage.agent.harmony import HarmonyParseError

THINK = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant"
CALL = '<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a":1,"b":2}<|call|>'
FINAL = "<|channel|>final<|message|>{}<|return|>"
QUIET = RunConfig(tracing_disabled=True)


class Sum(BaseModel):
    total: int


@function_tool
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


def agent(engine: ScriptedEngine, **more: Any) -> Agent[Any]:
    return Agent(name="adder", model=HarmonyModel(engine), tools=[add], **more)


async def stream(engine: ScriptedEngine) -> list[Any]:
    model = HarmonyModel(engine)
    return [
        event
        async for event in model.stream_response(
            "Be brief.",
            "1 + 2?",
            ModelSettings(),
            [add],
            None,
            [],
            ModelTracing.DISABLED,
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        )
    ]


async def test_loop_with_a_tool_and_typed_output() -> None:
    engine = ScriptedEngine(
        [THINK.format("Add.") + CALL, THINK.format("Done.") + FINAL.format('{"total":3}')]
    )
    result = await Runner.run(agent(engine, output_type=Sum), "1 + 2?", run_config=QUIET)
    assert result.final_output == Sum(total=3)
    assert (
        "<|start|>functions.add to=assistant<|channel|>commentary<|message|>3<|end|>" in engine.prompt_text()
    )


async def test_each_prompt_begins_with_the_prompt_and_completion_before_it(encoding: HarmonyEncoding) -> None:
    steps = [THINK.format(f"Step {n} 🦅.") + CALL for n in range(6)]
    engine = ScriptedEngine([*steps, FINAL.format("3")])
    await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    for step, before, after in zip(steps, engine.prompts, engine.prompts[1:], strict=False):
        completion = encoding.encode(step, allowed_special="all")
        assert after[: len(before) + len(completion)] == before + completion


async def test_reasoning_of_answered_questions_is_not_sent_again() -> None:
    engine = ScriptedEngine(
        [
            THINK.format("First thought.") + CALL,
            THINK.format("Second thought.") + FINAL.format("3"),
            FINAL.format("ok"),
        ]
    )
    session = SQLiteSession("s")
    await Runner.run(agent(engine), "1 + 2?", session=session, run_config=QUIET)
    assert "First thought." in engine.prompt_text()
    await Runner.run(agent(engine), "Thanks", session=session, run_config=QUIET)
    assert "thought" not in engine.prompt_text()
    session.close()


async def test_legal_order_of_events() -> None:
    preamble = "<|channel|>commentary<|message|>I will add.<|end|><|start|>assistant"
    events = await stream(ScriptedEngine([THINK.format("Hm.") + preamble + CALL]))
    types = [event.type for event in events]
    assert [t for i, t in enumerate(types) if i == 0 or types[i - 1] != t] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    reasoning, said, called = events[-1].response.output
    assert reasoning.content[0].text == "Hm."
    assert (said.phase, said.content[0].text) == ("commentary", "I will add.")
    assert (called.name, called.arguments) == ("add", '{"a":1,"b":2}')
    assert called.call_id


async def test_usage_and_metadata() -> None:
    engine = ScriptedEngine([THINK.format("Hm hm.") + FINAL.format("3")])
    response = (await stream(engine))[-1].response
    assert response.usage.input_tokens == len(engine.prompts[0])
    assert response.usage.output_tokens_details.reasoning_tokens > 2
    assert response.metadata["finish_reason"] == "stop"
    assert response.metadata["repairs"] == ""
    assert float(response.metadata["first_token_seconds"]) >= 0


async def test_a_server_that_keeps_the_stop_token_to_itself() -> None:
    engine = ScriptedEngine([CALL.removesuffix("<|call|>"), FINAL.format("3").removesuffix("<|return|>")])
    result = await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    assert result.final_output == "3"
    assert CALL in engine.prompt_text()


async def test_only_reasoning_is_asked_again_from_where_it_ended() -> None:
    engine = ScriptedEngine(["<|channel|>analysis<|message|>Hm.<|end|>", FINAL.format("3")])
    result = await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    assert result.final_output == "3"
    assert engine.prompt_text().endswith(
        "<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
    )


async def test_nothing_to_act_on_ends_in_a_typed_error() -> None:
    engine = ScriptedEngine(["no header at all<|end|>"] * 3)
    with pytest.raises(HarmonyParseError):
        await stream(engine)
    assert len(engine.prompts) == 3


async def test_text_without_a_channel_is_never_the_answer() -> None:
    engine = ScriptedEngine(["We must refuse<|end|><|start|>assistant" + FINAL.format("No.")])
    response = (await stream(engine))[-1].response
    kept_apart, answer = response.output
    assert (kept_apart.type, kept_apart.status) == ("reasoning", "incomplete")
    assert answer.content[0].text == "No."
    assert response.metadata["repairs"] == "unrouted_text"


async def test_a_tool_result_the_model_wrote_itself_is_thrown_away() -> None:
    made_up = "<|start|>functions.add to=assistant<|channel|>commentary<|message|>99<|end|><|start|>assistant"
    engine = ScriptedEngine([CALL + made_up + FINAL.format("99"), FINAL.format("3")])
    result = await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    assert result.final_output == "3"
    assert "99" not in engine.prompt_text()


async def test_a_cut_off_answer_is_incomplete() -> None:
    engine = ScriptedEngine(
        [FINAL.format("a b c d e f g h").removesuffix("<|return|>")], finish_reason="length"
    )
    (item,) = (await stream(engine))[-1].response.output
    assert item.status == "incomplete"


async def test_a_cut_off_call_is_not_made() -> None:
    engine = ScriptedEngine(
        ['<|channel|>commentary to=functions.add<|message|>{"a":1'], finish_reason="length"
    )
    response = (await stream(engine))[-1].response
    assert [item.type for item in response.output] == ["message"]
    assert response.output[0].status == "incomplete"


async def test_sampling_is_gpt_oss_own() -> None:
    engine = ScriptedEngine([FINAL.format("3")])
    await stream(engine)
    (sampling,) = engine.samplings
    assert (sampling.temperature, sampling.top_p) == (1.0, 1.0)
    assert sampling.max_tokens > 16


async def test_a_prompt_that_does_not_fit_is_a_typed_error() -> None:
    with pytest.raises(ContextWindowError):
        await stream(ScriptedEngine([], context_window=50))


async def test_engine_errors_come_through() -> None:
    engine = ScriptedEngine([EngineUnreachableError("gone")])
    with pytest.raises(EngineUnreachableError):
        await Runner.run(agent(engine), "q", run_config=QUIET)


async def test_closing_the_stream_closes_the_engine() -> None:
    engine = ScriptedEngine([FINAL.format("word " * 200)])
    events = HarmonyModel(engine).stream_response(
        None,
        "q",
        ModelSettings(),
        [],
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    async for event in events:
        if event.type == "response.output_text.delta":
            break
    await events.aclose()  # type: ignore[attr-defined]
    assert engine.closed_early == 1


async def test_arguments_are_mended_and_go_back_mended() -> None:
    fenced = '<|channel|>commentary to=functions.add<|message|>```json\n{"a":1,"b":2}\n```<|call|>'
    engine = ScriptedEngine([fenced, FINAL.format("3")])
    result = await Runner.run(agent(engine), "1 + 2?", run_config=QUIET)
    assert result.final_output == "3"
    assert '<|message|>{"a": 1, "b": 2}<|call|>' in engine.prompt_text()
    assert "```" not in engine.prompt_text()
