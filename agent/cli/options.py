"""The flags every command takes, and the settings they become."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["command", "settings_options", "with_home", "with_settings"]

_HOME_GIVEN = "ossifrage.home_given"


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
            return context.invoke(command, load_settings(**_given(context, own)), **values)

        return settings_options(*about, "home")(wrapper)

    return decorate


def with_home(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--home``, and the folder as its first argument; no other setting is read."""

    @functools.wraps(command)
    @click.pass_context
    def wrapper(context: click.Context, home: str | None, **values: Any) -> Any:
        from pathlib import Path

        from ..home import default_home

        given = _given(context, {"home": home}).get("home")
        return context.invoke(command, Path(given).expanduser() if given else default_home(), **values)

    return settings_options("home")(wrapper)


def _given(context: click.Context, own: dict[str, Any]) -> dict[str, Any]:
    """What was given before the command's name and after it."""
    before: dict[str, Any] = context.obj or {}
    given = {**before, **{name: value for name, value in own.items() if value is not None}}
    if "home" in given:
        context.meta[_HOME_GIVEN] = True
    context.obj = given
    return given


def command(settings: Settings, *words: str) -> str:
    """A command for the user to type, that works with these settings from where they are."""
    import shlex
    import shutil
    import sys

    program = "ossifrage" if shutil.which("ossifrage") else sys.argv[0]
    given = click.get_current_context().meta.get(_HOME_GIVEN)
    home = ["--home", str(settings.home)] if given else []
    return f"{program} {shlex.join(home)}{' ' if home else ''}{' '.join(words)}"
