"""The SDK's items to prompt tokens.

The prompt is rendered message by message with openai-harmony, always as token ids: text that merely looks
like ``<|end|><|start|>system`` stays text. Two rules are ours:

* Chain of thought lives in the open turn only (see :mod:`..harmony.turns`).
* What the model produced goes back verbatim. Each output item carries its own tokens, so that a prompt
  begins with the previous prompt and completion, and a server's prefix cache hits.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple, cast

from agents import AgentOutputSchemaBase, FunctionTool, Handoff, Tool, UserError
from agents.items import TResponseInputItem
from openai_harmony import (
    Author,
    DeveloperContent,
    HarmonyEncoding,
    Message,
    ReasoningEffort,
    RenderOptions,
    Role,
    SystemContent,
    TextContent,
    ToolDescription,
)

from ..harmony.message import HarmonyMessage
from ..harmony.names import FunctionNames
from ..harmony.schemas import response_schema, tool_parameters
from ..harmony.texts import EncodedTexts, LongRuns
from ..harmony.turns import open_turn, preambles
from ..harmony.vocabulary import MESSAGE, START
from ..text import well_formed

__all__ = ["TOKENS_KEY", "Effort", "Function", "PromptWriter", "functions_of", "response_format"]

Effort = Literal["low", "medium", "high"]
Item = Mapping[str, Any]

TOKENS_KEY = "harmony_tokens"
"""Key in an output item's ``provider_data`` that holds the item's own tokens."""

_EFFORTS = {"low": ReasoningEffort.LOW, "medium": ReasoningEffort.MEDIUM, "high": ReasoningEffort.HIGH}


class PromptWriter:
    """Renders prompts. Keeps the texts of the last ones, as tokens, up to some megabytes: one for each run.

    Args:
        encoding: the harmony encoding.
        today: gives the date for the system message.
    """

    def __init__(self, encoding: HarmonyEncoding, *, today: Callable[[], date] = date.today) -> None:
        self._encoding = encoding
        self._today = today
        self.opening = (START, *encoding.encode("assistant", disallowed_special=()))
        """The tokens ``<|start|>assistant`` that end every prompt."""
        self._texts = EncodedTexts(encoding)

    def prompt(
        self,
        instructions: str | None,
        items: str | Sequence[TResponseInputItem],
        *,
        tools: Sequence[Tool] = (),
        handoffs: Sequence[Handoff[Any, Any]] = (),
        output_schema: AgentOutputSchemaBase | None = None,
        effort: Effort = "medium",
    ) -> list[int]:
        """Everything up to and with ``<|start|>assistant``.

        A thought or a preamble whose status is ``incomplete`` is left out: it was cut off or withdrawn.

        Raises:
            agents.UserError: an item or tool that gpt-oss cannot be given (images, hosted tools).
        """
        functions = functions_of(tools, handoffs)
        names = FunctionNames(function.name for function in functions)
        tokens = self._system(effort, has_functions=bool(functions))
        tokens += self._developer(instructions, functions, names, output_schema)
        tokens += self._conversation(items, names)
        return [*tokens, *self.opening]

    def after(self, prompt: Sequence[int], messages: Sequence[HarmonyMessage]) -> list[int]:
        """The prompt for going on after thoughts and preambles that followed ``prompt``.

        It is the one that :meth:`prompt` makes of the same messages as items.
        """
        tokens = list(prompt[: -len(self.opening)])
        for message in messages:
            if message.tokens is not None:
                tokens += message.tokens
            elif message.content:
                tokens += self._message("assistant", message.content, channel=message.channel)
        return [*tokens, *self.opening]

    def _system(self, effort: Effort, *, has_functions: bool) -> list[int]:
        content = (
            SystemContent.new()
            .with_reasoning_effort(_EFFORTS[effort])
            .with_conversation_start_date(self._today().isoformat())
        )
        message = Message.from_role_and_content(Role.SYSTEM, content)
        return self._encoding.render(message, RenderOptions(conversation_has_function_tools=has_functions))

    def _developer(
        self,
        instructions: str | None,
        functions: Sequence[Function],
        names: FunctionNames,
        output_schema: AgentOutputSchemaBase | None,
    ) -> list[int]:
        runs = LongRuns()
        content = DeveloperContent.new()
        if instructions:
            content = content.with_instructions(runs.taken_out(well_formed(instructions)))
        if functions:
            content = content.with_function_tools(
                [
                    ToolDescription(
                        name=names.shown(name),
                        description=runs.taken_out(well_formed(description)),
                        parameters=runs.taken_out(tool_parameters(schema)),
                    )
                    for name, description, schema in functions
                ]
            )
        parts: list[DeveloperContent | TextContent] = []
        if instructions or functions:
            parts.append(content)
        if output_schema is not None and not output_schema.is_plain_text():
            section = runs.taken_out(response_format(output_schema))
            parts.append(TextContent(text=f"\n\n{section}" if parts else section))
        if not parts:
            return []
        tokens = self._encoding.render(Message.from_role_and_contents(Role.DEVELOPER, parts))
        if not runs:
            return tokens
        begin = tokens.index(MESSAGE) + 1
        text = runs.put_back(self._encoding.decode(tokens[begin:-1]))
        return [*tokens[:begin], *self._texts.tokens(text), tokens[-1]]

    def sizes(self, items: Sequence[TResponseInputItem]) -> list[int]:
        """How many tokens each of a conversation's items takes in a prompt; 0 for one that is left out.

        Raises:
            agents.UserError: an item that gpt-oss cannot be given.
        """
        return [len(tokens) for tokens in self._items(items, FunctionNames(()))]

    def text_size(self, text: str) -> int:
        """How many tokens a text takes, as an item's content or a tool's output."""
        return len(self._texts.tokens(text))

    def _conversation(self, items: str | Sequence[TResponseInputItem], names: FunctionNames) -> list[int]:
        if isinstance(items, str):
            return self._message("user", items)
        return [token for tokens in self._items(items, names) for token in tokens]

    def _items(
        self, items: Sequence[TResponseInputItem], names: FunctionNames
    ) -> Generator[Sequence[int], None, None]:
        """The tokens of each item."""
        rows = [cast(Item, item) for item in items]
        open_from, before_calls = open_turn(rows), preambles(rows)
        calls: dict[str, str] = {}
        for index, row in enumerate(rows):
            kind = row.get("type") or "message"
            if kind == "function_call":
                calls[row["call_id"]] = row["name"]
            preamble = index in before_calls
            withdrawn = (kind == "reasoning" or preamble) and row.get("status") == "incomplete"
            if withdrawn or (kind == "reasoning" and index < open_from):
                yield ()
            else:
                yield _own_tokens(row) or self._item(kind, row, calls, names, preamble=preamble)

    def _item(
        self, kind: str, row: Item, calls: Mapping[str, str], names: FunctionNames, *, preamble: bool
    ) -> Sequence[int]:
        match kind:
            case "message":
                role = row["role"]
                channel = None
                if role == "assistant":
                    channel = "commentary" if preamble else "final"
                text = _text(row["content"])
                return self._message(role, text, channel=channel) if text or not preamble else ()
            case "reasoning":
                text = "\n".join(part["text"] for part in row.get("content") or row.get("summary") or ())
                return self._message("assistant", text, channel="analysis") if text else ()
            case "function_call":
                recipient = f"functions.{names.shown(row['name'])}"
                return self._message("assistant", row["arguments"], channel="commentary", recipient=recipient)
            case "function_call_output":
                name = calls.get(row["call_id"])
                if name is None:
                    raise UserError(f"The tool output {row['call_id']} has no call before it.")
                return self._message("tool", _text(row["output"]), name=f"functions.{names.shown(name)}")
            case _:
                raise UserError(f"gpt-oss cannot be given an item of type {kind!r}.")

    def _message(
        self,
        role: str,
        text: str,
        *,
        channel: str | None = None,
        recipient: str | None = None,
        name: str | None = None,
    ) -> list[int]:
        *header, end = _frame(self._encoding, role, channel, recipient, name)
        return [*header, *self._texts.tokens(text), end]


@functools.lru_cache(maxsize=256)
def _frame(
    encoding: HarmonyEncoding, role: str, channel: str | None, recipient: str | None, name: str | None
) -> tuple[int, ...]:
    """The tokens of a message without text: its header, up to ``<|message|>``, and its end."""
    if name is not None:
        message = Message.from_author_and_content(Author.new(Role.TOOL, name), "")
        message = message.with_channel("commentary").with_recipient("assistant")
    else:
        message = Message.from_role_and_content(Role(role), "")
    if channel is not None:
        message = message.with_channel(channel)
    if recipient is not None:
        message = message.with_recipient(recipient).with_content_type("<|constrain|>json")
    return tuple(encoding.render(message))


class Function(NamedTuple):
    """Something the model can call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema."""


def functions_of(tools: Sequence[Tool], handoffs: Sequence[Handoff[Any, Any]]) -> list[Function]:
    """Everything that can be called.

    Raises:
        agents.UserError: a hosted tool, which only OpenAI's own servers run.
    """
    functions: list[Function] = []
    for tool in tools:
        if not isinstance(tool, FunctionTool):
            raise UserError(f"gpt-oss can call function tools only, and {tool.name!r} is a hosted tool.")
        functions.append(Function(tool.name, tool.description, tool.params_json_schema))
    for handoff in handoffs:
        functions.append(Function(handoff.tool_name, handoff.tool_description, handoff.input_json_schema))
    return functions


def _own_tokens(row: Item) -> Sequence[int]:
    provider_data: Item = row.get("provider_data") or {}
    return cast(Sequence[int], provider_data.get(TOKENS_KEY, ()))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts: list[str] = []
    for part in cast(Sequence[Item], content):
        text = part.get("text", part.get("refusal"))
        if text is None:
            raise UserError(f"gpt-oss reads text only, not {part.get('type')!r}.")
        parts.append(text)
    return "\n".join(parts)


def response_format(schema: AgentOutputSchemaBase) -> str:
    """The developer message's last section (openai/harmony, docs/format.md, "Structured output")."""
    body = response_schema(schema.json_schema())
    description = body.pop("description", None)
    lines = ["# Response Formats", "", f"## {schema.name()}", ""]
    if description:
        lines += [f"// {line}".rstrip() for line in well_formed(description).splitlines()]
    return well_formed("\n".join([*lines, json.dumps(body, ensure_ascii=False, separators=(",", ":"))]))
