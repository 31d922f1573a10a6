"""The assistant on servers that take text, by the names of their engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.chat_server import FakeChat
from fakes.responses_server import FakeResponses, Output
from ossifrage import Answer, Assistant, KnowledgeBase, Settings
from ossifrage.agent.answer import StopReason
from ossifrage.agent.errors import UsageError

SEARCH = '{"queries": ["bones"]}'
ANSWER = '{"answer": "It eats bones【0†L5】."}'


def chat_server(*outputs: Output) -> FakeChat:
    function = {"name": "search", "arguments": SEARCH}
    return FakeChat(
        messages=[
            {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
            if output.calls
            else {"content": output.text} | ({"finish_reason": "length"} if output.cut else {})
            for output in outputs
        ]
    )


def responses_server(*outputs: Output) -> FakeResponses:
    return FakeResponses(outputs=[*outputs])


@pytest.mark.parametrize(("engine", "server"), [("chat", chat_server), ("responses", responses_server)])
@pytest.mark.parametrize("cut", [False, True])
async def test_an_answer_whole_and_cut_off(
    engine: str, server: type, cut: bool, birds: KnowledgeBase, home: Path
) -> None:
    said = Output(text=ANSWER[:20] if cut else ANSWER, cut=cut)
    async with server(Output(calls=[("search", SEARCH)]), said) as fake:
        settings = Settings(home=home, engine=engine, base_url=fake.url)
        async with Assistant(settings, knowledge=birds) as assistant:
            result = await assistant.run("What does the bearded vulture eat?")
    assert result.engine == engine
    if cut:
        assert result.stop_reason is StopReason.MAX_TOKENS
        assert (result.output, result.text) == (None, "It eats ")
    else:
        assert isinstance(result.output, Answer)
        assert result.output.answer == "It eats bones[1]."
        assert result.citations[0].verified


async def test_an_engine_that_is_none(birds: KnowledgeBase, home: Path) -> None:
    async with Assistant(Settings(home=home, engine="response"), knowledge=birds) as assistant:
        with pytest.raises(UsageError, match=r"choose auto, .*, chat or responses\."):
            await assistant.open()
