"""Random weights on a real llama.cpp, held to whole turns: every answer and every call is of its schema.

The model says at random what ends something (``tiny_gguf.py --ending``), so that most turns end. What the token
limit cuts off is not judged, and there may not be much of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import pytest
from agents import Agent, FunctionTool, ModelSettings, ModelTracing, RunConfig, Runner, function_tool
from openai.types.responses import Response, ResponseFunctionToolCall, ResponseOutputMessage
from pydantic import BaseModel, Field, TypeAdapter

from fakes.output_types import OUTPUT_TYPES, Text
from ossifrage import HarmonyModel
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.run.output import OutputSchema

pytestmark = pytest.mark.integration

MAX_TOKENS = 800
QUIET = RunConfig(tracing_disabled=True)


@pytest.fixture
async def model(ending_llama_url: str) -> AsyncIterator[HarmonyModel]:
    model = HarmonyModel(await LlamaServerEngine.open(base_url=ending_llama_url))
    yield model
    await model.close()


def settings(seed: int = 1) -> ModelSettings:
    return ModelSettings(max_tokens=MAX_TOKENS, extra_args={"seed": seed})


QUICK = 6
"""How many types are tried in every test run; the others with the slow tests."""


@pytest.mark.parametrize(
    "output_type",
    [
        pytest.param(kind, marks=() if index < QUICK else pytest.mark.slow)
        for index, kind in enumerate(OUTPUT_TYPES)
    ],
    ids=lambda kind: getattr(kind, "__name__", str(kind)),
)
async def test_an_answer_of_any_type(model: HarmonyModel, output_type: Any) -> None:
    agent = Agent(name="any", model=model, output_type=OutputSchema(output_type), model_settings=settings())
    result = await Runner.run(agent, "Go on.", run_config=QUIET, max_turns=1)
    TypeAdapter(output_type).validate_python(result.final_output)


class Filters(BaseModel):
    after: int = Field(ge=1900, le=2100)
    kinds: list[Literal["bird", "reptile"]] | None = None


@function_tool
def look_up(queries: Annotated[list[str], Field(min_length=1)], filters: Filters, top_k: int = 5) -> str:
    """Look something up."""
    raise NotImplementedError


@function_tool(name_override="the time")
def clock() -> str:
    """Tell the time."""
    raise NotImplementedError


class Arguments(BaseModel):
    queries: list[str] = Field(min_length=1)
    filters: Filters
    top_k: int


async def respond(model: HarmonyModel, tools: list[FunctionTool], *, seed: int) -> Response:
    events = model.stream_response(
        "Be brief.",
        "Go on.",
        settings(seed),
        list(tools),
        OutputSchema(Text),
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    async for event in events:
        if event.type == "response.completed":
            return event.response
    raise AssertionError("the stream ended without a response")


async def test_calls_are_of_the_tools_schema_and_so_are_answers(model: HarmonyModel) -> None:
    done: list[str] = []
    for seed in range(4):
        response = await respond(model, [look_up, clock], seed=seed)
        item = response.output[-1]
        assert response.metadata is not None
        assert response.metadata["repairs"] == ""
        assert response.metadata["finish_reason"] == "stop"
        if isinstance(item, ResponseFunctionToolCall):
            done.append(item.name)
            if item.name == "the time":
                assert item.arguments == "{}"
            else:
                Arguments.model_validate_json(item.arguments)
        else:
            assert isinstance(item, ResponseOutputMessage)
            done.append("answer")
            Text.model_validate_json(item.content[0].text)  # type: ignore[union-attr]
    assert {"look_up", "the time"} & set(done)
    assert set(done) <= {"look_up", "the time", "answer"}


async def test_without_tools_there_is_an_answer(model: HarmonyModel) -> None:
    for seed in range(2):
        response = await respond(model, [], seed=seed)
        assert isinstance(response.output[-1], ResponseOutputMessage)
