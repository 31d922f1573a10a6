"""``ossifrage kb repair``, ``rebuild`` and ``migrate``: looking after a knowledge base."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..knowledge import knowledge_token, open_knowledge
from ..terminal.bars import copying_bar, indexing_bar
from .options import command, with_settings

if TYPE_CHECKING:
    from ...tools.knowledge import Copied, KnowledgeBase
    from ..settings import Settings

__all__ = ["migrate", "open_base", "print_json", "rebuild", "repair", "warn_of_missing"]

_SHOWN = 20


@click.command()
@click.option("--forget", is_flag=True, help="Stop looking for what cannot be read again.")
@with_settings("knowledge")
def repair(settings: Settings, forget: bool) -> int:
    """Read again what the base has lost, from where it came from.

    Exits with 1 when something stays lost.
    """
    from ..text import one_line

    with open_base(settings) as base:
        report = base.repair(forget=forget)
    click.echo(f"{len(report.restored)} restored, {len(report.missing)} still missing.")
    for source in report.missing[:_SHOWN]:
        click.echo(f"missing {one_line(source)}", err=True)
    if (more := len(report.missing) - _SHOWN) > 0:
        click.echo(f"and {more} more", err=True)
    if report.missing and not forget:
        click.echo(f"If they are gone for good: {command('kb', 'repair', '--forget')}", err=True)
    return 1 if report.missing and not forget else 0


@click.command()
@click.option("--embedding", metavar="SPEC", help="The embedding it is to have; otherwise it keeps its own.")
@with_settings("knowledge")
def rebuild(settings: Settings, embedding: str | None) -> None:
    """Make the base anew from its passages, such as with another embedding.

    The documents' files are not needed. Interrupted, it loses nothing and goes on the next time.
    """
    from ...tools.knowledge import rebuild as rebuild_base

    with copying_bar("Rebuilding") as progress:
        copied = rebuild_base(
            settings.knowledge_uri,
            token=knowledge_token(settings),
            collection=settings.collection,
            embedding=embedding,
            progress=progress,
        )
    _print_copied("Rebuilt", copied)


@click.command()
@click.argument("target", metavar="PATH|URL")
@click.option("--token", metavar="TOKEN", envvar="OSSIFRAGE_TARGET_TOKEN", help="For the target.")
@with_settings("knowledge")
def migrate(settings: Settings, target: str, token: str | None) -> None:
    """Copy the base to another folder or Milvus server.

    What was there before must have no collection of its name. Interrupted, it goes on the next time.
    """
    from ...tools.knowledge import migrate as migrate_base

    with copying_bar("Copying") as progress:
        copied = migrate_base(
            settings.knowledge_uri,
            target,
            token=knowledge_token(settings),
            target_token=token,
            collection=settings.collection,
            progress=progress,
        )
    _print_copied("Copied", copied)
    click.echo("Use it with --knowledge, or OSSIFRAGE_KNOWLEDGE.", err=True)


def open_base(settings: Settings, *, create: bool = False) -> KnowledgeBase:
    """Open the knowledge base, with a bar where its full-text index has to be made anew."""
    with indexing_bar() as indexing:
        return open_knowledge(settings, create=create, indexing=indexing)


def warn_of_missing(base: KnowledgeBase) -> None:
    """Say in one line on stderr when a base has lost documents, or when that cannot be known."""
    from ...tools.knowledge import KnowledgeError

    try:
        count = len(base.missing())
    except KnowledgeError as error:
        click.echo(f"what the knowledge base holds may be out of date: {error}", err=True)
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


def _print_copied(verb: str, copied: Copied) -> None:
    before = copied.passages - copied.copied
    earlier = f" ({before} of them earlier)" if before else ""
    click.echo(
        f"{verb} {copied.documents} documents, {copied.passages} passages{earlier}, on {copied.backend}."
    )
