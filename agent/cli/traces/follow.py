"""``ossifrage traces follow`` and ``replay``: a run as it happens, and as it happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import with_home

if TYPE_CHECKING:
    from ...traces import Event

__all__ = ["echo_event", "follow", "replay"]

_POLL_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 5.0


@click.command()
@click.argument("trace_id", metavar="ID", default="last")
@click.option("--reasoning", "with_reasoning", is_flag=True, help="Show what the model thinks, too.")
@with_home
def follow(home: Path, trace_id: str, with_reasoning: bool) -> None:
    """Follow a run of another process while it goes on; it ends with the run.

    Without ID it is the newest one.
    """
    import time

    from ...text import printable
    from ...traces import RunEnded, TraceStore

    shown: dict[str, int] = {}
    with TraceStore(home) as store:
        trace_id, place, ended = store.load(trace_id).trace_id, 0, False
        while True:
            place, events = store.events(trace_id, place)
            if with_reasoning:
                for reasoning_id, text in store.reasoning(trace_id).items():
                    new = text[shown.get(reasoning_id, 0) :]
                    shown[reasoning_id] = len(text)
                    if new:
                        click.echo(click.style(printable(new), dim=True))
            for event in events:
                echo_event(event)
                ended = ended or isinstance(event, RunEnded)
            if ended:
                return
            time.sleep(_POLL_SECONDS)


@click.command()
@click.argument("trace_id", metavar="ID", default="last")
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    help="How many times as fast as it was; 0 does not wait.  [default: 1 on a terminal, else 0]",
)
@click.option("--reasoning", "with_reasoning", is_flag=True, help="Show what the model thought, too.")
@with_home
def replay(home: Path, trace_id: str, speed: float | None, with_reasoning: bool) -> None:
    """Show a run again as it came, without any engine. No wait is longer than five seconds."""
    import sys
    import time

    from ...text import printable
    from ...traces import Thought, TraceStore

    if speed is None:
        speed = 1.0 if sys.stdout.isatty() else 0.0
    with TraceStore(home) as store:
        trace = store.load(trace_id)
        reasoning = store.reasoning(trace.trace_id) if with_reasoning else {}
    before = trace.started.at
    for event in trace.events:
        if speed:
            wait = max(0.0, (event.at - before).total_seconds()) / speed
            time.sleep(min(wait, _LONGEST_WAIT_SECONDS))
        before = event.at
        echo_event(event)
        if isinstance(event, Thought) and event.reasoning_id in reasoning:
            click.echo(click.style(printable(reasoning[event.reasoning_id]), dim=True))


def echo_event(event: Event, *, err: bool = False) -> None:
    """Print what is said of an event."""
    from ...traces.told import told

    for line in told(event):
        click.echo(f"{line.label:<9} {line.text}", err=err)
