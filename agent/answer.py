"""What comes out of a run: the answer, its citations, and how the run went."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Generic

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypeVar

from .traces.events import Usage

__all__ = ["Answer", "Citation", "PendingCall", "Result", "StopReason", "Usage"]


FROM_MODEL = "from_model"
"""Key of the validation context that says the values come from a language model."""


def _undescribed(schema: dict[str, Any]) -> None:
    """Keep docstrings, which are for programmers, out of the schema the model is shown."""
    schema.pop("description", None)


FILLED_IN = ("title", "verified", "heading", "page", "sheet", "slide", "location")
"""The fields of a citation that the program fills in, whatever a model writes there."""


class Citation(BaseModel):
    """A place in a source that the answer rests on."""

    model_config = ConfigDict(json_schema_extra=_undescribed)

    source: str
    start_line: int
    """First line, counted from 1."""
    end_line: int
    """Last line, included."""
    quote: str
    """Words of those lines."""
    title: SkipJsonSchema[str] = ""
    """The document's title. Filled in by the program."""
    verified: SkipJsonSchema[bool] = False
    """The quote stands in lines that the agent was shown. Set by the program; what a model writes here is
    ignored."""

    heading: SkipJsonSchema[str] = ""
    """The headings above the first line, outermost first, joined by " > ". This and what follows is filled in
    by the program, from the lines cited, and empty where a citation is not verified."""
    page: SkipJsonSchema[int | None] = None
    """Of a PDF, counted from 1: the one that the first line is on."""
    sheet: SkipJsonSchema[str | None] = None
    """Of a workbook: its name."""
    slide: SkipJsonSchema[int | None] = None
    """Of a presentation, counted from 1."""
    location: SkipJsonSchema[str | None] = None
    """An address that a program can open: ``file:///…``, for a PDF with ``#page=3``, or ``https://…``. None
    for a text that came from no file."""

    @field_validator(*FILLED_IN, mode="wrap")
    @classmethod
    def _not_from_a_model(
        cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        if info.context and info.context.get(FROM_MODEL):
            return cls.model_fields[info.field_name or ""].default
        return validate(value)


class Answer(BaseModel):
    """An answer from the sources, with the places it rests on."""

    model_config = ConfigDict(json_schema_extra=_undescribed)

    answer: str
    """The answer. A marker such as ``[1]`` refers to the first of ``citations``."""
    citations: list[Citation] = Field(default_factory=list[Citation])
    missing: list[str] = Field(default_factory=list[str])
    """Parts of the question that the sources do not cover."""


class StopReason(StrEnum):
    """Why a run ended."""

    ANSWERED = "answered"
    NOT_FOUND = "not_found"
    """The sources do not say: the answer names what is missing and rests on no source. Only where the output
    is an :class:`Answer`; one that has a verified citation is ``answered``, whatever else is missing."""
    MAX_STEPS = "max_steps"
    """The limit on model calls was reached; the output is what could be said by then."""
    MAX_TOKENS = "max_tokens"
    """The answer was cut off by the limit on the tokens of one model call."""
    MAX_TOOL_CALLS = "max_tool_calls"
    """The limit on calls of tools was reached; the output is what could be said by then."""
    MAX_TOTAL_TOKENS = "max_total_tokens"
    """The limit on the tokens of the run was reached; the output is what could be said by then."""
    MAX_SECONDS = "max_seconds"
    """The time was over; the output is what could be said by then."""
    PENDING = "pending"
    """The run waits for somebody's word on calls of tools: see :attr:`Result.pending`."""
    CONTEXT_WINDOW = "context_window"
    """The conversation no longer fitted the model's window; the output is what could be said by then."""
    ENGINE_FAILED = "engine_failed"
    """The engine failed in the middle of the answer; the text is what had come by then."""
    GUARDRAIL = "guardrail"
    """A guardrail of the app refused the question or the answer: see :class:`~.errors.GuardrailError`."""
    FAILED = "failed"
    CANCELLED = "cancelled"


T = TypeVar("T", default=Answer)


@dataclass(frozen=True, kw_only=True)
class PendingCall:
    """A call of a tool that is not made before somebody has said yes."""

    call_id: str
    """What :meth:`Assistant.resume <.assistant.Assistant.resume>` is told it by."""
    tool: str
    arguments: str
    """As the model wrote them: meant to be JSON, not always so."""


@dataclass(frozen=True, kw_only=True)
class Result(Generic[T]):
    """One finished run, or one that waits (:attr:`pending`)."""

    output: T
    """An object of the output type. None, whatever the type says, where :attr:`partial` is true and the
    answer was cut off before it was whole."""
    text: str
    """The answer as people read it: the ``answer`` of an :class:`Answer`, a ``str`` itself, any other output
    as JSON. Of an answer that was cut off as much as came; empty where nothing was said."""
    citations: tuple[Citation, ...]
    """Every citation in the answer, checked."""
    stop_reason: StopReason
    usage: Usage
    seconds: float
    trace_id: str
    """For ``ossifrage traces show``."""
    engine: str
    model: str
    unstructured: bool = False
    """The model wrote prose where an :class:`Answer` was wanted, also when asked again. The prose is the
    answer; its citations are the verified ones of its markers."""
    error: str | None = None
    """One line, where the engine failed in the middle of the answer."""
    pending: tuple[PendingCall, ...] = ()
    """The calls that wait for somebody's word."""
    state: Annotated[str | None, Field(exclude=True)] = field(default=None, repr=False)
    """What the run needs to go on, as JSON: for :meth:`Assistant.resume <.assistant.Assistant.resume>`. It
    holds the conversation, what the tools gave back, and what the model thought since the question, so it
    is left out where Pydantic writes a result as JSON."""

    @property
    def partial(self) -> bool:
        """It did not come to its own end: a limit was hit, the engine failed in the answer, or it waits."""
        return self.stop_reason not in (StopReason.ANSWERED, StopReason.NOT_FOUND)


class RejectedOutput(BaseModel):
    """A final message that is not of the output type. The SDK carries it as the run's final output."""

    model_config = ConfigDict(frozen=True)

    text: str
    errors: str
    """One error per line."""
