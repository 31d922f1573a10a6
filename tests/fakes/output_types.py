"""Output types of every shape Pydantic has a JSON schema for."""

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
    count: int
    share: float
    sure: bool
    nothing: None


class Ranges(BaseModel):
    percent: int = Field(ge=0, le=100)
    year: int = Field(ge=1990, lt=2030)
    offset: int = Field(gt=-50, lt=-7)
    share: float = Field(ge=0, le=1)
    angle: float = Field(gt=-1.5, lt=2.25)
    rest: PositiveFloat
    length: NonNegativeFloat
    number: PositiveInt


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Size(IntEnum):
    SMALL = 1
    LARGE = 10


class Choices(BaseModel):
    colour: Colour
    size: Size
    mark: Literal["a", "b", 3, None, True]
    fixed: Literal["always"] = "always"


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
    day: date
    moment: datetime
    hour: time
    lasted: timedelta


class Identifiers(BaseModel):
    one: UUID
    four: UUID4
    address: IPvAnyAddress
    link: HttpUrl


class Money(BaseModel):
    amount: Decimal
    limit: Annotated[Decimal, Field(ge=0, le=1000)]


class Patterns(BaseModel):
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    version: Annotated[str, StringConstraints(pattern=r"^v\d+(\.\d{1,3})?(-(alpha|beta))?$")]
    number: Annotated[str, StringConstraints(pattern=r"^\+?\d{3,5}$")]


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
    counts: dict[str, int]
    by_colour: dict[Colour, bool]
    grid: list[list[int]]
    codes: dict[Annotated[str, StringConstraints(pattern="^[a-z]{1,3}$")], int]


class Sequences(BaseModel):
    pair: tuple[int, str]
    some: tuple[int, ...]
    unique: set[Literal["a", "b", "c"]]
    four: Annotated[list[bool], Len(4, 4)]
    far: Annotated[list[bool], Len(2)]


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
