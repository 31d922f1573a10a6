"""What the tools are given and what they return, as MCP clients see it. Nothing of what a model thought."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from ....tools.dates import first_moment, moment_after
from ....tools.knowledge import Filters

__all__ = [
    "Arguments",
    "AskArguments",
    "Asked",
    "Cited",
    "FindArguments",
    "Found",
    "Hit",
    "Line",
    "ListArguments",
    "Listed",
    "Listing",
    "OpenArguments",
    "Opened",
    "Part",
    "SearchArguments",
    "Searched",
]


def _as_list(value: Any) -> Any:
    """A list, also where a client sends it as JSON text, or one text alone; nothing for null."""
    if value is None:
        return []
    if not isinstance(value, str):
        return value
    try:
        read: Any = json.loads(value)
    except (ValueError, RecursionError):
        read = None
    return cast("list[Any]", read) if isinstance(read, list) else [value]


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Texts = Annotated[list[Text], BeforeValidator(_as_list)]
_Day = WithJsonSchema({"type": "string"})


def _when(read: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: None if value is None else read(value))


class Arguments(BaseModel):
    """Of a tool. A name that is not known is an error: what it asked for would be left out unseen."""

    model_config = ConfigDict(extra="forbid")


class AskArguments(Arguments):
    """Of ``ask``."""

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)]
    reasoning: Literal["low", "medium", "high"] | SkipJsonSchema[None] = None


class SearchArguments(Arguments):
    """Of ``search``."""

    queries: Annotated[Texts, Field(min_length=1, max_length=5)]
    top_k: Annotated[int, Field(ge=1, le=20)] = 5
    sources: Annotated[Texts, Field(max_length=20)] = []
    tags: Annotated[Texts, Field(max_length=20)] = []
    since: Annotated[datetime | None, _when(first_moment), _Day] = None
    until: Annotated[datetime | None, _when(moment_after), _Day] = None

    def filters(self) -> Filters | None:
        """What the knowledge base is asked; None where all is searched."""
        if not (self.sources or self.tags or self.since or self.until):
            return None
        return Filters(
            sources=tuple(self.sources),
            tags=tuple(self.tags),
            modified_from=self.since,
            modified_before=self.until,
        )


class OpenArguments(Arguments):
    """Of ``open``."""

    source: Text
    line: Annotated[int, Field(ge=1)] = 1
    num_lines: Annotated[int, Field(ge=1, le=1000)] = 100


class FindArguments(Arguments):
    """Of ``find``."""

    source: Text
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    line: Annotated[int, Field(ge=1)] = 1


class ListArguments(Arguments):
    """Of ``list_sources``."""

    pattern: Text | SkipJsonSchema[None] = None
    start: Annotated[int, Field(ge=1)] = 1


class Line(BaseModel):
    """A line of a document. A long one is cut, with … where something was left out."""

    line: int
    """From 1."""
    text: str


class Part(BaseModel):
    """Some lines of a document."""

    source: str
    uri: str
    """The document as a resource of this server."""
    title: str
    heading: str
    """The headings above the first line, outermost first."""
    start_line: int
    end_line: int
    total_lines: int
    """Lines in the whole document."""
    lines: list[Line]
    page: int | None = None
    """Of a PDF."""
    sheet: str | None = None
    slide: int | None = None
    location: str | None = None
    """An address that a program on the same machine can open."""


class Hit(Part):
    """A passage that a search found."""

    score: float
    """Comparable within one search."""


class Searched(BaseModel):
    """What ``search`` found, best first."""

    passages: list[Hit]
    left_out: int = 0
    """Passages that found no room."""


class Opened(Part):
    """What ``open`` shows."""

    next_line: int | None
    """Where to go on; None at the end."""


class Found(Part):
    """What ``find`` found: the lines that hold the text, and those around them."""

    matches: list[int]
    """The lines that hold it."""
    more_matches: int
    """How many follow."""
    next_line: int | None
    """Where to go on; None where none follow."""


class Listed(BaseModel):
    """A document."""

    source: str
    uri: str
    title: str
    lines: int
    modified: datetime
    tags: list[str]


class Listing(BaseModel):
    """What ``list_sources`` lists."""

    documents: list[Listed]
    total: int
    next_start: int | None
    """Where to go on; None at the end."""


class Cited(BaseModel):
    """A place that an answer rests on."""

    source: str
    uri: str
    title: str
    heading: str
    start_line: int
    end_line: int
    quote: str
    verified: bool
    """The quote stands in lines that the model was shown."""
    page: int | None
    sheet: str | None
    slide: int | None
    location: str | None


class Asked(BaseModel):
    """An answer. A marker such as ``[1]`` refers to the first of ``citations``."""

    answer: str
    citations: list[Cited]
    missing: list[str]
    """What the documents do not cover."""
    stop_reason: str
    partial: bool
    """A limit was hit, or the model's server failed in the answer."""
    engine: str
    model: str
    seconds: float
    trace_id: str
