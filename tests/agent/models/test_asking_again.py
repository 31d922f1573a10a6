"""A completion with neither a call nor an answer: what is asked next, what was told, and what is kept."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, SQLiteSession, function_tool
from openai_harmony import HarmonyEncoding

from fakes.scripted_engine import ScriptedEngine
from ossifrage import HarmonyModel
from ossifrage.agent.harmony import HarmonyParseError, parse_completion

THOUGHT = "<|channel|>analysis<|message|>{}<|end|>"
MENDED = "<|channel|>analysis<|message|>{}<|start|>assistant"  # no <|end|>: read, and not sent back like this
CALL = '<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a":1,"b":2}<|call|>'
FINAL = "<|channel|>final<|message|>{}<|return|>"
BROKEN = "no header at all<|end|>"
QUIET = RunConfig(tracing_disabled=True)


@function_tool
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


async def run(engine: ScriptedEngine, session: SQLiteSession | None = None) -> list[Any]:
    """The model's events."""
    agent = Agent[None](name="adder", model=HarmonyModel(engine), tools=[add])
    result = Runner.run_streamed(agent, "1 + 2?", run_config=QUIET, session=session)
    return [event.data async for event in result.stream_events() if event.type == "raw_response_event"]


def added(engine: ScriptedEngine, index: int) -> str:
    """What a prompt says beyond the first one."""
    first = engine.prompt_text(0)
    assert engine.prompt_text(index).startswith(first.removesuffix("<|start|>assistant"))
    return engine.prompt_text(index)[len(first.removesuffix("<|start|>assistant")) :]


async def test_first_it_goes_on_after_all_that_could_be_read() -> None:
    kept = THOUGHT.format("One.") + "<|start|>assistant" + MENDED.format("Two.") + BROKEN
    engine = ScriptedEngine([kept, FINAL.format("3")])
    events = await run(engine)
    assert added(engine, 1) == (
        "<|start|>assistant<|channel|>analysis<|message|>One.<|end|>"
        "<|start|>assistant<|channel|>analysis<|message|>Two.<|end|><|start|>assistant"
    )
    statuses = [item.status for item in events[-1].response.output]
    assert statuses == ["completed", "completed", "incomplete", "completed"]  # the third is the broken part


async def test_then_it_starts_over_from_the_prompt_as_it_was() -> None:
    engine = ScriptedEngine([THOUGHT.format("One."), THOUGHT.format("Two."), FINAL.format("3")])
    await run(engine)
    assert "One." in added(engine, 1)
    assert engine.prompts[2] == engine.prompts[0]


async def test_what_was_withdrawn_is_in_no_later_prompt(encoding: HarmonyEncoding) -> None:
    """The next prompt begins with the one the call was sampled from, and the call."""
    last = THOUGHT.format("Three.") + "<|start|>assistant" + CALL
    preamble = "<|channel|>commentary<|message|>I will add.<|end|>"
    engine = ScriptedEngine([THOUGHT.format("One."), preamble, last, FINAL.format("3")])
    session = SQLiteSession("s")
    await run(engine, session)
    before = engine.prompts[2] + encoding.encode(last, allowed_special="all")
    assert engine.prompts[3][: len(before)] == before
    assert not {"One.", "I will add."} & set(engine.prompt_text(3).split("<|message|>"))
    session.close()


async def test_the_next_step_begins_with_what_it_went_on_from(encoding: HarmonyEncoding) -> None:
    engine = ScriptedEngine([MENDED.format("One.") + BROKEN, CALL, FINAL.format("3")])
    await run(engine)
    before = engine.prompts[1] + encoding.encode(CALL, allowed_special="all")
    assert engine.prompts[2][: len(before)] == before


@pytest.mark.parametrize("failures", [1, 2])
async def test_what_was_told_is_what_there_is(failures: int) -> None:
    """Every item whose end was told is in the response, with the same text, and each only once."""
    broken = [THOUGHT.format(f"Thought {n}.") + BROKEN for n in range(failures)]
    engine = ScriptedEngine([*broken, FINAL.format("3")])
    events = await run(engine)
    told = [event.item for event in events if event.type == "response.output_item.done"]
    response = events[-1].response
    assert [item.id for item in response.output] == [item.id for item in told]
    assert [item.content for item in response.output] == [item.content for item in told]
    withdrawn = [item.content[0].text for item in response.output if item.status == "incomplete"]
    broken_part = "no header at all"
    assert withdrawn == (
        [broken_part] if failures == 1 else ["Thought 0.", broken_part, "Thought 1.", broken_part]
    )
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_an_empty_answer_is_none() -> None:
    engine = ScriptedEngine([FINAL.format(" \n"), FINAL.format("3")])
    events = await run(engine)
    assert [item.content[0].text for item in events[-1].response.output] == ["3"]


async def test_the_error_holds_what_was_read_and_does_not_say_it() -> None:
    engine = ScriptedEngine([THOUGHT.format(f"Secret {n}.") + BROKEN for n in range(3)])
    with pytest.raises(HarmonyParseError) as caught:
        await run(engine)
    assert len(engine.prompts) == 3
    assert "Secret" not in repr(caught.value)
    reading = caught.value.reading
    assert reading is not None
    thoughts = [message.content for message in reading.messages if message.channel == "analysis"]
    assert thoughts == ["Secret 0.", "Secret 1.", "Secret 2."]
    assert len(reading.repairs) >= 3


def test_so_does_the_error_of_a_completion_that_cannot_be_read(encoding: HarmonyEncoding) -> None:
    with pytest.raises(HarmonyParseError) as caught:
        parse_completion(encoding.encode("<|end|><|message|>Secret", allowed_special="all"))
    assert caught.value.reading is not None
    assert "body_without_header" in [repair.kind for repair in caught.value.reading.repairs]
    assert "Secret" not in repr(caught.value)
