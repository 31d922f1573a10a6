"""The flags every command takes, and the settings they become."""

from __future__ import annotations

import functools
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

__all__ = ["advised", "command", "explained", "settings_options", "with_home", "with_settings"]

_given: ContextVar[Mapping[str, Any] | None] = ContextVar("given", default=None)
"""The common flags of the command that runs; its threads see them, too."""
_REPEATED = ("home",)
_REPEATED_FOR_KB = ("home", "knowledge", "collection")
"""The flags that say what a command is about."""


def _engines(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from ..models.open_engine import ENGINES, SERVED

    return [name for name in ("auto", *ENGINES, *SERVED) if name.startswith(incomplete)]


_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPTIONS: dict[str, dict[str, _Decorator]] = {
    "engine": {
        "engine": click.option(
            "--engine",
            metavar="NAME",
            shell_complete=_engines,
            help="auto, vllm, llama-server, sglang, llama-cpp, chat, responses or extractive."
            "  [default: auto]",
        ),
        "model": click.option(
            "--model", metavar="NAME", help="The model's name on the server, or a GGUF file."
        ),
        "base_url": click.option("--base-url", metavar="URL", help="The model server's address."),
        "api_key": click.option(
            "--api-key",
            metavar="KEY",
            help="The server's key; better in OSSIFRAGE_API_KEY, where nobody sees it.",
        ),
    },
    "knowledge": {
        "knowledge": click.option(
            "--knowledge",
            metavar="PATH|URL",
            help="Folder of the knowledge base, or a Milvus server's address.",
        ),
        "collection": click.option("--collection", metavar="NAME", help="The collection in it."),
    },
    "home": {
        "home": click.option("--home", metavar="PATH", help="Folder for everything the program writes.")
    },
}
"""The flags that more than one command takes, by what they are about."""


def settings_options(*about: str) -> _Decorator:
    """Add the common flags about ``engine``, ``knowledge`` and ``home`` to a command."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed([option for each in about for option in _OPTIONS[each].values()]):
            command = option(command)
        return command

    return decorate


def with_settings(*about: str) -> _Decorator:
    """Give a command the flags it uses, and the settings they add up to as its first argument.

    Any common flag may stand before the command's name as well.

    Args:
        about: ``engine``, ``knowledge``, or both; every command has ``--home``.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        @click.pass_context
        def wrapper(context: click.Context, **values: Any) -> Any:
            from ..settings import load_settings

            own = {name: values.pop(name) for each in (*about, "home") for name in _OPTIONS[each]}
            given = _flags(context, own)
            with advised(given):
                return context.invoke(command, load_settings(**given), **values)

        return settings_options(*about, "home")(wrapper)

    return decorate


def with_home(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--home``, and the folder as its first argument; no other setting is read."""

    @functools.wraps(command)
    @click.pass_context
    def wrapper(context: click.Context, home: str | None, **values: Any) -> Any:
        from pathlib import Path

        from ..home import default_home

        given = _flags(context, {"home": home})
        folder = Path(given["home"]).expanduser() if "home" in given else default_home()
        with advised(given):
            return context.invoke(command, folder, **values)

    return settings_options("home")(wrapper)


def _flags(context: click.Context, own: dict[str, Any]) -> dict[str, Any]:
    """What was given before the command's name and after it."""
    before: dict[str, Any] = context.obj or {}
    given = {**before, **{name: value for name, value in own.items() if value is not None}}
    context.obj = given
    return given


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
            error.add_note(advice(error.remedy))
        raise
    finally:
        _given.reset(token)


def command(*words: str) -> str:
    """A command for the user to type, about the same home and knowledge base as the one that runs.

    It is written as a shell reads it. A user and a password in an address are left out.
    """
    import shlex
    import shutil

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


def explained(error: OssifrageError) -> str:
    """An error in one line, with the command that helps where there is one."""
    from ...tools.knowledge import KnowledgeError

    remedy = error.remedy if isinstance(error, KnowledgeError) else None
    return str(error) if remedy is None else f"{error}: {advice(remedy)}"


def advice(remedy: Remedy) -> str:
    """The command that helps, as :func:`command` writes it."""
    return command(*_words(remedy))


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
