"""``ossifrage traces``: read what happened."""

from __future__ import annotations

import click

from ..lazy import LazyGroup

__all__ = ["traces"]


@click.group(
    cls=LazyGroup,
    package=__name__,
    commands_at={
        "compare": "compare:compare",
        "export": "export:export",
        "follow": "follow:follow",
        "list": "listing:list_",
        "purge": "purge:purge",
        "replay": "follow:replay",
        "rerun": "rerun:rerun",
        "search": "listing:search",
        "show": "show:show",
        "stats": "compare:stats",
    },
)
def traces() -> None:
    """Read what happened in earlier runs.

    ID is a trace's id, any beginning or end of it that is unique, or `last` (or `-`) for the newest.
    """
