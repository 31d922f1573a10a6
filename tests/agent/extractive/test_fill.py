"""Answers put into the form of a JSON Schema."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from ossifrage.agent.errors import CannotFillError
from ossifrage.agent.extractive.answer import Composition
from ossifrage.agent.extractive.fill import fill
from ossifrage.agent.extractive.passages import Unit, units_of
from ossifrage.tools.pages import Page

QUESTION = "Does Milvus support vectors with many dimensions?"


def quotes(*lines: str) -> tuple[Unit, ...]:
    page = Page(
        cursor=3,
        source="faq.md",
        title="FAQ",
        heading="",
        total_lines=99,
        lines=dict(enumerate(lines, start=9)),
    )
    return tuple(units_of(page))


FOUND = Composition(
    text="Yes. It does. 【3†L9】",
    quotes=quotes(
        "Yes. It supports the following.",
        "",
        "The maximum number of dimensions is 32,768.",
        "",
        "The release of 2024-05-01 made the license Apache.",
    ),
    missing=("What does it cost",),
)


def filled(model: type[BaseModel], answer: Composition = FOUND) -> Any:
    return model.model_validate_json(fill(model.model_json_schema(), answer, question=QUESTION))


class Place(BaseModel):
    document: str
    line: int
    excerpt: str


class Report(BaseModel):
    summary: str
    where: list[Place]
    best: Place | None = None
    gaps: list[str] = []
    max_dimensions: int
    supported: bool = Field(alias="vectors_supported")
    license: Literal["Apache", "MIT"]
    release: date
    price: float | None
    rating: int = 5
    note: str | None = None


def test_every_field_that_the_quotes_give_is_filled():
    report = filled(Report)
    assert report.summary == FOUND.text
    assert [(place.document, place.line) for place in report.where] == [
        ("faq.md", 9),
        ("faq.md", 11),
        ("faq.md", 13),
    ]
    assert report.where[1].excerpt == "The maximum number of dimensions is 32,768."
    assert report.best == report.where[0]
    assert report.gaps == ["What does it cost"]
    assert (report.max_dimensions, report.supported, report.license) == (32768, True, "Apache")
    assert report.release == date(2024, 5, 1)
    assert (report.price, report.rating, report.note) == (None, 5, None)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"price": {"type": "integer"}}, r"`price` \(integer\)"),
        ({"level": {"enum": ["low", "high"]}}, r"`level`"),
        ({"certain": {"type": "boolean"}}, r"`certain` \(boolean\)"),
        ({"since": {"type": "string", "format": "date-time"}}, r"`since`"),
        ({"answer": {"type": "string", "maxLength": 3}}, r"`answer`"),
        ({"scores": {"type": "array", "items": {"type": "number"}}}, r"`scores` \(array\)"),
        ({"anything": {"type": "object"}}, r"`anything` \(object\)"),
        (
            {"license": {"type": "object", "properties": {"fee": {"type": "number"}}, "required": ["fee"]}},
            r"`license\.fee`",
        ),
    ],
)
def test_a_required_field_without_a_plain_value_is_refused(schema: dict[str, Any], path: str):
    whole = {"type": "object", "properties": schema, "required": list(schema)}
    with pytest.raises(CannotFillError, match=path):
        fill(whole, FOUND, question=QUESTION)
    optional = {"type": "object", "properties": schema}
    assert json.loads(fill(optional, FOUND, question=QUESTION)).keys().isdisjoint(schema)


def test_two_numbers_are_not_a_plain_value():
    answer = Composition(text="x", quotes=quotes("The dimensions were 128 and are 256."))
    schema = {"type": "object", "properties": {"dimensions": {"type": "integer"}}, "required": ["dimensions"]}
    with pytest.raises(CannotFillError):
        fill(schema, answer, question=QUESTION)


def test_a_schema_that_needs_itself_without_end_is_refused():
    schema = {
        "$defs": {
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}
        },
        "$ref": "#/$defs/Node",
    }
    with pytest.raises(CannotFillError):
        fill(schema, FOUND, question=QUESTION)


def test_an_empty_answer_fills_the_default_form():
    class Answer(BaseModel):
        answer: str
        citations: list[Place]
        missing: list[str]

    empty = Composition(text="The sources say nothing about “x”.", missing=("x",))
    assert filled(Answer, empty) == Answer(answer=empty.text, citations=[], missing=["x"])
