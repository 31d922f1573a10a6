"""``ossifrage kb attach``: a collection that exists, searched as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ...knowledge import knowledge_token
from ..options import with_settings

if TYPE_CHECKING:
    from ...settings import Settings

__all__ = ["attach"]


@click.command()
@click.argument("uri", metavar="FILE|URL")
@click.option("--text", metavar="FIELD", help="The field that is searched for and cited.")
@click.option("--vector", metavar="FIELD", help="The field with the vectors.")
@click.option("--source", metavar="FIELD", help="The field that says what a row is from.")
@click.option("--title", metavar="FIELD", help="The field with a title.")
@click.option("--embedding", metavar="SPEC", help="What its vectors were made with; none: words only.")
@with_settings("knowledge")
def attach(
    settings: Settings,
    uri: str,
    text: str | None,
    vector: str | None,
    source: str | None,
    title: str | None,
    embedding: str | None,
) -> None:
    """Make a collection that exists searchable as it is: `--collection` names it.

    FILE is one of Milvus Lite, such as ./milvus_demo.db. The collection is only read, never written to. From
    then on the folder that `--knowledge` names stands for it; fields that are not given are told from the
    schema, where it tells them.
    """
    from ....tools.knowledge import KnowledgeBase
    from ...text import one_line

    with KnowledgeBase.attach(
        uri,
        collection=settings.collection,
        embedding=embedding or settings.embedding,
        text=text,
        vector=vector,
        source=source,
        title=title,
        token=knowledge_token(settings),
        remember=settings.knowledge_uri,
    ) as base:
        rows, attachment = base.status().documents, base.attachment
    click.echo(f"Attached {one_line(settings.collection)} at {one_line(base.uri)}: {rows} rows, read only.")
    for note in attachment.notes if attachment else ():
        click.echo(one_line(note), err=True)
    click.echo(f"It is searched wherever --knowledge is {one_line(settings.knowledge_uri)}.", err=True)
