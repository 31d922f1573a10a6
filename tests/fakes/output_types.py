"""Output types of every shape Pydantic has a JSON schema for.

Names are short, since a random model spells them letter by letter.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from annotated_types import Len
from pydantic import (
    UUID4,
    BaseModel,
    Field,
    HttpUrl,
    IPvAnyAddress,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
)
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict

from ossifrage import Answer


class Text(BaseModel):
    text: str


class Bounded(BaseModel):
    """Lengths that have to be met exactly."""

    code: str = Field(min_length=3, max_length=3)
    title: str = Field(max_length=12)
    words: Annotated[list[str], Len(1, 2)]


class Scalars(BaseModel):
    a: int
    b: float
    c: bool
    d: None


class Ranges(BaseModel):
    a: int = Field(ge=0, le=100)
    b: int = Field(ge=1990, lt=2030)
    c: int = Field(gt=-50, lt=-7)
    d: float = Field(ge=0, le=1)
    e: float = Field(gt=-1.5, lt=2.25)
    f: PositiveFloat
    g: NonNegativeFloat
    h: PositiveInt


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Size(IntEnum):
    SMALL = 1
    LARGE = 10


class Choices(BaseModel):
    a: Colour
    b: Size
    c: Literal["a", "b", 3, None, True]
    d: Literal["always"] = "always"


class Optionals(BaseModel):
    first: str | None = None
    second: int = 2
    third: bool
    fourth: list[int] | None = None
    fifth: Colour | None


class AllOptional(BaseModel):
    a: int = 0
    b: int | None = None
    c: bool = False


class Nothing(BaseModel):
    pass


class Times(BaseModel):
    a: date
    b: datetime
    c: time
    d: timedelta


class Identifiers(BaseModel):
    a: UUID
    b: UUID4
    c: IPvAnyAddress
    d: HttpUrl


class Money(BaseModel):
    a: Decimal
    b: Annotated[Decimal, Field(ge=0, le=1000)]


class Patterns(BaseModel):
    a: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    b: Annotated[str, StringConstraints(pattern=r"^v\d+(\.\d{1,3})?(-(alpha|beta))?$")]
    c: Annotated[str, StringConstraints(pattern=r"^\+?\d{3,5}$")]


class Place(BaseModel):
    name: str
    at: tuple[float, float]


class Nested(BaseModel):
    home: Place
    away: list[Place]
    by_name: dict[str, Place]


class Tree(BaseModel):
    value: int
    children: list[Tree] = Field(default=[], max_length=2)


class Chain(BaseModel):
    word: str
    next: Chain | None


class Husband(BaseModel):
    wife: Wife | None = None


class Wife(BaseModel):
    husband: Husband | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Pet(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    other: Cat | Dog | str | int


class Mappings(BaseModel):
    a: dict[str, int]
    b: dict[Colour, bool]
    c: list[list[int]]
    d: dict[Annotated[str, StringConstraints(pattern="^[a-z]{1,3}$")], int]


class Sequences(BaseModel):
    a: tuple[int, str]
    b: tuple[int, ...]
    c: set[Literal["a", "b", "c"]]
    d: Annotated[list[bool], Len(4, 4)]
    e: Annotated[list[bool], Len(2)]


class Anything(BaseModel):
    value: Any
    table: dict[str, Any]


class Aliased(BaseModel):
    """Names that JSON has to escape."""

    quoted: int = Field(alias='say "hi"')
    accented: str = Field(alias="größe", max_length=4)
    control: bool = Field(alias="<|end|>")


@dataclass
class Point:
    x: int
    y: int = 0


class Movie(TypedDict):
    title: str
    year: int


class Span(NamedTuple):
    start: int
    stop: int


OUTPUT_TYPES: list[Any] = [
    Answer,
    Text,
    Bounded,
    Scalars,
    Ranges,
    Choices,
    Optionals,
    AllOptional,
    Nothing,
    Times,
    Identifiers,
    Money,
    Patterns,
    Nested,
    Tree,
    Chain,
    Husband,
    Pet,
    Mappings,
    Sequences,
    Anything,
    Aliased,
    Point,
    Movie,
    Span,
    Cat | Dog,
    list[Place],
    dict[str, list[int]],
    int,
    Literal["yes", "no"],
]

LEFT_TO_VALIDATION: list[Any] = [Bounded, Identifiers, Money, Aliased]
"""Types of which a grammar leaves something to the validation: lengths of strings, addresses, and a decimal
number, whose schema lets it be any string."""

HELD_TYPES: list[Any] = [kind for kind in OUTPUT_TYPES if kind not in LEFT_TO_VALIDATION]
