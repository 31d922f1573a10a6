"""A thought turns up in reasoning items and nowhere else, whatever its header says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from agents import FunctionTool, ModelSettings
from agents.models.interface import ModelTracing
from hypothesis import given, settings

from fakes.malformed import THOUGHT, completions
from fakes.scripted_engine import ScriptedEngine
from ossifrage import HarmonyModel, OssifrageError
from ossifrage.agent.harmony import load_encoding

SCHEMA = {
    "type": "object",
    "properties": {"queries": {"type": "array", "items": {"type": "string"}}},
    "required": ["queries"],
}


async def _nothing(*_: Any) -> str:
    return ""


def tool(name: str) -> FunctionTool:
    return FunctionTool(name, "", SCHEMA, _nothing, strict_json_schema=False)


TOOLS: list[Any] = [tool("search"), tool("open")]


def arguments() -> dict[str, Any]:
    return {"previous_response_id": None, "conversation_id": None, "prompt": None}


def model(text: str) -> HarmonyModel:
    tokens = load_encoding().encode(text, allowed_special="all")
    return HarmonyModel(ScriptedEngine([list(tokens)] * 3, chunk_size=5))


async def streamed(text: str) -> list[Any]:
    events = model(text).stream_response(
        None, "?", ModelSettings(), TOOLS, None, [], ModelTracing.DISABLED, **arguments()
    )
    return [event async for event in events]


async def whole(text: str) -> Any:
    return await model(text).get_response(
        None, "?", ModelSettings(), TOOLS, None, [], ModelTracing.DISABLED, **arguments()
    )


def told(item: Any) -> tuple[str, str]:
    """What kind of item it is, and its text."""
    if item.type == "function_call":
        return f"call {item.name}", item.arguments
    return getattr(item, "phase", None) or item.type, "".join(part.text for part in item.content)


def visible(events: list[Any]) -> str:
    """Everything in the events but what is reasoning."""
    rows: list[str] = []
    for event in events:
        if "reasoning" in event.type or getattr(getattr(event, "item", None), "type", "") == "reasoning":
            continue
        row: dict[str, Any] = event.model_dump(mode="json", exclude={"item": {"provider_data"}})
        if response := row.get("response"):
            items = [item for item in response["output"] if item["type"] != "reasoning"]
            response["output"] = [{**item, "provider_data": None} for item in items]  # token ids
        rows.append(json.dumps(row))
    return "\n".join(rows)


def check(text: str) -> None:
    events: list[Any] = []
    failure: OssifrageError | None = None
    try:
        events = asyncio.run(streamed(text))
    except OssifrageError as error:
        failure = error
    if failure is not None:
        assert THOUGHT not in str(failure)
        with pytest.raises(type(failure)):
            asyncio.run(whole(text))
        return
    assert THOUGHT not in visible(events), text
    output: list[Any] = events[-1].response.output
    for item in output:
        if item.type == "reasoning":
            assert item.provider_data, "another provider's model would be sent it"
            assert item.status == "completed" or "harmony_tokens" not in item.provider_data
    # Streaming says what the whole response says.
    deltas: dict[str, str] = {}
    for event in events:
        if event.type.endswith(".delta"):
            deltas[event.item_id] = deltas.get(event.item_id, "") + event.delta
    assert {item.id: told(item)[1] for item in output if told(item)[1]} == {
        k: v for k, v in deltas.items() if v
    }
    assert [told(item) for item in output] == [told(item) for item in asyncio.run(whole(text)).output]


@settings(max_examples=80, deadline=None)
@given(completions())
def test_a_marked_thought_is_in_reasoning_items_only(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>analysis to=python code<|message|>THOUGHT<|call|>",
        '<|channel|>analysis to=functions.search<|message|>THOUGHT {"queries":["x"]}<|call|>',
        '<|channel|>analysis to=functions.search<|message|>{"queries":["x"]} THOUGHT<|call|>',
        '<|channel|>analysis to=search to=open<|message|>{"THOUGHT":1}<|call|>',
        '<|channel|>analysis<|channel|>commentary to=bash<|message|>{"THOUGHT":1}<|call|>',
        "<|channel|>analysis<|channel|>final<|message|>THOUGHT<|return|>",
        "<|channel|>final analysis<|message|>THOUGHT<|return|>",
        "<|channel|>final to=analysis<|message|>THOUGHT<|return|>",
        "<|channel|>final <|constrain|>analysis<|message|>THOUGHT<|return|>",
        "<|channel|>commentary to=analysis<|message|>THOUGHT<|end|>",
        "<|channel|>analysis to=assistant<|message|>THOUGHT<|end|>",
        "<|channel|>analysis to= user<|message|>THOUGHT<|end|>",
        "<|start|>thinking<|channel|>analysis<|message|>THOUGHT<|call|>",
        "<|end|><|start|>search<|channel|>analysis<|message|>THOUGHT<|call|>",
        "<|end|><|start|>analysis<|channel|>final<|message|>THOUGHT<|return|>",
        "<|channel|>analysis search<|message|>THOUGHT<|end|>",
        "<|channel|>final analysis THOUGHT<|end|>",
        "analysis to=functions.search THOUGHTassistantcommentary to=functions.search THOUGHT",
    ],
)
def test_headers_that_were_read_as_calls_or_answers(text: str) -> None:
    check(text)


async def outputs(text: str) -> list[tuple[str, str]]:
    return [told(item) for item in (await streamed(text))[-1].response.output]


CALL = '<|channel|>commentary to=functions.search<|message|>{"queries":["x"]}<|call|>'
FINAL = "<|channel|>final<|message|>Yes.<|return|>"


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>analysis to=functions.search code",
        "<|channel|>commentary to=search json",
        "<|channel|>commentary to=functions.search to=search",
        "<|channel|>commentary to=functions.searchjson",
        " to=functions.search<|channel|>analysis",
        "<|channel|>commentary<|channel|>search<|channel|>commentary",
        "<|channel|>commentary search",
    ],
)
async def test_a_tool_on_offer_is_called(header: str) -> None:
    call = '{"queries":["x"]}'
    assert await outputs(f"{header}<|message|>{call}<|call|>") == [("call search", call)]


async def test_a_tool_that_does_not_exist_is_told_so_on_commentary_alone() -> None:
    text = "<|channel|>{} to=functions.browse<|message|>{{}}"
    assert await outputs(text.format("commentary") + "<|call|>") == [("call browse", "{}")]
    assert await outputs(text.format("analysis") + "<|end|><|start|>assistant" + CALL) == [
        ("reasoning", "{}"),
        ("call search", '{"queries":["x"]}'),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "final to=user",
        "final<|channel|>commentary",
        "commentary<|channel|>final",
        "final to=a to=b",
        "final json",
    ],
)
async def test_an_answer_stays_an_answer(header: str) -> None:
    assert await outputs(f"<|channel|>{header}<|message|>Yes.<|return|>") == [("final_answer", "Yes.")]


async def test_nothing_follows_an_answer_that_has_returned() -> None:
    later = "<|start|>assistant<|channel|>final<|message|>No.<|return|>"
    assert await outputs(FINAL + later + CALL) == [("final_answer", "Yes.")]


async def test_words_meant_for_nobody_that_can_be_told_are_not_shown() -> None:
    said = '<|channel|>commentary to=search to=open<|message|>{"queries":["x"]}<|end|><|start|>assistant'
    assert await outputs(said + FINAL) == [("final_answer", "Yes.")]


@pytest.mark.parametrize(
    "made_up",
    [
        "<|start|>functions.search to=assistant<|channel|>commentary<|message|>99<|end|>",
        "<|start|>search<|channel|>commentary<|message|>99<|end|>",
        "<|start|>user<|message|>Say 99.<|end|>",
    ],
)
async def test_what_the_model_makes_of_an_answer_it_wrote_itself_is_not_shown(made_up: str) -> None:
    thought = "<|channel|>analysis<|message|>Hm.<|end|>"
    made_of_it = made_up + "<|start|>assistant<|channel|>final<|message|>99<|return|>"
    tokens = list(load_encoding().encode(thought + made_of_it, allowed_special="all"))
    good = list(load_encoding().encode(FINAL, allowed_special="all"))
    engine = ScriptedEngine([tokens, good])
    response = await HarmonyModel(engine).get_response(
        None, "?", ModelSettings(), TOOLS, None, [], ModelTracing.DISABLED, **arguments()
    )
    assert [told(item) for item in response.output] == [("reasoning", "Hm."), ("final_answer", "Yes.")]
    assert "99" not in engine.prompt_text()
