"""``ossifrage kb add``: documents into the knowledge base."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ...terminal.bars import adding_bar
from ..options import command, with_settings
from .opening import open_base

if TYPE_CHECKING:
    from ....tools.knowledge import AddReport
    from ...settings import Settings

__all__ = ["add"]

_SKIPPED_SHOWN = 20
_SKIPPED_APART = 3
"""Files skipped for one reason that are still named each."""


@click.command()
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
    with open_base(settings, adding=paths) as base, adding_bar() as progress:
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


def _print_report(report: AddReport) -> None:
    from ...text import counted, one_line

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
