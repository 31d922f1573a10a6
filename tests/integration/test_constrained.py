"""Random weights on a real llama.cpp, held to whole turns: every answer and every call is of its schema.

The model says at random what ends something (``tiny_gguf.py --ending``), so that most turns end. What the
token limit cuts off is not judged, and there may not be much of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import pytest
from agents import function_tool
from pydantic import BaseModel, Field

from fakes.output_types import HELD_TYPES, Text
from ossifrage import HarmonyModel
from ossifrage.agent.engines.llama_server import LlamaServerEngine

from .held import ends

pytestmark = pytest.mark.integration


@pytest.fixture
async def model(ending_llama_url: str) -> AsyncIterator[HarmonyModel]:
    model = HarmonyModel(await LlamaServerEngine.open(base_url=ending_llama_url))
    yield model
    await model.close()


def seeds(count: int) -> list[dict[str, Any]]:
    return [{"extra_args": {"seed": seed}} for seed in range(count)]


QUICK = 1
"""How many types are tried in every test run; the others with the slow tests."""


@pytest.mark.parametrize(
    "output_type",
    [
        pytest.param(kind, marks=() if index < QUICK else pytest.mark.slow)
        for index, kind in enumerate(HELD_TYPES)
    ],
    ids=lambda kind: getattr(kind, "__name__", str(kind)),
)
async def test_an_answer_of_any_type(model: HarmonyModel, output_type: Any) -> None:
    assert await ends(model, output_type, settings=seeds(2))


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


async def test_calls_are_of_the_tools_schema_and_so_are_answers(model: HarmonyModel) -> None:
    done = await ends(model, Text, [look_up, clock], settings=seeds(3))
    assert len(done) >= 2
    assert {"look_up", "the time"} & set(done)


async def test_a_call_that_has_to_be_made(model: HarmonyModel) -> None:
    settings = [{**seed, "tool_choice": "look_up"} for seed in seeds(1)]
    assert set(await ends(model, Text, [look_up, clock], settings=settings)) == {"look_up"}


async def test_an_answer_in_plain_text(model: HarmonyModel) -> None:
    settings = [{**seed, "tool_choice": "none"} for seed in seeds(1)]
    assert set(await ends(model, str, [clock], settings=settings)) == {"answer"}
