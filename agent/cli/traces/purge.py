"""``ossifrage traces purge``: delete what is old."""

from __future__ import annotations

from pathlib import Path

import click

from ..options import with_home

__all__ = ["purge"]


@click.command()
@click.option("--older-than", metavar="AGE", required=True, help="Only what is older: 30d, 12h, 2w.")
@click.option("--reasoning", "only_reasoning", is_flag=True, help="Delete thoughts, keep the record.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@with_home
def purge(home: Path, older_than: str, only_reasoning: bool, yes: bool) -> None:
    """Delete old traces with what was thought in them, and give their room back to the disk.

    Asks first; where nobody can be asked, it tells what it would delete and does so only with --yes.
    """
    import sys
    from datetime import UTC, datetime

    from ...errors import UsageError
    from ...text import counted
    from ...traces import TraceStore
    from ...traces.filters import age

    before = datetime.now(UTC) - age(older_than)
    with TraceStore(home) as store:
        found = store.older(before)
        thoughts = counted(found.thoughts, "thought")
        what = thoughts if only_reasoning else f"{counted(found.traces, 'trace')} and {thoughts}"
        if not (found.thoughts or (found.traces and not only_reasoning)):
            click.echo(f"Nothing is older than {older_than}.", err=True)
            return
        question = f"{what} older than {older_than} ({before.astimezone():%Y-%m-%d %H:%M})"
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(f"{question} would be deleted: add --yes to do it.")
            click.confirm(f"Delete {question}?", abort=True, err=True)
        done = store.purge(before, only_reasoning=only_reasoning)
    click.echo(f"Deleted {counted(done.traces, 'trace')} and {counted(done.thoughts, 'thought')}.", err=True)
