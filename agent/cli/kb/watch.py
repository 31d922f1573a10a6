"""``ossifrage kb watch``: the knowledge base follows files and folders."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from ...terminal.bars import adding_bar
from ..options import with_settings
from .opening import open_base

if TYPE_CHECKING:
    from ....tools.knowledge import WatchEvent
    from ...settings import Settings

__all__ = ["watch"]

_LINES: dict[str, Callable[[WatchEvent], str]] = {
    "added": lambda event: f"added {event.source} ({_passages(event.passages)})",
    "changed": lambda event: f"changed {event.source} ({_passages(event.passages)})",
    "moved": lambda event: f"moved {event.source} to {event.detail}",
    "removed": lambda event: f"removed {event.source}",
    "skipped": lambda event: f"skipped {event.source}: {event.detail}",
    "watching": lambda event: f"Watching; the base holds {event.detail}. Ctrl-C ends it.",
    "waiting": lambda event: f"Waiting: {event.detail}",
    "away": lambda event: f"{event.source}: {event.detail}",
    "failed": lambda event: f"Tried again soon: {event.detail}",
}
_EVENTS = frozenset({"added", "changed", "moved", "removed"})


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="A tag for these documents; may be repeated."
)
@click.option("--include", multiple=True, metavar="GLOB", help="Take only what matches; may be repeated.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out what matches; may be repeated.")
@with_settings("knowledge")
def watch(
    settings: Settings,
    paths: tuple[str, ...],
    tags: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> None:
    """Add files and folders, and go on adding what changes in them until Ctrl-C.

    What is taken is what `kb add` takes. Other commands can use the base meanwhile. A folder that is gone as
    a whole, such as an unmounted disk, removes nothing.
    """
    from ....tools.knowledge import Watching

    with ExitStack() as bar, open_base(settings, adding=paths) as base:

        def tell(event: WatchEvent) -> None:
            if event.kind == "watching":
                bar.close()
            _print(event)

        watching = Watching(base, paths, tell, tags=tags, include=include, exclude=exclude)
        watching.run(progress=bar.enter_context(adding_bar()))


def _print(event: WatchEvent) -> None:
    from ...text import one_line

    click.echo(one_line(_LINES[event.kind](event)), err=event.kind not in _EVENTS)


def _passages(count: int) -> str:
    from ...text import counted

    return counted(count, "passage")
