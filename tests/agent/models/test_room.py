"""How much of the window a completion gets."""

from __future__ import annotations

import pytest
from agents import Agent, ModelSettings, RunConfig, Runner

from fakes.scripted_engine import ScriptedEngine
from ossifrage import HarmonyModel
from ossifrage.agent.errors import ContextWindowError

ANSWER = "<|channel|>final<|message|>Yes.<|return|>"


async def ask(window: int, max_tokens: int | None = None) -> ScriptedEngine:
    engine = ScriptedEngine([ANSWER], context_window=window)
    agent = Agent[None](
        name="a", model=HarmonyModel(engine), model_settings=ModelSettings(max_tokens=max_tokens)
    )
    await Runner.run(agent, "word " * 5_000, run_config=RunConfig(tracing_disabled=True))
    return engine


@pytest.fixture
async def prompt_tokens() -> int:
    return len((await ask(131_072)).prompts[0])


async def test_a_prompt_that_leaves_less_than_512_tokens_is_refused(prompt_tokens: int) -> None:
    engine = await ask(prompt_tokens + 512)
    assert engine.samplings[0].max_tokens == 512
    with pytest.raises(ContextWindowError, match=f"{prompt_tokens} tokens.*is {prompt_tokens + 511}:"):
        await ask(prompt_tokens + 511)


async def test_a_completion_gets_what_is_left_or_what_was_asked_for(prompt_tokens: int) -> None:
    assert (await ask(prompt_tokens + 600)).samplings[0].max_tokens == 600
    assert (await ask(prompt_tokens + 600, 550)).samplings[0].max_tokens == 550
    assert (await ask(prompt_tokens + 600, 700)).samplings[0].max_tokens == 600
    assert (await ask(131_072)).samplings[0].max_tokens == 32_768
