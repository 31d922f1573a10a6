"""``ossifrage traces compare`` and ``stats``: figures of two runs, and of many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import with_home

if TYPE_CHECKING:
    from ...traces.stats import Spread
    from ...traces.steps import Step

__all__ = ["compare", "stats"]

_WIDTH = 46
_BAR = 24


@click.command()
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_home
def compare(home: Path, left: str, right: str, as_json: bool) -> None:
    """Two runs side by side: steps paired, where they part, and what differs.

    Steps are paired by what they did: the tools they called with which arguments, or the answer.
    """
    from ...text import one_line
    from ...traces import TraceStore
    from ...traces.compare import Figures
    from ...traces.compare import compare as compared

    with TraceStore(home) as store:
        traces = store.load(left), store.load(right)
    result = compared(*traces)
    if as_json:
        import json

        click.echo(json.dumps(result.model_dump(mode="json"), indent=2))
        return
    for mark, trace in zip("AB", traces, strict=True):
        outcome = "not ended" if trace.ended is None else one_line(trace.ended.stop_reason)
        click.echo(f"{mark}  {trace.trace_id}  {outcome}  {one_line(trace.started.question, 100)}")
    click.echo()
    for index, pair in enumerate(result.pairs):
        if index == result.parts_at:
            click.echo(click.style("-- here they part", dim=True))
        sides = [_step(pair.left), _step(pair.right)]
        mark = "=" if pair.same else "|" if pair.left and pair.right else "<" if pair.left else ">"
        click.echo(f"{sides[0]:<{_WIDTH}} {mark} {sides[1]}".rstrip())
    if result.parts_at is None:
        click.echo(click.style("-- no difference in what was done", dim=True))
    click.echo()
    click.echo(f"{'':<20} {'A':>12} {'B':>12} {'B - A':>12}")
    for name in Figures.model_fields:
        a, b = getattr(result.left, name), getattr(result.right, name)
        form = ".1f" if isinstance(a, float) else ",d"
        click.echo(f"{name.replace('_', ' '):<20} {a:>12{form}} {b:>12{form}} {b - a:>+12{form}}")
    click.echo(f"\nThe answers are {'the same' if result.same_answer else 'different'}.")


def _step(step: Step | None) -> str:
    import json

    from ...text import one_line

    if step is None:
        return ""
    told: list[str] = []
    for use in step.tools:
        found = None if use.returned is None else use.returned.retrieved
        asked = " ".join(json.dumps(query, ensure_ascii=False) for query in found.queries) if found else ""
        told.append(f"{use.call.tool} {asked or use.call.arguments}")
    if step.answer is not None:
        told.append("answer")
    told += [event.type.replace("_", " ") for event in step.notes]
    return one_line(f"{step.number:>3} {'; '.join(told) or 'nothing'}", _WIDTH)


@click.command()
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_home
def stats(home: Path, words: tuple[str, ...], as_json: bool) -> None:
    """What runs took: tokens by channel, calls, times, repairs.

    WORDS narrow them down, as in `traces list`.
    """
    from ...traces import TraceStore, parse_filter

    with TraceStore(home) as store:
        result = store.stats(parse_filter(" ".join(words)))
    if as_json:
        click.echo(result.model_dump_json(indent=2))
        return
    if not result.runs:
        why = "No trace fits." if words else "No traces yet: ask something with `ossifrage ask`."
        click.echo(why, err=True)
        return
    click.echo(f"{result.runs:,} runs")
    _chart("ended", result.stop_reasons)
    cached = f", {result.cached_tokens:,} from a cache" if result.cached_tokens else ""
    click.echo(f"\n{result.prompt_tokens:,} prompt tokens{cached}; {result.completion_tokens:,} generated")
    _chart("generated", result.channels)
    _chart("tool calls", result.tools)
    _chart("failed", result.failed_tools)
    _chart("mended", result.repairs)
    if result.citations:
        share = result.verified / result.citations
        click.echo(f"\n{result.citations:,} citations, {result.verified:,} verified ({share:.0%})")
    click.echo(f"\n{'':<16} {'count':>9} {'p50':>9} {'p90':>9} {'p99':>9} {'largest':>9}")
    _spread("run s", result.run_seconds)
    _spread("model call s", result.model_seconds)
    _spread("first token s", result.first_token_seconds)
    _spread("tool call s", result.tool_seconds)
    _spread("steps", result.steps)


def _chart(title: str, counts: Mapping[str, int]) -> None:
    from ...text import one_line

    if not counts:
        return
    click.echo(f"\n{title}")
    most = max(counts.values())
    for name, count in counts.items():
        bar = "█" * max(1, round(count / most * _BAR))
        click.echo(f"  {one_line(name, 22):<22} {count:>11,}  {bar}")


def _spread(name: str, spread: Spread) -> None:
    if spread.count:
        figures = (spread.p50, spread.p90, spread.p99, spread.largest)
        click.echo(f"{name:<16} {spread.count:>9,} " + " ".join(f"{figure:>9.2f}" for figure in figures))
