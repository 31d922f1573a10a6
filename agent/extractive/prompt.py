"""The rendered prompt, read back into what the policy decides on."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ...prompts import render
from ...tools.pages import Page, parse_pages
from ..errors import EngineResponseError
from ..harmony.vocabulary import START

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding, Message

__all__ = ["Lookup", "Prompt", "ResponseFormat", "read_prompt"]

_FUNCTION = re.compile(r"^type (\w+) = \(", re.MULTILINE)
_FORMATS = "# Response Formats\n"
_FORMAT = re.compile(r"^\s*## (?P<name>[^\n]+)\n(?:\s*//[^\n]*\n)*\s*(?P<schema>\{[^\n]*\})\s*(?:\n|$)")


@dataclass(frozen=True, kw_only=True)
class ResponseFormat:
    """The JSON Schema that the final answer has to match."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A call that was made, with what came back."""

    name: str
    arguments: Mapping[str, Any]
    output: str

    @functools.cached_property
    def pages(self) -> Sequence[Page]:
        """The pages of the result."""
        return parse_pages(self.output)

    @property
    def failure(self) -> str | None:
        """Why the call failed, if it did."""
        match = _said("tools/failed", "tool", "error").fullmatch(self.output.strip())
        return " ".join(match[2].split()) if match else None


_ANYTHING = "\ue000"
"""A character of the private use area, which no template has and no filter takes out."""
_CURSOR = re.compile(r"\[(\d{1,6})\] ")


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What was asked, what may be called, and what came of it so far."""

    functions: frozenset[str]
    response_format: ResponseFormat | None
    question: str
    previous: str | None
    """The question before this one."""
    lookups: tuple[Lookup, ...]
    """Calls made for this question, oldest first."""
    earlier: Mapping[int, Page]
    """Pages shown for earlier questions, by cursor; a search only names them when it finds them again."""
    refused: str | None
    """The final answer that was given to this question and sent back."""
    closing: bool
    """Whether no call may be made any more."""

    @functools.cached_property
    def pages(self) -> list[Page]:
        """Every page seen for this question, or found again."""
        found: list[Page] = []
        for lookup in self.lookups:
            found += lookup.pages
            named = (int(cursor) for cursor in _CURSOR.findall(lookup.output))
            found += [self.earlier[cursor] for cursor in named if cursor in self.earlier]
        return found


@dataclass
class _Turn:
    question: str = ""
    lookups: list[Lookup] = field(default_factory=list[Lookup])
    called: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, Mapping[str, Any]]])
    final: str | None = None
    refused: str | None = None
    closing: bool = False


def read_prompt(encoding: HarmonyEncoding, tokens: Sequence[int]) -> Prompt:
    """Read a prompt that ends with ``<|start|>assistant``.

    Raises:
        EngineResponseError: the tokens are not a harmony conversation.
    """
    try:
        messages = encoding.parse_messages_from_completion_tokens(_without_opening(tokens), None)
    except RuntimeError as error:
        raise EngineResponseError(
            "The extractive engine was given a prompt that is not harmony: render it with openai-harmony."
        ) from error
    functions: frozenset[str] = frozenset()
    response_format: ResponseFormat | None = None
    previous, turn = None, _Turn()
    earlier: dict[int, Page] = {}
    for message in messages:
        role, text = message.author.role.value, _text(message)
        if role == "developer" and not turn.question:
            functions, response_format = _functions(text), _response_format(text)
        elif role in ("user", "developer"):
            if turn.final is not None and _sent_back(text.strip()):
                turn.refused, turn.final = turn.final, None
            elif turn.final is None and _said("answer_now").fullmatch(text.strip()):
                turn.closing = True
            elif role == "user":
                earlier.update((page.cursor, page) for lookup in turn.lookups for page in lookup.pages)
                previous, turn = turn.question or None, _Turn(question=text)
        else:
            _follow(turn, message, text)
    return Prompt(
        functions=functions,
        response_format=response_format,
        question=turn.question,
        previous=previous,
        lookups=tuple(turn.lookups),
        earlier=earlier,
        refused=turn.refused,
        closing=turn.closing or turn.refused is not None,
    )


def _without_opening(tokens: Sequence[int]) -> list[int]:
    """The prompt without the ``<|start|>assistant`` at its end, which opens our own message."""
    opened = max((index for index, token in enumerate(tokens[-8:]) if token == START), default=None)
    return list(tokens) if opened is None else list(tokens[: len(tokens) - len(tokens[-8:]) + opened])


def _follow(turn: _Turn, message: Message, text: str) -> None:
    """Note a message of the assistant or of a tool."""
    if message.author.role.value == "tool":
        name = (message.author.name or "").removeprefix("functions.")
        index = next((i for i, (called, _) in enumerate(turn.called) if called == name), None)
        arguments = turn.called.pop(index)[1] if index is not None else _arguments("{}")
        turn.lookups.append(Lookup(name=name, arguments=arguments, output=text))
    elif (
        message.author.role.value == "assistant"
        and message.recipient
        and message.recipient.startswith("functions.")
    ):
        turn.called.append((message.recipient.removeprefix("functions."), _arguments(text)))
    elif message.author.role.value == "assistant" and message.channel == "final":
        turn.final = text


def _text(message: Message) -> str:
    return "".join(_texts(message.to_dict().get("content")))


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for piece in cast("list[dict[str, Any]]", content):
            yield str(piece.get("text", ""))


def _arguments(text: str) -> Mapping[str, Any]:
    try:
        arguments = json.loads(text)
    except ValueError:
        return {}  # the tool has told so; there is nothing to learn from the call
    return cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {}


def _functions(developer: str) -> frozenset[str]:
    _, _, namespace = developer.rpartition("\nnamespace functions {")
    body, _, _ = namespace.partition("} // namespace functions")
    return frozenset(_FUNCTION.findall(body))


def _response_format(developer: str) -> ResponseFormat | None:
    _, heading, section = developer.rpartition(_FORMATS)
    match = _FORMAT.match(section) if heading else None
    if match is None:
        return None
    try:
        schema = json.loads(match["schema"])
    except ValueError:
        return None  # a heading of that name in someone's instructions
    return ResponseFormat(name=match["name"].strip(), schema=schema)


def _sent_back(text: str) -> bool:
    """Whether the program asks for the final answer once more."""
    rejections = (_said("invalid_output", "name", "errors"), _said("fix_citations", "problems"))
    return any(rejection.fullmatch(text) for rejection in rejections)


@functools.cache
def _said(template: str, *values: str) -> re.Pattern[str]:
    """What the program says with a template, whatever its values are."""
    text = render(template, **dict.fromkeys(values, _ANYTHING))
    return re.compile(re.escape(text).replace(re.escape(_ANYTHING), "(.*)"), re.DOTALL)
