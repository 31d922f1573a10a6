"""What type checkers know of an assistant's answers. Checked, never run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, assert_type

from agents import RunContextWrapper, function_tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from ossifrage import Answer, Assistant, Limits, PartialOutput, Result, RunOptions, TextDelta
from ossifrage.agent.run.output import OutputSchema

M = TypeVar("M", bound=BaseModel)


class Finding(BaseModel):
    claim: str


class Refusal(BaseModel):
    reason: str


class Row(TypedDict):
    name: str


@dataclass
class Point:
    x: int


@dataclass
class Desk:
    """An app's own context."""

    user: str


Verdict = Finding | Refusal
Share = Annotated[float, Field(ge=0, le=1)]


@function_tool
def who(context: RunContextWrapper[Desk]) -> str:
    return context.context.user


async def of_the_assistant() -> None:
    assert_type((await Assistant().run("?")).output, Answer)
    assert_type((await Assistant(output_type=Finding).run("?")).output, Finding)
    assert_type((await Assistant(output_type=str).run("?")).output, str)
    assert_type((await Assistant(output_type=Point).run("?")).output, Point)
    assert_type((await Assistant(output_type=Row).run("?")).output, Row)
    assert_type((await Assistant(output_type=Finding | Refusal).run("?")).output, Finding | Refusal)
    assert_type((await Assistant(output_type=Verdict).run("?")).output, Finding | Refusal)
    assert_type((await Assistant(output_type=list[Finding]).run("?")).output, list[Finding])
    assert_type((await Assistant(output_type=dict[str, int]).run("?")).output, dict[str, int])
    assert_type((await Assistant(output_type=Finding | None).run("?")).output, Finding | None)
    assert_type((await Assistant(output_type=Literal["a", "b"]).run("?")).output, Literal["a", "b"])
    assert_type((await Assistant(output_type=Share).run("?")).output, float)
    schema = OutputSchema.of_json_schema({"type": "object"})
    result: Result[Any] = await Assistant(output_type=schema).run("?")
    str(result.output)


async def of_the_run(assistant: Assistant) -> None:
    assert_type((await assistant.run("?")).output, Answer)
    assert_type((await assistant.run("?", output_type=Finding)).output, Finding)
    assert_type((await assistant.run("?", output_type=list[Finding])).output, list[Finding])
    assert_type((await assistant.run("?", output_type=Finding | Refusal)).output, Finding | Refusal)
    assert_type(assistant.run_sync("?").output.answer, str)
    assert_type(assistant.run_sync("?", output_type=Finding | None).output, Finding | None)
    options: RunOptions = {"reasoning": "low", "limits": Limits(steps=3), "context": Desk("Ada")}
    assert_type((await assistant.run("?", output_type=int, **options)).output, int)


async def of_the_stream(assistant: Assistant[Finding]) -> None:
    async for item in assistant.run_stream("?", limits=Limits(seconds=3)):
        if isinstance(item, Result):
            assert_type(item.output, Finding)
        elif isinstance(item, TextDelta):
            assert_type(item.text, str)
        elif isinstance(item, PartialOutput):
            str(item.value)


async def of_what_goes_on(assistant: Assistant[Finding], state: str) -> None:
    assert_type((await assistant.resume(state, approve=True)).output, Finding)
    assert_type((await assistant.resume(state, reject={"call_1": "no"}, output_type=Point)).output, Point)


async def of_a_function_over_types(assistant: Assistant, wanted: type[M]) -> M:
    result = await assistant.run("?", output_type=wanted)
    return result.output


def of_a_block() -> None:
    with Assistant(output_type=Finding, tools=[who], instructions="Be brief.") as assistant:
        assert_type(assistant, Assistant[Finding])
