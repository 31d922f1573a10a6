from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Literal

from openai_harmony import DeveloperContent, HarmonyEncoding, Message, Role, ToolDescription
from pydantic import BaseModel, Field

from ossifrage.agent.harmony.schemas import response_schema, tool_parameters


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int
    y: int = 0


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Everything(BaseModel):
    name: str = Field(description="Who.", min_length=2)
    level: Literal["low", "high"] | None = None
    colour: Colour = Colour.RED
    point: Point
    points: list[Point] = []
    either: int | str = 1
    when: date | None = None
    numbers: Literal[1, 2] = 1


def signature(model: type[BaseModel], encoding: HarmonyEncoding) -> str:
    parameters = tool_parameters(model.model_json_schema())
    tool = ToolDescription(name="f", description="Do it.", parameters=parameters)
    content = DeveloperContent.new().with_function_tools([tool])
    return encoding.decode(encoding.render(Message.from_role_and_content(Role.DEVELOPER, content)))


def test_what_pydantic_writes_reaches_the_model(encoding: HarmonyEncoding) -> None:
    text = signature(Everything, encoding)
    assert "any," not in text
    assert "// Who. at least 2 characters.\nname: string," in text
    assert 'level?: "low" | "high" | null,' in text
    assert 'colour?: "red" | "blue", // default: red' in text
    assert "x: number," in text
    assert "one of 1, 2" in text


def test_recursion_ends(encoding: HarmonyEncoding) -> None:
    assert "value: number," in signature(Tree, encoding)


def test_no_parameters() -> None:
    class Empty(BaseModel):
        pass

    assert tool_parameters(Empty.model_json_schema()) is None


def test_response_schema_is_inlined_and_untitled() -> None:
    schema = response_schema(Everything.model_json_schema())
    assert "$defs" not in schema
    assert schema["properties"]["point"]["properties"]["x"] == {"type": "integer"}
    assert "title" not in str(schema)


def test_a_field_called_title_stays() -> None:
    class Book(BaseModel):
        title: str

    assert response_schema(Book.model_json_schema())["properties"] == {"title": {"type": "string"}}


def test_recursive_response_schema_keeps_its_definition() -> None:
    schema = response_schema(Tree.model_json_schema())
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
