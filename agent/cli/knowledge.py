"""``ossifrage kb``: the knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..terminal.bars import adding_bar
from .attach import attach
from .options import command, with_settings
from .show import show
from .upkeep import migrate, open_base, print_json, rebuild, repair, warn_of_missing
from .watch import watch

if TYPE_CHECKING:
    from ...tools.knowledge import AddReport, Filters, KnowledgeBase
    from ..settings import Settings

__all__ = ["kb"]

_LINES_SHOWN = 6
_SKIPPED_SHOWN = 20
_SKIPPED_APART = 3
"""Files skipped for one reason that are still named each."""


@click.group()
def kb() -> None:
    """The documents that questions are answered from."""


@kb.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH|URL...")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="A tag for these documents; may be repeated."
)
@click.option(
    "--include",
    multiple=True,
    metavar="GLOB",
    help="Take only what matches, such as '*.md' or 'guide/' (.gitignore syntax); may be repeated.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave out what matches, such as 'drafts/'; may be repeated.",
)
@click.option(
    "--embedding", metavar="SPEC", help="none, auto, default, sentence-transformer:NAME, openai:MODEL, …"
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that read and embed.",
)
@with_settings("knowledge")
def add(
    settings: Settings,
    paths: tuple[str, ...],
    tags: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    embedding: str | None,
    workers: int,
) -> int:
    """Add files, folders, zip and tar archives, web pages and sitemaps, or bring them up to date.

    What is unchanged is left alone, what has changed is replaced, and what has gone from a folder, an archive
    or a sitemap is removed. --include and --exclude choose from these. Exits with 1 when nothing could be
    read.
    """
    if embedding is not None:
        settings = settings.model_copy(update={"embedding": embedding})
    with open_base(settings, create=True) as base, adding_bar() as progress:
        report = base.add(
            paths, tags=tags, include=include, exclude=exclude, workers=workers, progress=progress
        )
    _print_report(report)
    stored = report.added or report.changed or report.unchanged or report.removed or report.restored
    if not stored:
        if not report.skipped:
            click.echo("Nothing that can be read was found there.", err=True)
        return 1
    return 0


@kb.command("list")
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
    from ..text import counted, one_line

    for document in documents:
        size = f"{counted(document.lines, 'line')}, {counted(document.passages, 'passage')}"
        click.echo(f"{one_line(document.source)}  {size}  {one_line(document.title)}")
    if not documents:
        click.echo(f"No documents yet: {command('kb', 'add', 'PATH')}", err=True)


@kb.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@with_settings("knowledge")
def remove(settings: Settings, sources: tuple[str, ...]) -> None:
    """Remove documents by source, or all below a folder."""
    with open_base(settings) as base:
        removed = base.remove(sources)
    from ..text import counted

    click.echo(f"Removed {counted(len(removed), 'document')}.")


@kb.command()
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
    from ..text import one_line

    values["missing"] = len(values["missing"])
    if not values["dimension"]:  # without an embedding there are no vectors
        del values["dimension"]
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' ')}: {one_line(str(value))}")


@kb.command()
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

    from ...tools.dates import first_moment, moment_after
    from ...tools.knowledge import Filters, SearchMode
    from ...tools.limits import telling_lines
    from ..errors import UsageError

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
    from ..text import one_line, printable

    for passage in passages:
        place = f"{one_line(passage.source)}:{passage.start_line}-{passage.end_line}"
        click.echo(click.style(place, bold=True) + f"  {one_line(passage.heading or passage.title)}")
        for other in passage.duplicates:
            click.echo(f"    also {one_line(other.source)}:{other.start_line}-{other.end_line}")
        shown = telling_lines(printable(passage.text), [query], _LINES_SHOWN)
        click.echo("\n".join(f"    {line}" for line in shown) + "\n")
    if not passages:
        click.echo("Nothing found.", err=True)


for _command in (attach, show, repair, rebuild, migrate, watch):
    kb.add_command(_command)


def _unmet(base: KnowledgeBase, filters: Filters) -> Iterator[str]:
    """What the filters have to do with it that nothing was found."""
    from ..text import one_line

    check = base.check_filters(filters)
    for each in check.unknown:
        hint = f"; there is {', '.join(each.near)}" if each.near else ""
        yield one_line(f"No document has the {each.kind} {each.name!r}{hint}.")
    if not check.documents and not check.unknown:
        yield "No document passes the filters."


def _print_report(report: AddReport) -> None:
    from ..text import counted, one_line

    rate = (
        f" ({report.passages / report.seconds:.0f} passages/s)"
        if report.passages >= report.seconds > 0
        else ""
    )
    click.echo(
        f"{len(report.added)} added, {len(report.changed)} changed, {len(report.unchanged)} unchanged, "
        f"{len(report.removed)} removed, {len(report.skipped)} skipped; "
        f"{counted(report.passages, 'passage')} in {report.seconds:.1f} s{rate}"
    )
    if report.restored:
        click.echo(f"lost and restored: {len(report.restored)}", err=True)
    if report.missing:
        click.echo(f"lost: {len(report.missing)} ({command('kb', 'repair')} names them)", err=True)
    by_reason: dict[str, list[str]] = {}
    for skipped in report.skipped:
        by_reason.setdefault(one_line(skipped.reason), []).append(one_line(skipped.source))
    lines = [line for reason, sources in by_reason.items() for line in _skipped_lines(reason, sources)]
    for line in lines[:_SKIPPED_SHOWN]:
        click.echo(f"skipped {line}", err=True)
    if (more := len(lines) - _SKIPPED_SHOWN) > 0:
        click.echo(f"and {more} more lines like these", err=True)


def _skipped_lines(reason: str, sources: list[str]) -> list[str]:
    if len(sources) <= _SKIPPED_APART:
        return [f"{source}: {reason}" for source in sources]
    return [f"{len(sources)} files, such as {sources[0]}: {reason}"]
