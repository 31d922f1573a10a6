"""What one message is, for every kind of header."""

from __future__ import annotations

from typing import Any

import pytest

from ossifrage.agent.harmony.message import HarmonyMessage, RepairKind
from ossifrage.agent.harmony.names import FunctionNames
from ossifrage.agent.models.interpreter import Interpreter
from ossifrage.agent.models.tool_choice import ToolChoice

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def interpreter(**choice: Any) -> Interpreter:
    return Interpreter(FunctionNames(["search"]), ToolChoice((), **choice), {"search": SCHEMA})


def message(
    channel: str | None, content: str = "x", *, role: str = "assistant", **more: Any
) -> HarmonyMessage:
    return HarmonyMessage(role=role, channel=channel, content=content, **more)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (message("analysis"), "reasoning"),
        (message("final"), "answer"),
        (message("commentary"), "preamble"),
        (message(None), "reasoning"),
        (message("other"), "reasoning"),
        (message("commentary", unclear=True), None),
        (message("final", unclear=True), "answer"),
        (message("final", hidden=True), "reasoning"),
        (message("commentary", hidden=True), "reasoning"),
        (message("commentary", recipient="functions.search"), "call"),
        (message("final", recipient="search"), "call"),
        (message("analysis", recipient="search"), "call"),
        (message("commentary", recipient="search", hidden=True), "call"),
        (message(None, recipient="search"), "call"),
        (message("commentary", recipient="browse"), "call"),
        (message("commentary", recipient="browse", hidden=True), "reasoning"),
        (message("analysis", recipient="browse"), "reasoning"),
        (message("final", recipient="browse"), None),
        (message(None, recipient="browse"), None),
        (message("commentary", role="tool", name="search"), None),
        (message("final", role="user"), None),
        (message("analysis", role="user"), "reasoning"),
        (message("final", role="tool", name="thinking", hidden=True), "reasoning"),
    ],
)
def test_what_a_message_is(said: HarmonyMessage, kind: str | None) -> None:
    assert interpreter().kind(said) == kind
    read = interpreter().read(message(said.channel, '{"a":1}', **_rest(said)))
    assert (None if read is None else read.kind) == kind


def _rest(said: HarmonyMessage) -> dict[str, Any]:
    names = ("role", "name", "recipient", "hidden", "unclear")
    return {name: getattr(said, name) for name in names}


@pytest.mark.parametrize(
    ("choice", "said", "kind"),
    [
        ({"call": False}, message("commentary", recipient="search"), None),
        ({"call": False}, message("commentary", recipient="browse"), None),
        ({"call": False}, message("analysis", recipient="search"), "reasoning"),
        ({"only": "search", "answer": False}, message("commentary", recipient="functions.search"), "call"),
        ({"only": "search", "answer": False}, message("commentary", recipient="browse"), None),
        ({"answer": False}, message("final"), None),
        ({"answer": False}, message("commentary"), "preamble"),
    ],
)
def test_what_is_not_allowed_is_neither_called_nor_shown(
    choice: dict[str, Any], said: HarmonyMessage, kind: str | None
) -> None:
    assert interpreter(**choice).kind(said) == kind


@pytest.mark.parametrize("content", ["", "x", "[1]", '"{}"', "1", "null", "{", '[{"a":1}]', "I {"])
@pytest.mark.parametrize(("channel", "hidden"), [("analysis", False), ("commentary", True)])
def test_a_call_on_the_hidden_channel_without_an_object_is_a_thought(
    content: str, channel: str, hidden: bool
) -> None:
    telling = interpreter()
    read = telling.read(message(channel, content, recipient="search", hidden=hidden, tokens=(1,)))
    assert read is not None
    assert (read.kind, read.goes_back, read.repair) == ("reasoning", True, RepairKind.THOUGHT_AS_CALL)
    assert read.message == message("analysis", content, hidden=hidden)
    assert telling.kind(message("final")) == "answer", "nothing was called"


@pytest.mark.parametrize("channel", ["analysis", "commentary"])
def test_a_call_holds_its_arguments_and_nothing_counts_after_it(channel: str) -> None:
    telling = interpreter()
    call = message(channel, '{"a":1}', recipient="search", tokens=(1,))
    assert telling.read(call) == ("call", call, True, None)
    for later in (message("final"), message("analysis"), call):
        assert telling.kind(later) is None
        assert telling.read(later) is None


def test_arguments_that_were_mended_are_not_the_models_tokens() -> None:
    read = interpreter().read(message("commentary", '```json\n{"a":1}\n```', recipient="search", tokens=(1,)))
    assert read is not None
    assert read.repair is RepairKind.MENDED_ARGUMENTS
    assert read.message == message("commentary", '{"a": 1}', recipient="search")


@pytest.mark.parametrize(
    ("said", "over"),
    [
        (message("commentary", role="tool", name="search"), True),
        (message("commentary", role="tool", name="functions.browse"), True),
        (message("commentary", role="tool", name="browse", recipient="assistant"), True),
        (message("analysis", role="tool", name="thinking", hidden=True), False),
        (message(None, role="tool"), False),
        (message("final", role="user"), True),
        (message("final", role="system"), True),
        (message("analysis", role="developer"), True),
        (message("final", role="speaker"), False),
        (message("final"), False),
        (message("commentary"), False),
    ],
)
def test_nothing_counts_after_what_another_would_have_to_say(said: HarmonyMessage, over: bool) -> None:
    telling = interpreter()
    telling.read(said)
    assert (telling.kind(message("final")) is None) is over


@pytest.mark.parametrize(
    ("said", "goes_back"),
    [
        (message("analysis"), True),
        (message("final"), True),
        (message("commentary"), True),
        (message(None), False),
        (message("commentary", hidden=True), False),
        (message("analysis", role="tool", name="thinking"), False),
    ],
)
def test_a_thought_goes_back_only_where_the_assistant_had_it_on_the_hidden_channel(
    said: HarmonyMessage, goes_back: bool
) -> None:
    read = interpreter().read(said)
    assert read is not None
    assert read.goes_back is goes_back


def test_a_blank_answer_is_none() -> None:
    assert interpreter().read(message("final", " \n")) is None
    assert interpreter().read(message("commentary", " \n")) is not None


@pytest.mark.parametrize("channel", ["commentary", "final", None])
def test_a_call_in_sight_stays_one_whatever_its_arguments(channel: str | None) -> None:
    """The tool says what is wrong with them; only on the hidden channel they may be a thought."""
    read = interpreter().read(message(channel, "I would look it up.", recipient="search"))
    assert read is not None
    assert (read.kind, read.message.content, read.repair) == ("call", "I would look it up.", None)
    hidden = interpreter().read(message("analysis", "I would look it up.", recipient="search"))
    assert hidden is not None
    assert (hidden.kind, hidden.repair) == ("reasoning", RepairKind.THOUGHT_AS_CALL)
