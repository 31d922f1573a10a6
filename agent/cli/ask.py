"""``ossifrage ask``: one question, one answer."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from .options import command, with_settings

if TYPE_CHECKING:
    from ..answer import Result
    from ..settings import Settings

__all__ = ["ask"]

PARTIAL, NOT_FOUND = 3, 4


@click.command()
@click.argument("question", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as JSON.")
@click.option(
    "--output-type",
    metavar="MODULE:TYPE",
    help="A Pydantic model the answer has to be; it is printed as JSON.",
)
@click.option("--reasoning", type=click.Choice(["low", "medium", "high"]), help="How hard the model thinks.")
@click.option("--show-reasoning", is_flag=True, help="Show what the model thinks, on stderr.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@with_settings
def ask(
    settings: Settings,
    question: tuple[str, ...],
    as_json: bool,
    output_type: str | None,
    reasoning: str | None,
    show_reasoning: bool,
    quiet: bool,
) -> int:
    """Answer QUESTION from the knowledge base; `-` reads it from standard input.

    The answer goes to standard output, everything else to standard error. Exit codes: 0 answered, 3 partial
    (a limit was hit, or the engine failed in the answer), 4 the sources do not say.
    """
    import asyncio

    from ..errors import UsageError
    from ..models.open_engine import check_engine

    text = " ".join(question)
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():  # told before anything is opened
        raise UsageError('The question is empty: ask something, such as `ossifrage ask "What is …?"`.')
    check_engine(settings.engine, settings.base_url)
    from ..answer import Answer, StopReason
    from ..terminal.render import answer_text, remarks

    if reasoning is not None:
        settings = settings.model_copy(update={"reasoning": reasoning})
    wanted = Answer if output_type is None else load_type(output_type)
    result = asyncio.run(_run(settings, text, wanted, show_reasoning=show_reasoning, quiet=quiet))
    if as_json:
        click.echo(_as_json(result))
    else:
        click.echo(answer_text(result) if output_type is None else _output_as_json(result))
    if not quiet:
        click.echo(f"\nTrace: {command('traces', 'show', result.trace_id)}", err=True)
    for remark in remarks(result):
        click.echo(remark, err=True)
    if result.partial:
        return PARTIAL
    return NOT_FOUND if result.stop_reason is StopReason.NOT_FOUND else 0


async def _run(
    settings: Settings, question: str, output_type: type[Any], *, show_reasoning: bool, quiet: bool
) -> Result:
    import asyncio

    from ..assistant import Assistant
    from ..terminal.live import show_run
    from .upkeep import warn_of_missing

    async with Assistant(settings, output_type=output_type) as assistant:
        knowledge, _ = await assistant.open()
        await asyncio.to_thread(warn_of_missing, knowledge)
        return await show_run(assistant, question, show_reasoning=show_reasoning, quiet=quiet)


def load_type(name: str) -> type[Any]:
    """The type that ``package.module:Type`` names; modules are looked up in the current folder, too.

    Raises:
        UsageError: there is no such module or type.
    """
    from importlib import import_module

    from ..errors import UsageError

    module_name, _, type_name = name.partition(":")
    if not type_name:
        raise UsageError(f"--output-type is MODULE:TYPE, such as `reports:Summary`, not {name!r}.")
    sys.path.insert(0, "")
    try:
        found = getattr(import_module(module_name), type_name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--output-type: {error}") from error
    finally:
        sys.path.remove("")
    if not isinstance(found, type):
        raise UsageError(f"--output-type: {name} is not a type.")
    return found


def _output_as_json(result: Result) -> str:
    """The output alone; of one that was cut off as much as came."""
    from ..run.output import as_json

    if result.output is not None:
        return _dumped(as_json(result.output))
    try:
        return _dumped(json.loads(result.text))
    except ValueError:  # of an Answer the text is all there is
        return _dumped({"answer": result.text} if result.text else None)


def _as_json(result: Result) -> str:
    from pydantic import TypeAdapter

    from ..answer import Result as ResultType

    return _dumped(json.loads(TypeAdapter(ResultType).dump_json(result)))


def _dumped(value: object) -> str:
    # Kept in ASCII: JSON alone would let C1 controls through to the terminal.
    return json.dumps(value, indent=2)
