"""The flags every command takes, and the settings they become."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["command", "settings_options", "with_settings"]

_HOME_GIVEN = "ossifrage.home_given"

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
        if "home" in given:
            context.meta[_HOME_GIVEN] = True
        return context.invoke(command, load_settings(**given), **values)

    return settings_options(wrapper)


def command(settings: Settings, *words: str) -> str:
    """A command for the user to type, that works with these settings from where they are."""
    import shlex
    import shutil
    import sys

    program = "ossifrage" if shutil.which("ossifrage") else sys.argv[0]
    given = click.get_current_context().meta.get(_HOME_GIVEN)
    home = ["--home", str(settings.home)] if given else []
    return f"{program} {shlex.join(home)}{' ' if home else ''}{' '.join(words)}"
