"""gpt-oss by name, in an app on the OpenAI Agents SDK."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from agents import Agent, ModelRetryAdviceRequest, ModelSettings, RunConfig, Runner
from openai.types.shared import Reasoning

from fakes.scripted_engine import ScriptedEngine
from fakes.vllm_server import FakeVllm
from ossifrage import HarmonyModel, HarmonyProvider, Settings
from ossifrage.agent.errors import (
    ContextWindowError,
    EngineError,
    EngineResponseError,
    EngineUnreachableError,
    NoEngineError,
)

ANSWER = "<|channel|>final<|message|>Hello.<|return|>"


def told_tokens(text: str = ANSWER) -> list[int]:
    from ossifrage.agent.harmony import load_encoding

    return load_encoding().encode(text, allowed_special="all")


def config(provider: HarmonyProvider) -> RunConfig:
    return RunConfig(model_provider=provider, tracing_disabled=True)


async def test_an_agent_names_its_model_and_nothing_else(home: Path) -> None:
    async with FakeVllm(completion=told_tokens()) as server:
        provider = HarmonyProvider(Settings(home=home, base_url=server.url))
        for named in (Agent(name="a", model="openai/gpt-oss-20b"), Agent(name="b")):
            result = await Runner.run(named, "Hi", run_config=config(provider))
            assert result.final_output == "Hello."
        asked = [request.path for request in server.requests].count("/v1/models")
        await Runner.run(Agent(name="b"), "Hi", run_config=config(provider))
        assert [request.path for request in server.requests].count("/v1/models") == asked  # opened once
        await provider.aclose()
        await provider.aclose()


async def test_what_is_wrong_is_raised_by_the_request_and_tried_anew(home: Path) -> None:
    async with FakeVllm(completion=told_tokens(), api_key="sesame") as server:
        provider = HarmonyProvider(Settings(home=home, base_url=server.url))
        model = provider.get_model("openai/gpt-oss-20b")
        with pytest.raises(EngineError):
            await Runner.run(Agent(name="a", model=model), "Hi", run_config=config(provider))
        server.api_key = None
        result = await Runner.run(Agent(name="a", model=model), "Hi", run_config=config(provider))
        assert result.final_output == "Hello."
        await provider.aclose()


def test_every_event_loop_has_its_own(home: Path) -> None:
    async def ask(provider: HarmonyProvider, url: str) -> str:
        result = await Runner.run(Agent(name="a"), "Hi", run_config=config(provider))
        await provider.aclose()
        return result.final_output

    async def serve() -> list[str]:
        async with FakeVllm(completion=told_tokens()) as server:
            provider = HarmonyProvider(Settings(home=home, base_url=server.url))
            asks = [asyncio.to_thread(lambda: asyncio.run(ask(provider, server.url))) for _ in range(4)]
            return await asyncio.gather(*asks)

    assert asyncio.run(serve()) == ["Hello."] * 4


async def test_an_app_is_never_answered_by_quotes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    provider = HarmonyProvider(Settings(home=home, model="nobody-serves-this"))
    with pytest.raises(NoEngineError, match="start one"):
        await Runner.run(Agent(name="a"), "Hi", run_config=config(provider))


@pytest.mark.parametrize(
    ("error", "suggested", "status"),
    [
        (EngineResponseError("busy", status=503, retry_after=4.0), True, 503),
        (EngineResponseError("no", status=400), False, 400),
        (EngineUnreachableError("gone"), True, None),
        (ContextWindowError("too long"), False, None),
    ],
)
def test_a_runner_that_retries_is_told_whether_it_helps(
    error: EngineError, suggested: bool, status: int | None
) -> None:
    model = HarmonyModel(ScriptedEngine([]))
    advice = model.get_retry_advice(ModelRetryAdviceRequest(error=error, attempt=1, stream=True))
    assert advice is not None
    assert (advice.suggested, advice.replay_safety) == (suggested, "safe")
    assert advice.normalized is not None
    assert advice.normalized.status_code == status
    assert advice.retry_after == getattr(error, "retry_after", None)
    other = ModelRetryAdviceRequest(error=ValueError("of the app"), attempt=1, stream=True)
    assert model.get_retry_advice(other) is None


async def test_settings_that_change_nothing_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    model = HarmonyModel(ScriptedEngine([ANSWER, ANSWER, ANSWER]))
    settings = ModelSettings(
        temperature=0.3, frequency_penalty=0.5, parallel_tool_calls=True, extra_args={"seed": 1, "top_k": 5}
    )
    agent = Agent(name="a", model=model, model_settings=settings)
    for _ in range(2):
        await Runner.run(agent, "Hi", run_config=RunConfig(tracing_disabled=True))
    told = [record.getMessage() for record in caplog.records if "no such setting" in record.getMessage()]
    assert told == [
        "gpt-oss over token ids has no such setting: frequency_penalty, parallel_tool_calls, "
        "extra_args['top_k']"
    ]
    agent.model_settings = ModelSettings(temperature=0.3, parallel_tool_calls=False, max_tokens=50)
    await Runner.run(agent, "Hi", run_config=RunConfig(tracing_disabled=True))
    assert len([record for record in caplog.records if "no such setting" in record.getMessage()]) == 1


@pytest.mark.parametrize(
    ("asked", "written"),
    [("minimal", "low"), ("low", "low"), ("xhigh", "high"), ("high", "high"), (None, "medium")],
)
async def test_efforts_of_other_models_become_the_nearest(asked: str | None, written: str) -> None:
    engine = ScriptedEngine([ANSWER])
    settings = ModelSettings(reasoning=Reasoning.model_validate({"effort": asked}))
    agent = Agent(name="a", model=HarmonyModel(engine), model_settings=settings)
    await Runner.run(agent, "Hi", run_config=RunConfig(tracing_disabled=True))
    from ossifrage.agent.harmony import load_encoding

    assert f"Reasoning: {written}\n" in load_encoding().decode(engine.prompts[0])
