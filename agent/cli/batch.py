"""``ossifrage batch``: many questions, one row of answers each."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .options import with_settings
from .output_types import output_options, wanted_type

if TYPE_CHECKING:
    from ..batch import AnswersFile, Outcome, Question
    from ..settings import Settings

__all__ = ["batch"]

FAILED = 1


@click.command(short_help="Answer many questions, a row for each.")
@click.argument("questions", type=click.Path(dir_okay=False, allow_dash=True), metavar="QUESTIONS")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the rows go, as JSON lines. What it holds already is not asked again.",
)
@click.option(
    "--concurrency",
    "-c",
    type=click.IntRange(1, 256),
    default=4,
    show_default=True,
    help="Most questions at a time.",
)
@click.option("--retry-failed", is_flag=True, help="Ask again what failed the last time.")
@output_options
@click.option("--reasoning", type=click.Choice(["low", "medium", "high"]), help="How hard the model thinks.")
@with_settings("engine", "knowledge")
def batch(
    settings: Settings,
    questions: str,
    output: str,
    concurrency: int,
    retry_failed: bool,
    output_type: str | None,
    schema: str | None,
    reasoning: str | None,
) -> int:
    """Answer every question of QUESTIONS, a file of JSON lines: {"question": "…", "id": …}, or plain strings.

    Each answer is a row, and so is each failure. Interrupted, the same command goes on where it stopped. Exit
    codes: 0 all were answered, 1 some failed, 130 interrupted.
    """
    import asyncio
    from pathlib import Path

    from ..batch import AnswersFile, read_questions
    from ..errors import UsageError

    if reasoning is not None:
        settings = settings.model_copy(update={"reasoning": reasoning})
    wanted = wanted_type(output_type, schema)
    try:
        data = sys.stdin.buffer.read() if questions == "-" else Path(questions).read_bytes()
    except OSError as error:
        raise UsageError(f"{questions} cannot be read: {error.strerror or error}") from error
    asked = read_questions(data.splitlines(), name="standard input" if questions == "-" else questions)
    with AnswersFile(Path(output), retry_failed=retry_failed) as answers:
        left = answers.left_of(asked)
        if earlier := len(asked) - len(left):
            click.echo(f"{earlier} of {len(asked)} answered earlier; {len(left)} to go.", err=True)
        if not left:
            return 0
        return asyncio.run(_run(settings, left, answers, concurrency=concurrency, output_type=wanted))


async def _run(
    settings: Settings,
    questions: list[Question],
    answers: AnswersFile,
    *,
    concurrency: int,
    output_type: Any,
) -> int:
    from contextlib import aclosing

    from ..assistant import Assistant
    from ..batch import answer_all
    from ..text import one_line

    began, ended = time.monotonic(), Counter[str]()
    prompt = completion = 0
    async with Assistant(settings, output_type=output_type) as assistant:
        _, model = await assistant.open()  # what is wrong for every question is told once
        click.echo(one_line(model.why), err=True)
        with _bar(len(questions)) as tell:
            async with aclosing(answer_all(assistant, questions, concurrency=concurrency)) as outcomes:
                async for outcome in outcomes:
                    answers.write(outcome)
                    ended[_kind(outcome)] += 1
                    if outcome.result is not None:
                        prompt += outcome.result.usage.prompt_tokens
                        completion += outcome.result.usage.completion_tokens
                    tell(outcome)
    seconds = time.monotonic() - began
    counted = ", ".join(f"{count} {kind}" for kind, count in ended.most_common())
    click.echo(f"{counted} · {seconds:.0f} s · {prompt:,} + {completion:,} tokens", err=True)
    return FAILED if ended["failed"] else 0


def _kind(outcome: Outcome) -> str:
    return "failed" if outcome.result is None else outcome.result.stop_reason.value.replace("_", " ")


@contextmanager
def _bar(total: int) -> Generator[Callable[[Outcome], None]]:
    """How far it has come, with a rate and the time left; each failure as a line of its own."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ..text import one_line

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, rate="")

        def tell(outcome: Outcome) -> None:
            elapsed = bar.tasks[0].elapsed or 0.001
            bar.update(task, advance=1, rate=f"{60 * (bar.tasks[0].completed + 1) / elapsed:.0f} a minute")
            if outcome.error is not None:
                click.echo(
                    f"failed: {one_line(outcome.question.text, 80)}: {one_line(str(outcome.error))}",
                    err=True,
                )

        yield tell
