"""``/v1/chat/completions`` with the official client."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from fakes.completions import FINAL, SECRET, THINK, call
from fakes.scripted_engine import ScriptedEngine

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class City(BaseModel):
    name: str


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def test_a_completion_is_whole_and_streams(client: openai.OpenAI, engine: ScriptedEngine) -> None:
    engine.completions = [THINK + FINAL.format("Hello there."), THINK + FINAL.format("Hello there.")]
    system: Any = {"role": "system", "content": "Be brief."}
    whole = client.chat.completions.create(model="gpt-oss", messages=[system, user("Hi")])
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("Hello there.", "stop")
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    assert "# Instructions\n\nBe brief." in engine.prompt_text()
    chunks = list(
        client.chat.completions.create(
            model="gpt-oss", messages=[user("Hi")], stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Hello there."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage is not None) == ([], True)
    assert SECRET not in whole.model_dump_json() + "".join(chunk.model_dump_json() for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_thought_before_a_call_is_given_to_the_model_again(
    client: openai.OpenAI, engine: ScriptedEngine, stream: bool
) -> None:
    completions: Any = client.chat.completions
    engine.completions = [call("weather", city="Oslo"), THINK + FINAL.format("It rains.")]
    asked: Any = {"model": "gpt-oss", "tools": [WEATHER]}
    if stream:
        with completions.stream(messages=[user("Weather?")], **asked) as told:
            choice: Any = told.get_final_completion().choices[0]
    else:
        choice = completions.create(messages=[user("Weather?")], **asked).choices[0]
    assert choice.finish_reason == "tool_calls"
    (made,) = choice.message.tool_calls
    assert (made.function.name, json.loads(made.function.arguments)) == ("weather", {"city": "Oslo"})
    message: Any = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": made.id,
                "type": "function",
                "function": {"name": made.function.name, "arguments": made.function.arguments},
            }
        ],
    }
    output: Any = {"role": "tool", "tool_call_id": made.id, "content": "rain"}
    second = completions.create(messages=[user("Weather?"), message, output], **asked)
    assert second.choices[0].message.content == "It rains."
    assert engine.prompts[1][: len(engine.prompts[0])] == engine.prompts[0]
    assert engine.prompt_text().count(SECRET) == 1


def test_thoughts_are_given_where_they_are_asked_for(http: httpx.Client, engine: ScriptedEngine) -> None:
    engine.completions = [THINK + FINAL.format("Hello.")]
    body = {"model": "gpt-oss", "messages": [user("Hi")], "include_reasoning": True}
    message = http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hello.", SECRET)


def test_structured_output_is_parsed_by_the_client(client: openai.OpenAI, engine: ScriptedEngine) -> None:
    engine.completions = [THINK + FINAL.format('{"name":"Oslo"}')]
    parsed = client.chat.completions.parse(model="gpt-oss", messages=[user("A city.")], response_format=City)
    assert parsed.choices[0].message.parsed == City(name="Oslo")


def test_a_completion_that_is_cut_off_says_so(client: openai.OpenAI, engine: ScriptedEngine) -> None:
    engine.completions = [THINK + FINAL.format("One two three four five six seven eight.")]
    cut = client.chat.completions.create(model="gpt-oss", messages=[user("Count.")], max_tokens=20)
    assert cut.choices[0].finish_reason == "length"


def test_the_assistant_cites_where_its_markers_stand(quoting: openai.OpenAI) -> None:
    asked: Any = [
        user("Hi"),
        {"role": "assistant", "content": "Hello."},
        user("What does the vulture feed on?"),
    ]
    for stream in (False, True):
        if stream:
            with quoting.chat.completions.stream(model="ossifrage", messages=asked) as told:
                for _ in told:
                    pass
                content = told.get_final_completion().choices[0].message.content
        else:
            message = quoting.chat.completions.create(model="ossifrage", messages=asked).choices[0].message
            assert message.annotations is not None
            place = message.annotations[0].url_citation
            assert (message.content or "")[place.start_index : place.end_index] == "[1]"
            content = message.content
        assert "bones" in (content or "")


async def test_many_clients_are_answered_at_once(quoting: openai.OpenAI) -> None:
    import asyncio

    async with openai.AsyncOpenAI(base_url=quoting.base_url, api_key="x") as client:
        asked = [
            client.chat.completions.create(model="ossifrage", messages=[user("What is the red kite?")])
            for _ in range(8)
        ]
        answers = await asyncio.gather(*asked)
    assert len({answer.id for answer in answers}) == 8
    assert {answer.choices[0].finish_reason for answer in answers} == {"stop"}


@pytest.mark.parametrize(
    "more",
    [{"n": 2}, {"logprobs": True}, {"stop": ["x"]}, {"frequency_penalty": 1}, {"functions": []}],
)
def test_what_cannot_be_had_is_refused(
    http: httpx.Client, engine: ScriptedEngine, more: dict[str, Any]
) -> None:
    del engine
    answer = http.post("/v1/chat/completions", json={"model": "gpt-oss", "messages": [user("Hi")], **more})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(more)))
