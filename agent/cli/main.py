"""The command line's entry: commands, exit codes, one-line errors."""

from __future__ import annotations

import sys
from typing import Any

import click

from ... import OssifrageError
from ..errors import UsageError
from .acp import acp
from .ask import ask
from .batch import batch
from .completion import completion
from .config import config
from .doctor import doctor
from .kb import kb
from .mcp import mcp
from .model import model
from .options import advised, settings_options
from .serve import serve
from .traces import traces

__all__ = ["cli", "main"]

FAILED, USAGE, INTERRUPTED = 1, 2, 130


class _Questions(click.Group):
    """A group for which words that are no command are a question, if they look like one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, or ``ask`` for a first argument with blanks in it or a question mark at its end."""
        first = args[0].strip()
        if first not in self.commands and (len(first.split()) > 1 or first.endswith(("?", "？"))):
            return ask.name, ask, args
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Questions, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@settings_options("engine", "knowledge", "home")
@click.option("--continue", "go_on", is_flag=True, help="Go on with the last conversation.")
@click.option("--resume", metavar="NAME", help="Go on with a conversation (/sessions lists them).")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="ossifrage", message="ossifrage %(version)s")
@click.pass_context
def cli(context: click.Context, debug: bool, go_on: bool, resume: str | None, **given: Any) -> None:
    """Ask multi-step questions of your own documents with gpt-oss.

    Without a command it starts a prompt, and `ossifrage "What is …?"` asks one question. Exit codes: 0
    answered, 1 failed, 2 wrong usage, 3 partial (a limit was hit, or the engine failed in the answer), 4 the
    sources do not say, 130 interrupted.
    """
    if not debug:
        import logging

        # The SDK logs failures that are told in one line by main.
        logging.getLogger("openai.agents").setLevel(logging.CRITICAL)
    context.obj = {name: value for name, value in given.items() if value is not None}
    if context.invoked_subcommand is None:
        from ..repl import run_prompt

        with advised(context.obj):
            run_prompt(context.obj, resume="-" if go_on else resume)
    elif go_on or resume is not None:
        raise UsageError("--continue and --resume are for the prompt: leave the command away.")


cli.add_command(acp)
cli.add_command(ask)
cli.add_command(batch)
cli.add_command(completion)
cli.add_command(config)
cli.add_command(doctor)
cli.add_command(kb)
cli.add_command(mcp)
cli.add_command(model)
cli.add_command(serve)
cli.add_command(traces)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Answers and results go to stdout; everything else, errors among it, to stderr.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments  # wherever it stands
    arguments = [*(["--debug"] if debug else ()), *(each for each in arguments if each != "--debug")]
    try:
        code = cli.main(arguments, prog_name="ossifrage", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):  # click makes the one of the other
        click.echo("Interrupted.", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader has gone (`| head`); keep the interpreter from complaining at exit.
        sys.stdout = None  # type: ignore[assignment]
        sys.exit(FAILED)
    except Exception as error:
        if debug:
            raise
        if not isinstance(error, OssifrageError):
            click.echo(f"Error: {type(error).__name__}: {_one_line(error)} (--debug shows where)", err=True)
            sys.exit(FAILED)
        advice = [": ", *error.__notes__] if hasattr(error, "__notes__") else []
        click.echo(f"Error: {_one_line(error)}{''.join(advice)}", err=True)
        sys.exit(USAGE if isinstance(error, UsageError) else FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(error: Exception) -> str:
    from ..text import one_line

    return one_line(str(error))
