"""Opening the knowledge base for a command, and what has to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ...knowledge import open_knowledge
from ...terminal.bars import indexing_bar
from ..options import advice, command

if TYPE_CHECKING:
    from ....tools.knowledge import KnowledgeBase
    from ...settings import Settings

__all__ = ["open_base", "print_json", "warn_of_missing"]


def open_base(settings: Settings, *, adding: Sequence[str] = ()) -> KnowledgeBase:
    """Open the knowledge base, with a bar where its full-text index has to be made anew.

    Args:
        settings: where it is.
        adding: what is to be added: if there is no base it is made, once these are known to exist.
    """
    with indexing_bar() as indexing:
        return open_knowledge(settings, adding=adding, indexing=indexing)


def warn_of_missing(base: KnowledgeBase) -> None:
    """Say in one line on stderr when a base has lost documents, or when that cannot be known."""
    from ....tools.knowledge import KnowledgeError

    try:
        count = len(base.missing())
    except KnowledgeError as error:
        helps = f": {advice(error.remedy)}" if error.remedy else ""
        click.echo(f"what the knowledge base holds may be out of date: {error}{helps}", err=True)
        return
    if count:
        documents = "document is" if count == 1 else "documents are"
        click.echo(
            f"{count} stored {documents} missing from the knowledge base; restore with: "
            f"{command('kb', 'repair')}",
            err=True,
        )


def print_json(value: object) -> None:
    """Print JSON, and nothing that a terminal would act on."""
    import json

    # Kept in ASCII: JSON alone would let C1 controls through to the terminal.
    click.echo(json.dumps(value, indent=2, default=str))
