"""The flags every command takes, and the settings they become."""

from __future__ import annotations

import functools
import shlex
import shutil
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import click

from ... import OssifrageError
from ...tools.addresses import without_credentials

if TYPE_CHECKING:
    from ...tools.knowledge import Remedy

__all__ = ["advised", "command", "settings_options", "with_settings"]

_given: ContextVar[Mapping[str, Any] | None] = ContextVar("given", default=None)
"""The common flags of the command that runs; its threads see them, too."""
_REPEATED = ("home",)
_REPEATED_FOR_KB = ("home", "knowledge", "collection")
"""The flags that say what a command is about."""

_OPTIONS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "engine": click.option(
        "--engine",
        metavar="NAME",
        help="auto, vllm, llama-server, sglang, llama-cpp, chat, responses or extractive.  [default: auto]",
    ),
    "model": click.option("--model", metavar="NAME", help="The model's name on the server, or a GGUF file."),
    "base_url": click.option("--base-url", metavar="URL", help="The model server's address."),
    "api_key": click.option(
        "--api-key",
        metavar="KEY",
        help="The server's key; better in OSSIFRAGE_API_KEY, where nobody sees it.",
    ),
    "knowledge": click.option(
        "--knowledge", metavar="PATH|URL", help="Folder of the knowledge base, or a Milvus server's address."
    ),
    "collection": click.option("--collection", metavar="NAME", help="The collection in it."),
    "home": click.option("--home", metavar="PATH", help="Folder for everything the program writes."),
}


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the common flags to a command."""
    for option in reversed(_OPTIONS.values()):
        command = option(command)
    return command


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the common flags, and the settings they add up to as its first argument.

    The flags may stand before the command's name as well as after it.
    """

    @functools.wraps(command)
    @click.pass_context
    def wrapper(context: click.Context, **values: Any) -> Any:
        from ..settings import load_settings

        own = {name: values.pop(name) for name in _OPTIONS}
        before: dict[str, Any] = context.obj or {}
        given = {**before, **{name: value for name, value in own.items() if value is not None}}
        with advised(given):
            return context.invoke(command, load_settings(**given), **values)

    return settings_options(wrapper)


@contextmanager
def advised(given: Mapping[str, Any]) -> Generator[None]:
    """Let commands that are named repeat the flags in use, and errors of the knowledge base name theirs.

    Args:
        given: the common flags of the command line, by name. The command that helps is a note of the error.
    """
    token = _given.set(given)
    try:
        yield
    except OssifrageError as error:
        from ...tools.knowledge import KnowledgeError

        if isinstance(error, KnowledgeError) and error.remedy is not None:
            error.add_note(command(*_words(error.remedy)))
        raise
    finally:
        _given.reset(token)


def command(*words: str) -> str:
    """A command for the user to type, about the same home and knowledge base as the one that runs.

    It is written as a shell reads it. A user and a password in an address are left out.
    """
    installed = shutil.which("ossifrage") or not sys.argv[0].endswith("ossifrage")
    program = "ossifrage" if installed else sys.argv[0]
    given = _given.get() or {}
    names = _REPEATED_FOR_KB if words[0] == "kb" else _REPEATED
    flags = [
        part
        for name in names
        if name in given
        for part in (f"--{name}", without_credentials(str(given[name])))
    ]
    return shlex.join([program, *flags, *words])


def _words(remedy: Remedy) -> Sequence[str]:
    """The command that does what a program would call."""
    match remedy.verb:
        case "add":
            return "kb", "add", *(remedy.arguments or ("PATH",))
        case "documents":
            return "kb", "list"
        case "remove":
            return "kb", "remove", *remedy.arguments
        case "repair":
            return "kb", "repair"
        case "rebuild":
            return "kb", "rebuild", *(each for spec in remedy.arguments for each in ("--embedding", spec))
        case "rebuild_from_sources":
            return "kb", "rebuild", "--from-sources"
