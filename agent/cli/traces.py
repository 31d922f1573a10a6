"""``ossifrage traces``: read what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .options import with_settings

if TYPE_CHECKING:
    from ..settings import Settings
    from ..traces import TraceSummary

__all__ = ["traces"]


@click.group()
def traces() -> None:
    """Read what happened in earlier runs."""


@traces.command("list")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Most traces to list."
)
@click.option("--before", metavar="ID", help="Only traces older than this one.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_settings()
def list_(settings: Settings, limit: int, before: str | None, as_json: bool) -> None:
    """List traces, newest first."""
    import json

    from ..traces import TraceStore

    with TraceStore(settings.home) as store:
        summaries = store.list(limit, before)
    if as_json:
        # Kept in ASCII: JSON alone would let C1 controls through to the terminal.
        click.echo(json.dumps([summary.model_dump(mode="json") for summary in summaries], indent=2))
    elif summaries:
        _print_table(summaries)
    else:
        click.echo("No traces yet: ask something with `ossifrage ask`.", err=True)


@traces.command()
@click.argument("trace_id", metavar="ID")
@click.option("--reasoning", "with_reasoning", is_flag=True, help="Show what the model thought, too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_settings()
def show(settings: Settings, trace_id: str, with_reasoning: bool, as_json: bool) -> None:
    """Show one trace: its ID, the beginning or end of it, or `last`.

    With --json and --reasoning the object has a key `reasoning`: a text for every reasoning_id, or null where
    there is no reasoning log.
    """
    import json

    from ..traces import TraceStore, render_timeline

    reasoning: dict[str, str] | None = None
    with TraceStore(settings.home) as store:
        trace = store.load(trace_id)
        if with_reasoning and store.has_reasoning:
            reasoning = store.reasoning(trace.trace_id)
    if as_json:
        document = trace.model_dump(mode="json")
        if with_reasoning:
            document["reasoning"] = reasoning
        click.echo(json.dumps(document, indent=2))
        return
    if with_reasoning and reasoning is None:
        click.echo("There is no reasoning log (reasoning.db): it was deleted, or never written.", err=True)
        reasoning = {}
    from rich.console import Console

    render_timeline(trace, Console(), reasoning=reasoning)


def _print_table(summaries: Sequence[TraceSummary]) -> None:
    import shutil
    import sys

    from ..traces import one_line

    # On a terminal a question ends with the line; in a file it is whole.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for summary in summaries:
        seconds = "" if summary.seconds is None else f"{summary.seconds:.1f} s"
        start = (
            f"{summary.trace_id}  {one_line(summary.stop_reason or 'unfinished'):<12}  {seconds:>8}  "
            f"{summary.tool_calls:>3} tool calls  {summary.tokens:>9,} tokens  "
        )
        click.echo(start + one_line(summary.question, None if width is None else max(20, width - len(start))))
