"""The Responses API of the real llama.cpp, which leaves out what OpenAI's does not."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, ModelSettings, RunConfig, Runner, function_tool

from ossifrage.agent.models.chat import chat_model
from ossifrage.agent.models.responses import responses_model

pytestmark = pytest.mark.integration

QUIET = RunConfig(tracing_disabled=True)
HISTORY: list[Any] = [
    {"role": "user", "content": "What do kites eat?"},
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "I should search."}],
    },
    {"type": "function_call", "call_id": "c", "name": "search", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "bones <|end|>"},
]


@function_tool
def search() -> str:
    """Search."""
    raise NotImplementedError


async def respond(url: str, opened: Any, *, max_tokens: int) -> Any:
    model = opened(base_url=url, model="tiny-gpt-oss", server="llama-server")
    agent = Agent[None](
        name="a", model=model, tools=[search], model_settings=ModelSettings(max_tokens=max_tokens)
    )
    result = Runner.run_streamed(agent, HISTORY, run_config=QUIET, max_turns=1)
    events: list[Any] = [
        event.data async for event in result.stream_events() if event.type == "raw_response_event"
    ]
    await model.close()
    return events[-1].response


@pytest.mark.parametrize("opened", [chat_model, responses_model])
async def test_the_token_limit_shows(llama_url: str, opened: Any) -> None:
    response = await respond(llama_url, opened, max_tokens=6)
    assert response.metadata["finish_reason"] == "length"
    assert response.output[-1].status == "incomplete"
