"""``ossifrage traces rerun``: ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..options import command, with_settings

if TYPE_CHECKING:
    from ...answer import Result
    from ...run.recorded import Recorded
    from ...settings import Settings

__all__ = ["rerun"]


@click.command()
@click.argument("trace_id", metavar="ID")
@click.option(
    "--from-step",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="The first step that is asked anew; those before, and what their tools gave, are the record's.",
)
@click.option("--effort", type=click.Choice(["low", "medium", "high"]), help="How hard the model thinks.")
@with_settings("engine", "knowledge")
def rerun(settings: Settings, trace_id: str, from_step: int, effort: str | None) -> None:
    """Ask the question of a trace again, from a step on; the new run is a trace of its own.

    `ossifrage traces compare` shows where the two part.
    """
    import asyncio

    from ...terminal.render import answer_text, remarks
    from ...traces import TraceStore

    with TraceStore(settings.home) as store:
        trace = store.load(trace_id)
        thoughts = store.reasoning(trace.trace_id) if from_step > 1 else {}
    from ...run.recorded import Recorded

    recorded = Recorded(trace, from_step, thoughts)
    if not thoughts and any(step.thoughts for step in recorded.steps):
        click.echo("What was thought in those steps is not in the reasoning log; they go without.", err=True)
    if effort is not None:
        settings = settings.model_copy(update={"reasoning": effort})
    result = asyncio.run(_run(settings, recorded))
    click.echo(answer_text(result))
    for remark in remarks(result):
        click.echo(remark, err=True)
    compared = command("traces", "compare", trace.trace_id, result.trace_id)
    click.echo(f"\nTrace: {result.trace_id}\nCompare: {compared}", err=True)


async def _run(settings: Settings, recorded: Recorded) -> Result:
    from ...answer import Result
    from ...assistant import Assistant
    from ...traces import Event
    from .follow import echo_event

    async with Assistant(settings) as assistant:
        async for item in assistant.run_stream(recorded.trace.started.question, recorded=recorded):
            if isinstance(item, Result):
                return item
            if getattr(item, "type", None) is not None:
                event: Event = item  # type: ignore[assignment]
                if event.type != "answered":
                    echo_event(event, err=True)
    raise RuntimeError("the run ended without a result")
