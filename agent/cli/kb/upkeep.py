"""``ossifrage kb repair``, ``rebuild`` and ``migrate``: looking after a knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ...knowledge import knowledge_token
from ...terminal.bars import adding_bar, copying_bar
from ..options import command, with_settings
from .opening import open_base

if TYPE_CHECKING:
    from ....tools.knowledge import BulkStorage, Copied
    from ...settings import Settings

__all__ = ["migrate", "rebuild", "repair"]

_SHOWN = 20


@click.command()
@click.option("--forget", is_flag=True, help="Stop looking for what cannot be read again.")
@with_settings("knowledge")
def repair(settings: Settings, forget: bool) -> int:
    """Read again what the base has lost, from where it came from.

    Exits with 1 when something stays lost.
    """
    with open_base(settings) as base:
        report = base.repair(forget=forget)
    click.echo(f"{len(report.restored)} restored, {len(report.missing)} still missing.")
    _print_missing(report.missing)
    if report.missing and not forget:
        click.echo(f"If they are gone for good: {command('kb', 'repair', '--forget')}", err=True)
    return 1 if report.missing and not forget else 0


@click.command()
@click.option("--embedding", metavar="SPEC", help="The embedding it is to have; otherwise it keeps its own.")
@click.option("--from-sources", is_flag=True, help="Read every document again; for a base that is damaged.")
@with_settings("knowledge")
def rebuild(settings: Settings, embedding: str | None, from_sources: bool) -> int:
    """Make the base anew from its passages, such as with another embedding.

    The documents' files are not needed, but for --from-sources: that works on a folder that cannot be opened
    any more, and takes the passages only of what cannot be read again. Interrupted, it loses nothing and goes
    on the next time. Exits with 1 when documents are lost.
    """
    from ....tools.knowledge import rebuild as rebuild_base

    if from_sources:
        return _rebuild_from_sources(settings, embedding)
    with copying_bar("Rebuilding") as progress:
        copied = rebuild_base(
            settings.knowledge_uri,
            token=knowledge_token(settings),
            collection=settings.collection,
            embedding=embedding,
            progress=progress,
        )
    _print_copied("Rebuilt", copied)
    return 0


def _rebuild_from_sources(settings: Settings, embedding: str | None) -> int:
    from ....tools.knowledge import rebuild_from_sources
    from ...text import counted, one_line

    with adding_bar() as progress:
        recovered = rebuild_from_sources(
            settings.knowledge_uri,
            collection=settings.collection,
            embedding=embedding,
            progress=progress,
        )
    count, kept = recovered.documents, len(recovered.kept)
    stored = f", {kept} of them from stored passages since they could not be read again" if kept else ""
    lost = f", {len(recovered.missing)} lost" if recovered.missing else ""
    click.echo(f"Rebuilt {counted(count, 'document')}{stored}{lost}.")
    for skipped in recovered.skipped[:_SHOWN]:
        click.echo(f"not read again {one_line(f'{skipped.source}: {skipped.reason}')}", err=True)
    _print_missing(recovered.missing)
    if recovered.aside:
        click.echo(f"The old base is in {recovered.aside}: delete it when you need it no more.", err=True)
    return 1 if recovered.missing else 0


@click.command()
@click.argument("target", metavar="PATH|URL")
@click.option(
    "--bulk",
    metavar="HOST:PORT/BUCKET",
    help="Fill the server through its object storage (S3); the keys are in OSSIFRAGE_BULK_ACCESS_KEY and "
    "OSSIFRAGE_BULK_SECRET_KEY.",
)
@click.option("--bulk-insecure", is_flag=True, help="The object storage has no TLS.")
@click.option("--token", metavar="TOKEN", envvar="OSSIFRAGE_TARGET_TOKEN", help="For the target.")
@with_settings("knowledge")
def migrate(
    settings: Settings, target: str, token: str | None, bulk: str | None, bulk_insecure: bool
) -> None:
    """Copy the base to another folder or Milvus server.

    What was there before must have no collection of its name. Interrupted, it goes on the next time.
    """
    from ....tools.knowledge import migrate as migrate_base

    with copying_bar("Copying") as progress:
        copied = migrate_base(
            settings.knowledge_uri,
            target,
            token=knowledge_token(settings),
            target_token=token,
            collection=settings.collection,
            bulk=None if bulk is None else _storage(bulk, secure=not bulk_insecure),
            progress=progress,
        )
    _print_copied("Copied", copied)
    click.echo("Use it with --knowledge, or OSSIFRAGE_KNOWLEDGE.", err=True)


def _storage(place: str, *, secure: bool) -> BulkStorage:
    import os

    from ....tools.knowledge import BulkStorage
    from ...errors import UsageError

    endpoint, _, bucket = place.partition("/")
    keys = [os.environ.get(f"OSSIFRAGE_BULK_{name}_KEY", "") for name in ("ACCESS", "SECRET")]
    if not (endpoint and bucket and all(keys)):
        raise UsageError(
            "--bulk takes HOST:PORT/BUCKET, and the keys in OSSIFRAGE_BULK_ACCESS_KEY and "
            "OSSIFRAGE_BULK_SECRET_KEY."
        )
    access, secret = keys
    return BulkStorage(endpoint=endpoint, bucket=bucket, access_key=access, secret_key=secret, secure=secure)


def _print_missing(sources: Sequence[str]) -> None:
    from ...text import one_line

    for source in sources[:_SHOWN]:
        click.echo(f"missing {one_line(source)}", err=True)
    if (more := len(sources) - _SHOWN) > 0:
        click.echo(f"and {more} more", err=True)


def _print_copied(verb: str, copied: Copied) -> None:
    from ...text import counted

    before = copied.passages - copied.copied
    earlier = f" ({before} of them earlier)" if before else ""
    documents, passages = counted(copied.documents, "document"), counted(copied.passages, "passage")
    click.echo(f"{verb} {documents}, {passages}{earlier}, on {copied.backend}.")
