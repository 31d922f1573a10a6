"""A thought never goes to another company's model, not even one that had to be mended."""

from __future__ import annotations

import json

import openai
import pytest
from agents import Agent, OpenAIResponsesModel, RunConfig, Runner, handoff

from fakes.responses_server import FakeResponses, Output
from fakes.scripted_engine import ScriptedEngine
from ossifrage import HarmonyModel

HAND_OVER = "<|channel|>commentary to=functions.transfer_to_other <|constrain|>json<|message|>{}<|call|>"


@pytest.mark.parametrize(
    "thought",
    [
        "<|channel|>analysis<|message|>THOUGHT.<|end|><|start|>assistant",
        "<|channel|>analysis<|message|>THOUGHT.",  # no <|end|>
        "<|channel|>analysis to=python code<|message|>THOUGHT.<|end|><|start|>assistant",
        "<|channel|>analysis<|channel|>final<|message|>THOUGHT.<|end|><|start|>assistant",
        "THOUGHT.<|end|><|start|>assistant",
    ],
)
async def test_a_handoff_sends_no_thought_to_another_provider(thought: str) -> None:
    async with FakeResponses() as server:
        server.outputs.append(Output(text="Hello."))
        client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none")
        other = Agent[None](name="other", model=OpenAIResponsesModel("gpt-other", client))
        engine = ScriptedEngine([thought + HAND_OVER])
        first = Agent[None](name="first", model=HarmonyModel(engine), handoffs=[handoff(other)])
        result = Runner.run_streamed(first, "Hi.", run_config=RunConfig(tracing_disabled=True))
        seen = [event async for event in result.stream_events()]
        await client.close()
        assert result.final_output == "Hello."
        thoughts = [event for event in seen if "THOUGHT" in str(event)]
        assert thoughts, "the thought is in the run's own events"
        (sent,) = server.sent
        assert "THOUGHT" not in json.dumps(sent)
