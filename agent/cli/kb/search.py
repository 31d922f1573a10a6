"""``ossifrage kb search``: the knowledge base without a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..options import with_settings
from .opening import open_base, print_json, warn_of_missing

if TYPE_CHECKING:
    from ....tools.knowledge import Filters, KnowledgeBase
    from ...settings import Settings

__all__ = ["search"]

_LINES_SHOWN = 6


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="QUERY")
@click.option("--top-k", type=click.IntRange(1, 100), default=10, show_default=True, help="Most passages.")
@click.option(
    "--mode", type=click.Choice(["auto", "lexical", "dense", "hybrid"]), default="auto", show_default=True
)
@click.option("--source", "sources", multiple=True, metavar="NAME", help="A document, folder or pattern.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only documents with this tag.")
@click.option("--since", metavar="DATE", help="Only documents changed on this day or later.")
@click.option("--until", metavar="DATE", help="Only documents changed on this day or before.")
@click.option("--reranker", metavar="SPEC", help="none, cross-encoder:NAME, cohere:MODEL, tei:URL, …")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_settings("knowledge")
def search(
    settings: Settings,
    words: tuple[str, ...],
    top_k: int,
    mode: str,
    sources: tuple[str, ...],
    tags: tuple[str, ...],
    since: str | None,
    until: str | None,
    reranker: str | None,
    as_json: bool,
) -> None:
    """Search, without a model.

    Of several --source one has to match, of several --tag all.
    """
    import dataclasses
    from typing import cast

    from ....tools.dates import first_moment, moment_after
    from ....tools.knowledge import Filters, SearchMode
    from ....tools.limits import telling_lines
    from ...errors import UsageError

    query = " ".join(words)
    if not query.strip():
        raise UsageError("The query is empty: say what to look for.")
    try:
        filters = Filters(
            sources=sources,
            tags=tags,
            modified_from=None if since is None else first_moment(since),
            modified_before=None if until is None else moment_after(until),
        )
    except ValueError as error:
        raise UsageError("--since and --until are days or times such as 2024-05-31.") from error
    if reranker is not None:
        settings = settings.model_copy(update={"reranker": reranker})
    with open_base(settings) as base:
        passages = base.search(query, top_k=top_k, mode=cast(SearchMode, mode), filters=filters)
        warn_of_missing(base)
        if not passages and filters != Filters():
            for line in _unmet(base, filters):
                click.echo(line, err=True)
    if as_json:
        names = (
            *("score", "source", "title", "heading", "start_line", "end_line", "text", "passage_id"),
            *("page", "sheet", "slide", "location"),
        )
        print_json(
            [
                {name: getattr(passage, name) for name in names}
                | {"duplicates": [dataclasses.asdict(place) for place in passage.duplicates]}
                for passage in passages
            ]
        )
        return
    from ...text import one_line, printable

    for passage in passages:
        place = f"{one_line(passage.source)}:{passage.start_line}-{passage.end_line}"
        click.echo(click.style(place, bold=True) + f"  {one_line(passage.heading or passage.title)}")
        for other in passage.duplicates:
            click.echo(f"    also {one_line(other.source)}:{other.start_line}-{other.end_line}")
        shown = telling_lines(printable(passage.text), [query], _LINES_SHOWN)
        click.echo("\n".join(f"    {line}" for line in shown) + "\n")
    if not passages:
        click.echo("Nothing found.", err=True)


def _unmet(base: KnowledgeBase, filters: Filters) -> Iterator[str]:
    """What the filters have to do with it that nothing was found."""
    from ...text import one_line

    check = base.check_filters(filters)
    for each in check.unknown:
        hint = f"; there is {', '.join(each.near)}" if each.near else ""
        yield one_line(f"No document has the {each.kind} {each.name!r}{hint}.")
    if not check.documents and not check.unknown:
        yield "No document passes the filters."
