"""A plain prompt loop."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from importlib import import_module

import click
from agents import SQLiteSession

from ... import OssifrageError
from ..assistant import Assistant
from ..settings import Settings
from ..terminal.live import show_run
from ..terminal.render import answer_text, remarks
from ..text import one_line

__all__ = ["run_prompt"]


def run_prompt(settings: Settings) -> None:
    """Read questions until end of input; each knows the ones before it.

    Ctrl-C stops the question that is running, or gives up the line; Ctrl-D ends.
    """
    with suppress(ImportError):
        import_module("readline")  # gives input() its line editing and history
    with asyncio.Runner() as runner:
        assistant = Assistant(settings)
        try:
            _, model = runner.run(assistant.open())
            click.echo(f"{one_line(model.why)}\nAsk something; Ctrl-D ends.", err=True)
            _loop(runner, assistant)
        finally:
            runner.run(assistant.aclose())


def _loop(runner: asyncio.Runner, assistant: Assistant) -> None:
    session = SQLiteSession("prompt")
    try:
        while (question := _read()) is not None:
            if not question:
                continue
            try:
                result = runner.run(show_run(assistant, question, session=session, announce=False))
            except KeyboardInterrupt:
                click.echo("Stopped.", err=True)
                continue
            except OssifrageError as error:
                click.echo(f"Error: {one_line(str(error))}", err=True)
                continue
            click.echo(f"\n{answer_text(result)}\n")
            for remark in remarks(result):
                click.echo(remark, err=True)
    finally:
        session.close()


def _read() -> str | None:
    """The next line, or None at the end of input; Ctrl-C gives the line up."""
    try:
        line = input("> ") if sys.stdin.isatty() else sys.stdin.readline()
    except KeyboardInterrupt:
        click.echo(err=True)
        return ""
    except EOFError:
        click.echo(err=True)
        return None
    if not line and not sys.stdin.isatty():
        return None
    return "".join(character for character in line if character.isprintable()).strip()
