"""``ossifrage kb list``, ``remove`` and ``status``: what the knowledge base holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..options import command, with_settings
from .opening import open_base, print_json, warn_of_missing

if TYPE_CHECKING:
    from ...settings import Settings

__all__ = ["list_", "remove", "status"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_settings("knowledge")
def list_(settings: Settings, as_json: bool) -> None:
    """List the documents."""
    import dataclasses

    with open_base(settings) as base:
        documents = base.documents()
    if as_json:
        print_json([dataclasses.asdict(document) for document in documents])
        return
    from ...text import counted, one_line

    for document in documents:
        size = f"{counted(document.lines, 'line')}, {counted(document.passages, 'passage')}"
        click.echo(f"{one_line(document.source)}  {size}  {one_line(document.title)}")
    if not documents:
        click.echo(f"No documents yet: {command('kb', 'add', 'PATH')}", err=True)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@with_settings("knowledge")
def remove(settings: Settings, sources: tuple[str, ...]) -> None:
    """Remove documents by source, or all below a folder."""
    with open_base(settings) as base:
        removed = base.remove(sources)
    from ...text import counted

    click.echo(f"Removed {counted(len(removed), 'document')}.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_settings("knowledge")
def status(settings: Settings, as_json: bool) -> None:
    """Show where the knowledge base is and what it holds."""
    import dataclasses

    with open_base(settings) as base:
        values = dataclasses.asdict(base.status())
        warn_of_missing(base)
    if as_json:
        print_json(values)
        return
    from ...text import one_line

    values["missing"] = len(values["missing"])
    if not values["dimension"]:  # without an embedding there are no vectors
        del values["dimension"]
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' ')}: {one_line(str(value))}")
