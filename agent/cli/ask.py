"""``ossifrage ask``: one question, one answer."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from .given import joined_with, piped
from .options import command, with_settings
from .output_types import output_options, wanted_type

if TYPE_CHECKING:
    from ...tools.knowledge import JoinedKnowledge, Knowledge
    from ..answer import Result
    from ..run.output import OutputSchema
    from ..settings import Settings

__all__ = ["ask"]

PARTIAL, NOT_FOUND = 3, 4


@click.command()
@click.argument("question", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as JSON.")
@click.option("--events", is_flag=True, help="Print what happens as it happens, one JSON object a line.")
@output_options
@click.option("--reasoning", type=click.Choice(["low", "medium", "high"]), help="How hard the model thinks.")
@click.option("--show-reasoning", is_flag=True, help="Show what the model thinks, on stderr.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@with_settings("engine", "knowledge")
def ask(
    settings: Settings,
    question: tuple[str, ...],
    as_json: bool,
    events: bool,
    output_type: str | None,
    schema: str | None,
    reasoning: str | None,
    show_reasoning: bool,
    quiet: bool,
) -> int:
    """Answer QUESTION from the knowledge base.

    What is piped in beside a QUESTION is one more source, for this run; without a QUESTION, or with `-`, it
    is the question. The answer goes to standard output, everything else to standard error. Exit codes:
    0 answered, 3 partial (a limit was hit, or the engine failed in the answer), 4 the sources do not say.
    """
    import asyncio

    from ..errors import UsageError
    from ..models.open_engine import check_engine

    if events and as_json:
        raise UsageError("--events and --json both say what to print: give one of them.")
    text = " ".join(question)
    given = None
    if text in ("", "-"):
        text = "" if sys.stdin.isatty() else sys.stdin.read()
    else:
        given = piped()
    if not text.strip():  # told before anything is opened
        raise UsageError('The question is empty: ask something, such as `ossifrage ask "What is …?"`.')
    check_engine(settings.engine, settings.base_url)
    from ..answer import StopReason
    from ..terminal.following import can_follow
    from ..terminal.render import answer_text, remarks

    if reasoning is not None:
        settings = settings.model_copy(update={"reasoning": reasoning})
    wanted = wanted_type(output_type, schema)
    own_type = output_type is not None or schema is not None
    followed = not (events or quiet) and can_follow()
    shown = followed and not (as_json or own_type) and sys.stdout.isatty()
    with ExitStack() as opened:
        knowledge = None if given is None else opened.enter_context(joined_with(given, settings))
        result = asyncio.run(
            _run(
                settings,
                text,
                wanted,
                knowledge=knowledge,
                events=events,
                show_reasoning=show_reasoning,
                quiet=quiet,
                followed=followed,
                shown=shown,
            )
        )
    if as_json:
        click.echo(_dumped(result_as_json(result)))
    elif not events and not shown:
        click.echo(_output_as_json(result) if own_type else answer_text(result))
    if not quiet and not events:
        click.echo(f"\nTrace: {command('traces', 'show', result.trace_id)}", err=True)
    for remark in () if shown else remarks(result):
        click.echo(remark, err=True)
    if result.partial:
        return PARTIAL
    return NOT_FOUND if result.stop_reason is StopReason.NOT_FOUND else 0


async def _run(
    settings: Settings,
    question: str,
    output_type: type[Any] | OutputSchema,
    *,
    knowledge: JoinedKnowledge | None,
    events: bool,
    show_reasoning: bool,
    quiet: bool,
    followed: bool,
    shown: bool,
) -> Result[Any]:
    import asyncio

    from ..assistant import Assistant
    from ..terminal.following import follow_run, open_followed
    from ..terminal.live import show_run
    from .events import print_run

    async with Assistant(settings, knowledge=knowledge, output_type=output_type) as assistant:
        opened, _ = await (open_followed(assistant) if followed else assistant.open())
        if knowledge is None:
            await asyncio.to_thread(_warn, opened, add=command("kb", "add", "PATH"))
        if events:
            return await print_run(assistant, question, show_reasoning=show_reasoning)
        if followed:
            return await follow_run(assistant, question, show_reasoning=show_reasoning, answer=shown)
        return await show_run(assistant, question, show_reasoning=show_reasoning, quiet=quiet)


def _warn(base: Knowledge, *, add: str) -> None:
    """Say what is wrong with a base before it is asked."""
    from ...tools.knowledge import KnowledgeBase
    from .kb.opening import warn_of_missing

    if isinstance(base, KnowledgeBase):
        warn_of_missing(base)
    if not base.documents():
        click.echo(f"The knowledge base is empty: nothing will be found. Add documents with: {add}", err=True)


def _output_as_json(result: Result[Any]) -> str:
    """The output alone; of one that was cut off as much as came."""
    import json

    from ..run.output import as_json

    if result.output is not None:
        return _dumped(as_json(result.output))
    try:
        return _dumped(json.loads(result.text))
    except ValueError:  # of an Answer the text is all there is
        return _dumped({"answer": result.text} if result.text else None)


def result_as_json(result: Result[Any]) -> dict[str, Any]:
    """The whole result as JSON values."""
    import json

    from pydantic import TypeAdapter

    from ..answer import Result as ResultType

    return json.loads(TypeAdapter(ResultType[Any]).dump_json(result))


def _dumped(value: object) -> str:
    import json

    # Kept in ASCII: JSON alone would let C1 controls through to the terminal.
    return json.dumps(value, indent=2)
