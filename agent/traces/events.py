"""What happens in a run, one type per thing that can happen.

No event has a field for what the model thought: that text goes to the reasoning log, and a :class:`Thought`
says only where it lies and how long it is. Everything here may be shown, shared and exported.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from ...tools.addresses import without_credentials
from ..text import well_formed

__all__ = [
    "Answered",
    "ApprovalDecided",
    "ApprovalRequested",
    "CitationsRejected",
    "Event",
    "GuardrailTripped",
    "LimitReached",
    "Mended",
    "ModelCalled",
    "OutputRejected",
    "PromptCompacted",
    "Retrieved",
    "RetrievedPassage",
    "RunEnded",
    "RunLimits",
    "RunStarted",
    "Said",
    "Sampled",
    "Steered",
    "Thought",
    "ToolCalled",
    "ToolReturned",
    "Usage",
]


def _well_formed_json(value: Any) -> Any:
    match value:
        case str():
            return well_formed(value)
        case list():
            return [_well_formed_json(item) for item in cast("list[Any]", value)]
        case dict():
            pairs = cast("dict[Any, Any]", value).items()
            return {_well_formed_json(key): _well_formed_json(item) for key, item in pairs}
        case _:
            return value


Text = Annotated[str, BeforeValidator(_well_formed_json)]
Json = Annotated[JsonValue, BeforeValidator(_well_formed_json)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Event(_Value):
    at: Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))] = Field(
        default_factory=lambda: datetime.now(UTC)
    )
    """When it happened, in UTC."""

    step: int = Field(default=0, ge=0)
    """The model call it belongs to, counted from 1; 0 before the first."""


class Usage(_Value):
    """What a run took, summed over its model calls."""

    model_calls: int = 0
    """How often the model was asked."""

    prompt_tokens: int = 0
    """Tokens sent, those from a cache among them."""

    completion_tokens: int = 0
    """Tokens generated, reasoning among them."""

    reasoning_tokens: int | None = None
    """Tokens of reasoning among the generated ones; None where no call told."""

    cached_tokens: int | None = None
    """Prompt tokens the server took from its cache; None where no call told."""

    def __add__(self, other: Usage) -> Usage:
        """The sum of two runs, or parts of one."""
        return Usage(
            model_calls=self.model_calls + other.model_calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            reasoning_tokens=_sum(self.reasoning_tokens, other.reasoning_tokens),
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
        )


def _sum(*given: int | None) -> int | None:
    """None where no part is known."""
    known = [each for each in given if each is not None]
    return sum(known) if known else None


class RunLimits(_Value):
    """What a run may take at most."""

    steps: int
    """Model calls."""

    tokens: int | None = None
    """Tokens of one model call; None where only the window limits it."""

    tool_seconds: float
    """Seconds for one call of a tool."""

    tool_calls: int | None = None
    """Calls of tools; None for any number."""

    total_tokens: int | None = None
    """Tokens read and written, summed over the model calls; None for any number."""

    seconds: float | None = None
    """Seconds for the whole run; None for any time."""

    context_window: int | None = None
    """Tokens of a prompt and its completion; None where the server does not tell."""


class Sampled(_Value):
    """How a completion was sampled."""

    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None = None
    constrained: bool = False
    """Whether it was held to a grammar."""


class Mended(_Value):
    """One departure of a completion from the format, without a word of it."""

    kind: Text
    """Its name (see ``RepairKind``)."""

    position: int
    """Index of the token where it was met, in the completion."""

    dropped: int = 0
    """Characters of a header that were dropped with it."""


class RetrievedPassage(_Value):
    """A passage that a search found."""

    passage_id: Text
    source: Text
    title: Text
    start_line: int
    """First line, counted from 1."""
    end_line: int
    """Last line, included."""
    score: float
    """The higher, the better; comparable within one search only."""
    new: bool
    """It had not been shown before; what was is only referred to."""


class Retrieved(_Value):
    """What a search asked for and what it found."""

    queries: tuple[Text, ...]
    top_k: int
    filters: dict[Text, Json] = Field(default_factory=dict[Text, Json])
    """The filters that were given, as the model gave them."""
    passages: tuple[RetrievedPassage, ...] = ()
    """Best first."""


class RunStarted(_Event):
    """A question was asked; always the first event."""

    type: Literal["run_started"] = "run_started"

    question: Text
    """The question as asked."""

    engine: Text
    """The engine's kind, as in ``--engine``."""

    model: Text
    """The model's name as the server gives it."""

    knowledge: Annotated[Text, AfterValidator(without_credentials)] | None = None
    """Where the knowledge base is, without credentials; None for a run without one."""

    output_type: Text
    """Name of the type the answer has to be."""

    reasoning_effort: Text | None = None
    """``low``, ``medium`` or ``high``; None where it was left to the server."""

    version: Text
    """Version of ossifrage that made the run."""

    limits: RunLimits | None = None
    """What it may take; None in traces of older versions."""

    reasoning_kept: bool = True
    """Whether the reasoning log is written in this run."""

    rerun_of: Text | None = None
    """The trace whose question is asked again."""

    rerun_from: int | None = None
    """The first step that was asked anew; those before are the other trace's."""

    resumes: Text | None = None
    """The trace that was waiting for somebody's word, and goes on in this one."""

    filters: dict[Text, Json] | None = None
    """The documents that there are for this run, by the filters that were given; None for all."""


class ModelCalled(_Event):
    """The model was asked and its completion has ended."""

    type: Literal["model_called"] = "model_called"

    prompt_tokens: int
    """Tokens sent, those from a cache among them."""

    completion_tokens: int
    """Tokens generated, reasoning among them."""

    reasoning_tokens: int | None = None
    """Tokens of reasoning among the generated ones; None where the server does not tell."""

    cached_tokens: int | None = None
    """Prompt tokens the server took from its cache; None where the server does not tell."""

    seconds: float
    """From the request to the end of the completion."""

    first_token_seconds: float | None = None
    """From the request to the first token; None where nothing was streamed."""

    finish: Text | None = None
    """Why generation ended, in the engine's words; None where it does not tell."""

    repairs: tuple[Text, ...] = ()
    """Names of what had to be mended in the completion; never text of it."""

    mended: tuple[Mended, ...] = ()
    """The same with their places; empty where the server reads the completion."""

    channels: dict[Text, int] = Field(default_factory=dict[Text, int])
    """Tokens of the bodies on each channel; ``other`` for what belongs to none."""

    sampled: Sampled | None = None
    """None where the server was not told by this program."""

    attempts: int = 1
    """Completions that this step took: more than one where nothing could be acted on."""

    tries: int = 1
    """How often the server was asked until it answered."""

    has_tokens: bool = False
    """Whether the token ids of prompt and completion are recorded; a chat server has none to tell."""

    replayed: bool = False
    """Not asked now: taken from the trace that is asked again."""


class Thought(_Event):
    """The model reasoned; the text is in the reasoning log only."""

    type: Literal["thought"] = "thought"

    reasoning_id: str
    """Where the text lies in the reasoning log."""

    characters: int
    """Length of the text."""


class Said(_Event):
    """The model told the user something on its way (a preamble)."""

    type: Literal["said"] = "said"

    text: Text
    """What it said."""


class Steered(_Event):
    """The user said something while the run went on; the model reads it with its next call."""

    type: Literal["steered"] = "steered"

    text: Text
    """What was said."""


class PromptCompacted(_Event):
    """The prompt would not have fitted the window: earlier outputs of tools gave way to their citations."""

    type: Literal["prompt_compacted"] = "prompt_compacted"

    outputs: int
    """How many outputs of this conversation are shortened in the prompt."""


class ToolCalled(_Event):
    """The model called a tool."""

    type: Literal["tool_called"] = "tool_called"

    call_id: Text
    """Joins the call with what came back."""

    tool: Text
    """The tool's name."""

    arguments: Text
    """The arguments as the model wrote them: meant to be JSON, not always so."""


class ToolReturned(_Event):
    """A tool came back."""

    type: Literal["tool_returned"] = "tool_returned"

    call_id: Text
    """Joins what came back with the call."""

    tool: Text
    """The tool's name."""

    output: Text
    """What the model was given to read."""

    error: bool = False
    """Whether the tool failed."""

    summary: Text
    """One line for people."""

    seconds: float
    """How long the tool took."""

    retrieved: Retrieved | None = None
    """What a search found; None for other tools."""


class ApprovalRequested(_Event):
    """A call of a tool waits for somebody's word; the run ends here, and another trace goes on from it."""

    type: Literal["approval_requested"] = "approval_requested"

    call_id: Text
    """Names the call."""

    tool: Text
    """The tool's name."""

    arguments: Text
    """The arguments as the model wrote them."""


class ApprovalDecided(_Event):
    """Somebody has said whether a call of a tool is to be made."""

    type: Literal["approval_decided"] = "approval_decided"

    call_id: Text
    """Names the call."""

    tool: Text
    """The tool's name."""

    approved: bool
    """Whether it is made."""

    reason: Text | None = None
    """What the model is told of a refusal; None where nothing was said."""


class GuardrailTripped(_Event):
    """A guardrail of the app has refused the question or the answer; the run ends."""

    type: Literal["guardrail_tripped"] = "guardrail_tripped"

    guardrail: Text
    """Its name."""

    refused: Literal["question", "answer"]
    """What it was given."""


class LimitReached(_Event):
    """A limit ended the search; the model is asked to say what it can by now."""

    type: Literal["limit_reached"] = "limit_reached"

    limit: Text
    """Which one, as in the stop reason."""


class OutputRejected(_Event):
    """A final message did not match the output type; the model is asked again, or the run fails."""

    type: Literal["output_rejected"] = "output_rejected"

    attempt: int
    """Which attempt it was, counted from 1."""

    errors: Text
    """What was wrong, one error per line."""

    text: Text
    """The final message as it came."""


class CitationsRejected(_Event):
    """Citations of an answer could not be verified; the model is asked once to correct them."""

    type: Literal["citations_rejected"] = "citations_rejected"

    problems: Text
    """What is wrong with each, as the model was told."""

    text: Text
    """The final message as it came."""


class Answered(_Event):
    """The answer, as the user gets it."""

    type: Literal["answered"] = "answered"

    output: Json
    """The output object as JSON; of an answer that was cut off the text that came."""

    citations: tuple[Json, ...] = ()
    """The checked citations as JSON."""


class RunEnded(_Event):
    """The run is over; always the last event. A run without one was cut off, or is still going on."""

    type: Literal["run_ended"] = "run_ended"

    stop_reason: Text
    """Why it ended."""

    error: Text | None = None
    """One line, if it failed."""

    seconds: float
    """From the question to the end."""

    usage: Usage
    """What it took in all."""


Event = Annotated[
    RunStarted
    | ModelCalled
    | Thought
    | Said
    | Steered
    | PromptCompacted
    | ToolCalled
    | ToolReturned
    | ApprovalRequested
    | ApprovalDecided
    | GuardrailTripped
    | LimitReached
    | OutputRejected
    | CitationsRejected
    | Answered
    | RunEnded,
    Field(discriminator="type"),
]
"""Anything that happens in a run."""
