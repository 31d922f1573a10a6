"""What chat and responses servers have in common: harmony they did not split, limits, failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from agents import Agent, Model, RunConfig, Runner, function_tool

from fakes.chat_server import FakeChat, hanging
from fakes.http_server import HttpServer, Reply, event, json_reply, text_reply
from fakes.responses_server import FakeResponses, Output
from ossifrage.agent.errors import EngineAuthError, EngineError, EngineResponseError, EngineTimeoutError
from ossifrage.agent.models.chat import chat_model
from ossifrage.agent.models.responses import responses_model

QUIET = RunConfig(tracing_disabled=True)


@function_tool
def search(query: str) -> str:
    """Search."""
    return f"found {query}"


@dataclass
class Case:
    """A server and a model that talks to it."""

    server: FakeChat | FakeResponses
    model: Model

    def script(self, *outputs: Output | Reply) -> None:
        if isinstance(self.server, FakeResponses):
            self.server.outputs = list(outputs)
        else:
            self.server.messages = [
                output if isinstance(output, Reply) else _message(output) for output in outputs
            ]

    async def events(self, seen: list[Any] | None = None) -> list[Any]:
        events = [] if seen is None else seen
        agent = Agent[None](name="a", model=self.model, tools=[search])
        result = Runner.run_streamed(agent, "What do kites eat?", run_config=QUIET)
        async for told in result.stream_events():
            if told.type == "raw_response_event":
                events.append(told.data)
        return events


def _message(said: Output) -> dict[str, Any]:
    calls = [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(said.calls)
    ]
    message: dict[str, Any] = {"reasoning": said.reasoning} if said.reasoning else {}
    return (
        message
        | ({"content": said.text} if said.text else {})
        | ({"tool_calls": calls} if calls else {})
        | ({"finish_reason": "length"} if said.cut else {})
    )


@pytest.fixture(params=["chat", "responses"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    server = FakeChat() if request.param == "chat" else FakeResponses()
    opened = chat_model if request.param == "chat" else responses_model
    async with server:
        model = opened(base_url=server.url, model="gpt-oss:20b")
        model.first_wait = 0.01  # type: ignore[attr-defined]
        yield Case(server, model)
        await model.close()


def responses(events: list[Any]) -> list[Any]:
    return [event.response for event in events if event.type == "response.completed"]


def shown(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


async def test_stripped_harmony_is_split(case: Case) -> None:
    leak = 'analysisWe must search.assistantcommentary to=functions.search json{"query": "kites"}'
    case.script(Output(text=leak), Output(text="analysisThat is it.assistantfinalBones, it says."))
    events = await case.events()
    first, second = responses(events)
    assert [item.type for item in first.output] == ["reasoning", "function_call"]
    assert (first.output[1].name, first.output[1].arguments) == ("search", '{"query": "kites"}')
    assert [item.type for item in second.output] == ["reasoning", "message"]
    assert shown(events) == second.output[1].content[0].text == "Bones, it says."
    assert second.metadata["repairs"] == "stripped_markup"
    thoughts = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    assert "".join(thoughts) == "We must search.That is it."


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>analysis<|message|>We know.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Bones.<|return|>",
        "<|start|>assistant<|channel|>analysis<|message|>We know.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Bones.",
        "assistant<|channel|>analysis<|message|>We know.<|channel|>final<|message|>Bones.",
        "assistantanalysisWe know.assistantfinalBones.",
    ],
)
async def test_harmony_that_is_written_out_is_split(case: Case, text: str) -> None:
    case.script(Output(text=text))
    events = await case.events()
    (response,) = responses(events)
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert shown(events) == response.output[1].content[0].text == "Bones."
    assert response.metadata["repairs"] == ("markup_as_text" if "<|" in text else "stripped_markup")


@pytest.mark.parametrize(
    "text", ["<|channel|>Hm, we know.", "<|message|>Hm, we know.", "<|channel|>analysisHm"]
)
async def test_written_out_harmony_that_cannot_be_read_is_a_thought(case: Case, text: str) -> None:
    case.script(Output(text=text))
    events: list[Any] = []
    with pytest.raises(EngineError) as caught:
        await case.events(events)
    assert events
    assert shown(events) == ""
    assert "Hm" not in str(caught.value)


@pytest.mark.parametrize("text", ["final answers are bones", "analysis"[:4], "Bones, says assistantfinal."])
async def test_prose_stays_what_it_is(case: Case, text: str) -> None:
    case.script(Output(text=text))
    events = await case.events()
    (response,) = responses(events)
    assert shown(events) == response.output[0].content[0].text == text
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_other_text_streams_as_it_comes(case: Case) -> None:
    case.script(Output(reasoning="Hm.", text="Bones and more bones."))
    events = await case.events()
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == [
        "Bones ",
        "and ",
        "more ",
        "bones.",
    ]


@pytest.mark.parametrize("text", ["Bones and", ""])
async def test_an_answer_that_was_cut_off_is_incomplete(case: Case, text: str) -> None:
    case.script(Output(reasoning="Hm.", text=text, cut=True))
    (response,) = responses(await case.events())
    assert response.metadata["finish_reason"] == "length"
    answer = response.output[-1]
    assert (answer.type, answer.status, answer.content[0].text) == ("message", "incomplete", text)


async def test_a_call_that_was_cut_off_is_not_made(case: Case) -> None:
    case.script(Output(calls=[("search", '{"query": "ki')], cut=True))
    (response,) = responses(await case.events())
    assert [(item.type, item.status) for item in response.output] == [("message", "incomplete")]


async def test_a_whole_answer_is_complete(case: Case) -> None:
    case.script(Output(text="Bones."))
    (response,) = responses(await case.events())
    assert response.metadata["finish_reason"] == "stop"
    assert response.output[0].status == "completed"


async def test_a_server_that_fails_in_passing_is_asked_again(case: Case) -> None:
    busy = json_reply({"error": {"message": "busy"}}, status=503)
    broken = text_reply('data: {"error": {"message": "boom"}}\n\n')
    case.script(busy, broken, Output(text="Bones."))
    events = await case.events()
    assert shown(events) == "Bones."
    assert [event.type for event in events].count("response.created") == 1


async def test_a_response_begins_once(case: Case) -> None:
    """A server that fails after its first event, and before anything that is shown."""
    if isinstance(case.server, FakeResponses):
        opened = event({"type": "response.created", "response": {"id": "r"}})
        opened += event({"type": "response.in_progress", "response": {"id": "r"}})
    else:
        opened = event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
    broken = event({"error": {"message": "boom", "code": 503}})
    failing = [text_reply((opened + broken).decode()) for _ in range(2)]
    case.script(*failing, Output(text="Bones."))
    events = await case.events()
    assert len(case.server.sent) == 3
    kinds = [event.type for event in events]
    assert kinds.count("response.created") == 1
    assert kinds.count("response.in_progress") == (1 if isinstance(case.server, FakeResponses) else 0)
    assert shown(events) == "Bones."


async def test_what_was_shown_is_never_asked_for_again(case: Case) -> None:
    async def cut() -> AsyncIterator[bytes]:
        if isinstance(case.server, FakeResponses):
            async for piece in case.server._stream(Output(text="Bones and"), 1):  # pyright: ignore[reportPrivateUsage]
                if b"delta" in piece:
                    yield piece
        else:
            choice = {"index": 0, "delta": {"content": "Bones "}, "finish_reason": None}
            yield event({"id": "c", "created": 0, "model": "m", "choices": [choice]})
        yield event({"error": {"message": "boom", "code": 503}})

    case.script(Reply(cut(), content_type="text/event-stream"), Output(text="Bones."))
    with pytest.raises(EngineResponseError):
        await case.events()
    assert len(case.server.sent) == 1


async def test_a_key_that_is_refused_is_not_tried_again(case: Case) -> None:
    case.script(json_reply({"error": {"message": "no"}}, status=401))
    with pytest.raises(EngineAuthError):
        await case.events()
    assert len(case.server.sent) == 1


async def test_a_server_with_neither_an_answer_nor_a_call(case: Case) -> None:
    case.script(Output(reasoning="Hm."))
    with pytest.raises(EngineResponseError, match="neither an answer nor a call"):
        await case.events()


async def test_signs_of_life_are_no_answer(case: Case) -> None:
    """A server that only pings once it has begun to write is cut off."""

    async def pinging() -> AsyncIterator[bytes]:
        if isinstance(case.server, FakeResponses):
            async for piece in case.server._stream(Output(text="Bones and"), 1):  # pyright: ignore[reportPrivateUsage]
                if b"done" not in piece and b"completed" not in piece:
                    yield piece
        else:
            choice = {"index": 0, "delta": {"content": "Bones "}, "finish_reason": None}
            yield event({"id": "c", "created": 0, "model": "m", "choices": [choice]})
        while True:
            yield b": ping\n\n"
            await asyncio.sleep(0.02)

    case.model.idle_seconds = 0.3  # type: ignore[attr-defined]
    case.script(Reply(pinging(), content_type="text/event-stream"))
    with pytest.raises(EngineTimeoutError, match=r"sent nothing of its answer for 0\.3 s"):
        await case.events()
    assert len(case.server.sent) == 1


async def test_cancelling_ends_the_request(case: Case) -> None:
    case.script(Reply(hanging(), content_type="text/event-stream"))
    task = asyncio.create_task(case.events())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server: HttpServer = case.server
    assert len(server.requests) == 1


async def test_errors_are_one_line(case: Case) -> None:
    case.script(*(json_reply({"error": {"message": "raw='a secret'"}}, status=500) for _ in range(3)))
    with pytest.raises(EngineError) as caught:
        await case.events()
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["search<|channel|>commentary", "functions.search", "searchjson", "search <|constrain|>json", "search"],
)
async def test_a_call_whose_name_holds_more_of_its_header_is_made(case: Case, name: str) -> None:
    case.script(Output(calls=[(name, '{"query": "kites"}')]), Output(text="Bones."))
    events = await case.events()
    (call,) = [
        each for event in events if event.type == "response.completed" for each in event.response.output
    ][:1]
    assert (call.type, call.name) == ("function_call", "search")
    assert events[-1].response.output[-1].content[0].text == "Bones."


@pytest.mark.parametrize(
    "name", ["assistant<|channel|>analysis", "analysis", "assistant", "user", "python<|channel|>analysis"]
)
async def test_a_call_of_a_role_or_the_hidden_channel_is_a_thought(case: Case, name: str) -> None:
    case.script(Output(calls=[(name, '{"I think": "THOUGHT"}')], text="Bones."))
    events = await case.events()
    assert [item.type for item in events[-1].response.output].count("function_call") == 0
    thoughts = [item for item in events[-1].response.output if item.type == "reasoning"]
    assert [thought.content[0].text for thought in thoughts] == ['{"I think": "THOUGHT"}']
    assert not [event for event in events if "THOUGHT" in str(event) and "function_call" in event.type]


async def test_a_call_of_what_does_not_exist_is_told_so(case: Case) -> None:
    case.script(Output(calls=[("browse", "{}")]), Output(text="Bones."))
    agent = Agent[None](name="a", model=case.model, tools=[search])
    result = await Runner.run(
        agent,
        "?",
        run_config=RunConfig(tracing_disabled=True, tool_not_found_behavior="return_error_to_model"),
    )
    assert result.final_output == "Bones."
