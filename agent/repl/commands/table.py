"""Name, arguments, help, completion and handler of every command."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from ..face import Face
from . import answers, conversations, engines, knowledge, screen

__all__ = ["COMMANDS", "Command", "Completes", "find_command", "nearest"]

Completes = Literal[
    "commands",
    "engines",
    "efforts",
    "reasoning",
    "sources",
    "kb",
    "traces",
    "conversations",
    "copy",
    "paths",
    "retry",
]
"""What can stand after a command's name."""


@dataclass(frozen=True)
class Command:
    """A slash command."""

    name: str
    arguments: str
    help: str
    run: Callable[[Face, str], Awaitable[None]]
    completes: Completes | None = None
    meanwhile: bool = False
    """It can be used while a question is worked on."""
    also: tuple[str, ...] = ()
    """Other names."""


COMMANDS: tuple[Command, ...] = (
    Command("help", "[COMMAND]", "what can be typed here", screen.help_, "commands", True, ("?",)),
    Command("engine", "[NAME]", "what answers; choose another", engines.engine, "engines"),
    Command("model", "[NAME]", "the model; choose another of the server's", engines.model),
    Command("effort", "[low|medium|high]", "how hard the model thinks", engines.effort, "efforts", True),
    Command(
        "reasoning",
        "[hidden|folded|shown]",
        "how much of the thinking you see (Alt-R)",
        screen.reasoning,
        "reasoning",
        True,
    ),
    Command(
        "sources", "[PART]", "the documents, or those whose name has PART", knowledge.sources, "sources", True
    ),
    Command(
        "open",
        "N | SOURCE[:LINE]",
        "the lines that [N] cites, where they stand",
        answers.open_,
        "sources",
        True,
    ),
    Command("search", "WORDS", "search without the model", knowledge.search, None, True),
    Command("kb", "add PATH… | list | remove SOURCE…", "the knowledge base", knowledge.kb, "kb"),
    Command("trace", "[ID]", "all of what happened, without the thinking", answers.trace, "traces", True),
    Command("step", "[N]", "one call whole: what was asked for, what came back", answers.step, None, True),
    Command("sessions", "", "the conversations that are kept", conversations.sessions, None, True),
    Command(
        "resume",
        "[NAME|-]",
        "go on with a conversation; - is the one before",
        conversations.resume,
        "conversations",
    ),
    Command("fork", "[TURN]", "a new conversation from here, or from after a turn", conversations.fork),
    Command(
        "retry",
        "[--reasoning LEVEL] [--engine NAME]",
        "ask the last question again, in a fork",
        conversations.retry,
        "retry",
    ),
    Command("undo", "", "go on without the last turn, in a fork", conversations.undo),
    Command("compact", "[now]", "what a shorter conversation would leave out; do it", conversations.compact),
    Command("clear", "", "clear the screen and begin a new conversation", conversations.clear),
    Command("save", "FILE.md", "the conversation as Markdown", answers.save, "paths", True),
    Command(
        "copy",
        "[turn]",
        "the answer to the clipboard; or the turn with its steps",
        answers.copy,
        "copy",
        True,
    ),
    Command("usage", "", "tokens and time of this conversation", answers.usage, None, True),
    Command("quit", "", "leave (Ctrl-D)", screen.quit_, None, True, ("exit", "q")),
)


def find_command(name: str) -> Command | None:
    """The command of that name."""
    return next((each for each in COMMANDS if name == each.name or name in each.also), None)


def nearest(name: str) -> str:
    """The command whose name looks most like it."""
    names = [each.name for each in COMMANDS]
    starting = [each for each in names if each.startswith(name[:1])]
    close = difflib.get_close_matches(name, names, 1, 0.5)
    return (close or starting or names)[0]
