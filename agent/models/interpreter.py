"""What the messages of a completion are to the SDK.

A thought is what the channel says, an action is what was offered: nothing turns one into the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from ..harmony.arguments import call_arguments, is_object
from ..harmony.header import Header
from ..harmony.message import HIDDEN, ROLES, HarmonyMessage, RepairKind
from ..harmony.names import FunctionNames
from .tool_choice import ToolChoice

__all__ = ["Interpreted", "Interpreter", "ItemKind"]

ItemKind = Literal["reasoning", "preamble", "call", "answer"]
"""A reasoning item, a message (commentary or final), a function call."""


class Interpreted(NamedTuple):
    """A message as it goes to the SDK."""

    kind: ItemKind
    message: HarmonyMessage
    goes_back: bool
    """Whether it may be in a later prompt. A thought only if the assistant had it on the hidden channel."""
    repair: RepairKind | None = None


class Interpreter:
    """Tells what each message of a response is, in their order.

    Only a recipient that the request offers is a call; one on ``commentary`` that does not exist is a call as
    well, which is answered with the names of those that do. A call on the hidden channel has to hold a JSON
    object. Anything else whose header names the hidden channel is reasoning, and so is text that belongs to
    no channel: nobody is shown it. Nothing counts after a call, nor after a message that the model wrote for
    a tool, the user or the program: nobody has answered yet.

    Args:
        names: what is offered.
        choice: what the model may do.
        schemas: a function's own name to the schema of its parameters.
    """

    def __init__(
        self, names: FunctionNames, choice: ToolChoice, schemas: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._names = names
        self._choice = choice
        self._schemas = schemas
        self._over = False

    def kind(self, said: Header | HarmonyMessage) -> ItemKind | None:
        """What a message is, or will be; None for what is neither shown nor kept."""
        if self._over:
            return None
        if said.role == "assistant" and said.recipient is not None:
            exists = self._names.offers(said.recipient)
            told = said.channel == "commentary" and not said.hidden  # that there is no such tool
            if (exists or told) and self._choice.allows_call(self._names.original(said.recipient)):
                return "call"
            return "reasoning" if _is_hidden(said) else None
        if _is_hidden(said):
            return "reasoning"
        if said.role != "assistant":
            return None
        match said.channel:
            case "commentary":
                return None if said.unclear else "preamble"
            case "final":
                return "answer" if self._choice.answer else None
            case _:
                return "reasoning"

    def read(self, message: HarmonyMessage) -> Interpreted | None:
        """Take the next whole message; None for one that is neither shown nor kept."""
        kind = self.kind(message)
        self._over = self._over or self._speaks_for_another(message)
        if kind is None or (kind == "answer" and not message.content.strip()):
            return None
        if kind == "call":
            return self._call(message)
        own = message.role == "assistant" and message.channel == HIDDEN
        return Interpreted(kind, message, goes_back=own or kind != "reasoning")

    def _call(self, call: HarmonyMessage) -> Interpreted:
        schema = self._schemas.get(self._names.original(call.recipient or ""))
        hidden = _is_hidden(call)
        arguments = call_arguments(call.content, schema, strict=hidden)
        if hidden and not is_object(arguments):
            thought = replace(call, channel=HIDDEN, recipient=None, tokens=None)
            return Interpreted("reasoning", thought, True, RepairKind.THOUGHT_AS_CALL)
        self._over = True
        if arguments == call.content:
            return Interpreted("call", call, True)
        mended = replace(call, content=arguments, tokens=None)
        return Interpreted("call", mended, True, RepairKind.MENDED_ARGUMENTS)

    def _speaks_for_another(self, message: HarmonyMessage) -> bool:
        if message.role == "tool":
            # Another word in the role's place is no tool.
            name = message.name or ""
            return name.startswith("functions.") or message.recipient is not None or self._names.offers(name)
        return message.role != "assistant" and message.role in ROLES


def _is_hidden(said: Header | HarmonyMessage) -> bool:
    return said.hidden or said.channel == HIDDEN
