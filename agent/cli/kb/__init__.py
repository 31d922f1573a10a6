"""``ossifrage kb``: the knowledge base."""

from __future__ import annotations

import click

from ..lazy import LazyGroup

__all__ = ["kb"]


@click.group(
    cls=LazyGroup,
    package=__name__,
    commands_at={
        "add": "add:add",
        "attach": "attach:attach",
        "list": "documents:list_",
        "migrate": "upkeep:migrate",
        "rebuild": "upkeep:rebuild",
        "remove": "documents:remove",
        "repair": "upkeep:repair",
        "search": "search:search",
        "show": "show:show",
        "status": "documents:status",
        "watch": "watch:watch",
    },
)
def kb() -> None:
    """The documents that questions are answered from."""
