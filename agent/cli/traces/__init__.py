"""``ossifrage traces``: read what happened."""

from __future__ import annotations

import click

from .compare import compare, stats
from .export import export
from .follow import follow, replay
from .listing import list_, search
from .purge import purge
from .rerun import rerun
from .show import show

__all__ = ["traces"]


@click.group()
def traces() -> None:
    """Read what happened in earlier runs.

    ID is a trace's id, any beginning or end of it that is unique, or `last` (or `-`) for the newest.
    """


for _command in (list_, show, search, compare, stats, replay, rerun, follow, export, purge):
    traces.add_command(_command)
