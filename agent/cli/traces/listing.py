"""``ossifrage traces list`` and ``search``: which runs there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import with_home

if TYPE_CHECKING:
    from ...traces import TraceStore, TraceSummary

__all__ = ["list_", "search"]

_LEAST_QUESTION = 20
"""Columns for a question beside what is told of its run; with fewer it stands above."""

_limit = click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Most traces to list."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")


@click.command("list")
@click.argument("words", nargs=-1)
@_limit
@click.option("--before", metavar="ID", help="Only traces older than this one.")
@_json
@with_home
def list_(home: Path, words: tuple[str, ...], limit: int, before: str | None, as_json: bool) -> None:
    """List traces, newest first.

    WORDS narrow the list: engine:NAME, model:PART, stop:REASON (stop:partial, stop:unfinished),
    unverified:yes, mended:yes, since:2d, until:2026-11-20, tokens:>5000, seconds:>10, steps:>3, searches:<2.
    Any other word is looked for in questions, answers and queries; "words in quotes" as they stand.
    """
    from ...traces import TraceStore, parse_filter

    with TraceStore(home) as store:
        summaries = store.list(limit, before, parse_filter(" ".join(words)))
    if as_json:
        _print_json(summaries)
    elif summaries:
        _print_table(summaries)
    elif words:
        click.echo("No trace fits.", err=True)
    else:
        click.echo("No traces yet: ask something with `ossifrage ask`.", err=True)


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--reasoning", "in_reasoning", is_flag=True, help="Search what the model thought, too.")
@_limit
@_json
@with_home
def search(home: Path, words: tuple[str, ...], in_reasoning: bool, limit: int, as_json: bool) -> None:
    """Search questions, answers and queries of all traces, newest first.

    WORDS are as for `traces list`: all of them have to stand in one trace.
    """
    from ...traces import TraceStore, parse_filter

    wanted = parse_filter(" ".join(words))
    with TraceStore(home) as store:
        summaries = store.list(limit, wanted=wanted, in_reasoning=in_reasoning)
        if as_json:
            _print_json(summaries)
            return
        for summary in summaries:
            _print_table([summary])
            for where, line in _places(store, summary.trace_id, wanted.text, in_reasoning=in_reasoning):
                click.echo(f"    {where:<9} {line}")
    if not summaries:
        click.echo("Nothing found.", err=True)


def _places(
    store: TraceStore, trace_id: str, words: Sequence[str], *, in_reasoning: bool
) -> list[tuple[str, str]]:
    """Where in a trace the words stand, with some text around."""
    import json

    trace = store.load(trace_id)
    texts = [("answer", trace.answer_text)]
    for step in trace.steps:
        for use in step.tools:
            if use.returned is not None and use.returned.retrieved is not None:
                texts += [("query", query) for query in use.returned.retrieved.queries]
    if in_reasoning:
        texts += [("thought", text) for text in store.reasoning(trace_id).values()]
    found = [(where, _around(text, words)) for where, text in texts]
    return [(where, json.dumps(line, ensure_ascii=False)) for where, line in found if line][:5]


def _around(text: str, words: Sequence[str]) -> str:
    from ...text import one_line

    folded = text.casefold()
    places = [folded.find(word.strip().casefold()) for word in words if word.strip()]
    at = min((place for place in places if place >= 0), default=-1)
    if at < 0:
        return ""
    start = max(0, at - 40)
    return ("…" if start else "") + one_line(text[start : at + 200], 100)


def _print_json(summaries: Sequence[TraceSummary]) -> None:
    import json

    # Kept in ASCII: JSON alone would let C1 controls through to the terminal.
    click.echo(json.dumps([summary.model_dump(mode="json") for summary in summaries], indent=2))


def _print_table(summaries: Sequence[TraceSummary]) -> None:
    import shutil
    import sys

    from ...text import counted, one_line

    # On a terminal a question ends with the line, or has one of its own; in a file it is whole.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for summary in summaries:
        seconds = "" if summary.seconds is None else f"{summary.seconds:.1f} s"
        verified = summary.citations - summary.unverified
        cited = f"{verified}/{summary.citations}" if summary.citations else ""
        start = (
            f"{summary.trace_id}  {one_line(summary.stop_reason or 'unfinished'):<12}  {seconds:>8}  "
            f"{counted(summary.tool_calls, 'tool call'):>14}  {summary.tokens:>9,} tokens  {cited:>5}  "
        )
        if width is not None and len(start) + _LEAST_QUESTION > width:
            click.echo(one_line(summary.question, width))
            click.echo(f"  {' '.join(start.split())}"[:width])
            continue
        rest = None if width is None else width - len(start)
        click.echo(start + one_line(summary.question, rest))
