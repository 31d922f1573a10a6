"""What clients ask for, as types: the parts of OpenAI's API that are heeded here.

What is declared with one possible value (``n``, ``background``) cannot be had otherwise, and another value is
refused. What is not declared at all is let pass, and named in the header ``x-ossifrage-ignored``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from ....tools.knowledge import SearchMode

__all__ = [
    "AskRequest",
    "ChatMessage",
    "ChatRequest",
    "ContentPart",
    "CustomTool",
    "Format",
    "FunctionTool",
    "HostedTool",
    "InputItem",
    "NamespaceTool",
    "Reasoning",
    "ResponsesRequest",
    "SearchRequest",
    "Tool",
]

Zero = Annotated[float, Field(ge=0, le=0)]
Words = Annotated[str, Field(pattern=r"\S", max_length=100_000)]
"""A text that says something."""
Name = Annotated[str, Field(min_length=1, max_length=256)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="allow")


class ContentPart(_Given):
    """Text; what is no text is refused, since gpt-oss reads nothing else."""

    type: Literal["input_text", "output_text", "text", "refusal", "reasoning_text", "summary_text"]
    text: str | None = None
    refusal: str | None = None


Content = str | list[ContentPart]


class MessageItem(_Given):
    """Something that was said."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    phase: Literal["commentary", "final_answer"] | None = None


class CallItem(_Given):
    """A call that the model made."""

    type: Literal["function_call", "custom_tool_call"]
    call_id: Name
    name: Name
    arguments: str = ""
    input: str | None = None
    """Of a custom tool, in place of ``arguments``."""
    namespace: str | None = None


class OutputItem(_Given):
    """What a call gave back."""

    type: Literal["function_call_output", "custom_tool_call_output"]
    call_id: Name
    output: Content


class ReasoningItem(_Given):
    """What the model thought before, as it was given: sealed, or as text."""

    type: Literal["reasoning"]
    id: str | None = None
    summary: list[ContentPart] = Field(default_factory=list[ContentPart])
    content: list[ContentPart] | None = None
    encrypted_content: str | None = None


class ReferenceItem(_Given):
    """An item of an earlier response, by its id."""

    type: Literal["item_reference"]
    id: Name


class SearchItem(_Given):
    """A search of the assistant's; it is not repeated, and the answer that followed holds what it found."""

    type: Literal["file_search_call"]


_ITEM_TAGS = {
    "custom_tool_call": "function_call",
    "custom_tool_call_output": "function_call_output",
}


def _type_of(given: Any) -> Any:
    """Of an object that is read, or of what it was read to; an empty one of what is no object."""
    if isinstance(given, dict):
        return cast("Mapping[str, Any]", given).get("type")
    return getattr(given, "type", "")


def _item_tag(given: Any) -> str:
    kind = _type_of(given)
    return "message" if kind is None else _ITEM_TAGS.get(kind, kind) if isinstance(kind, str) else ""


InputItem = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[CallItem, Tag("function_call")]
    | Annotated[OutputItem, Tag("function_call_output")]
    | Annotated[ReasoningItem, Tag("reasoning")]
    | Annotated[ReferenceItem, Tag("item_reference")]
    | Annotated[SearchItem, Tag("file_search_call")],
    Discriminator(
        _item_tag,
        custom_error_type="item_type",
        custom_error_message="gpt-oss cannot be given an item of this type",
    ),
]


class FunctionTool(_Given):
    """A function of the client's."""

    type: Literal["function"]
    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CustomTool(_Given):
    """A tool of the client's that takes text. Its grammar, if it has one, is not held to."""

    type: Literal["custom"]
    name: Name
    description: str | None = None


class NamespaceTool(_Given):
    """Several functions under one name."""

    type: Literal["namespace"]
    name: Name
    description: str | None = None
    tools: list[FunctionTool]


class HostedTool(_Given):
    """A tool that OpenAI runs. There are none here: the model is not told of it, and the client is."""

    type: str


def _tool_tag(given: Any) -> str:
    kind = _type_of(given)
    return kind if kind in ("function", "custom", "namespace") else "hosted"


Tool = Annotated[
    Annotated[FunctionTool, Tag("function")]
    | Annotated[CustomTool, Tag("custom")]
    | Annotated[NamespaceTool, Tag("namespace")]
    | Annotated[HostedTool, Tag("hosted")],
    Discriminator(_tool_tag),
]


class NamedTool(_Given):
    """The one tool to call."""

    type: Literal["function", "custom"]
    name: Name


class AllowedTools(_Given):
    """The tools that may be called now."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[NamedTool]


Choice = Literal["auto", "none", "required"]


class Format(_Given):
    """What the answer has to be."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class TextConfig(_Given):
    """The answer's form."""

    format: Format | None = None


class Reasoning(_Given):
    """How hard the model thinks, and whether that is told."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class ResponsesRequest(_Given):
    """``POST /v1/responses``."""

    model: Name = "ossifrage"
    input: str | list[InputItem]
    instructions: str | None = None
    previous_response_id: str | None = None
    include: list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: Choice | NamedTool | AllowedTools | None = None
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_output_tokens: int | None = Field(default=None, ge=1, le=2**31)
    max_tool_calls: int | None = Field(default=None, ge=1, le=2**31)
    """Of the assistant; the bare model makes one call a response."""
    stream: bool | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None

    safety_identifier: str | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    client_metadata: dict[str, Any] | None = None
    service_tier: str | None = None
    stream_options: dict[str, Any] | None = None

    background: Literal[False] | None = None
    conversation: None = None
    prompt: None = None
    truncation: Literal["disabled"] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=0)] | None = None
    presence_penalty: Zero | None = None
    frequency_penalty: Zero | None = None


class ChatFunction(_Given):
    """A function of the client's, as chat completions have it."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChatTool(_Given):
    """A tool of the client's."""

    type: Literal["function"]
    function: ChatFunction


class ChatNamed(_Given):
    """A function's name."""

    name: Name


class ChatChoice(_Given):
    """The one function to call."""

    type: Literal["function"]
    function: ChatNamed


class ChatCallFunction(_Given):
    """What was called."""

    name: Name
    arguments: str = ""


class ChatCall(_Given):
    """A call that the model made."""

    id: Name
    type: Literal["function"] = "function"
    function: ChatCallFunction


class ChatMessage(_Given):
    """One message of a conversation."""

    role: Literal["user", "assistant", "system", "developer", "tool"]
    content: Content | None = None
    tool_calls: list[ChatCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    """What the model thought before this, if the client was given it."""


class ChatSchema(_Given):
    """A schema with its name."""

    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ChatFormat(_Given):
    """What the answer has to be."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: ChatSchema | None = None


class StreamOptions(_Given):
    """How a stream ends."""

    include_usage: bool | None = None


class ChatRequest(_Given):
    """``POST /v1/chat/completions``."""

    model: Name
    messages: list[ChatMessage] = Field(min_length=1)
    tools: list[ChatTool] | None = None
    tool_choice: Choice | ChatChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ChatFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    include_reasoning: bool | None = None
    """Give what the model thinks, as ``reasoning_content``."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=2**31)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=2**31)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = None

    metadata: dict[str, str] | None = None
    safety_identifier: str | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None

    n: Literal[1] | None = None
    stop: None = None
    logit_bias: None = None
    logprobs: Literal[False] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=0)] | None = None
    presence_penalty: Zero | None = None
    frequency_penalty: Zero | None = None
    modalities: list[Literal["text"]] | None = None
    audio: None = None
    functions: None = None
    function_call: None = None


class RunLimits(BaseModel):
    """What a run may take at most; what is near the end of it answers with what it has."""

    model_config = ConfigDict(extra="forbid")

    steps: int | None = Field(default=None, ge=1)
    tool_calls: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0, le=86_400)


class AskRequest(BaseModel):
    """``POST /v1/ask``: one question to the assistant."""

    model_config = ConfigDict(extra="forbid")

    question: Words
    reasoning: Literal["low", "medium", "high"] | None = None
    """How hard the model thinks; null for the server's setting."""
    output_schema: dict[str, Any] | None = None
    """What the output has to be, as a JSON schema; null for an answer with citations."""
    limits: RunLimits | None = None
    sources: list[str] | None = Field(None, min_length=1)
    """Rest on these documents only: names, folders, or patterns."""
    tags: list[str] | None = Field(None, min_length=1)
    """Rest on documents with all of these tags only."""
    include_reasoning: bool = False
    """Tell what the model thinks as well, as events; only with ``stream``."""
    stream: bool = False
    """Tell what happens while it happens, as server-sent events."""


class SearchRequest(BaseModel):
    """``POST /v1/search``: passages of the knowledge base."""

    model_config = ConfigDict(extra="forbid")

    query: Words | Annotated[list[Words], Field(min_length=1, max_length=20)]
    """A question or some words; several give one ranking."""
    top_k: int = Field(default=10, ge=1, le=100)
    mode: SearchMode = "auto"
    sources: list[str] | None = Field(None, min_length=1)
    """Search these documents only: names, folders, or patterns."""
    tags: list[str] | None = Field(None, min_length=1)
    """Search documents with all of these tags only."""
