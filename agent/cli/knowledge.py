"""``ossifrage kb``: the knowledge base."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .options import with_settings
from .upkeep import migrate, rebuild, repair, warn_of_missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...tools.knowledge import AddReport, KnowledgeBase
    from ...tools.knowledge import Progress as AddProgress
    from ..settings import Settings

__all__ = ["kb"]

_SKIPPED_SHOWN = 20


@click.group()
def kb() -> None:
    """The documents that questions are answered from."""


@kb.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--embedding", metavar="SPEC", help="none, auto, default, sentence-transformer:NAME, openai:MODEL, …"
)
@with_settings
def add(settings: Settings, paths: tuple[str, ...], embedding: str | None) -> int:
    """Add files and folders, or bring them up to date.

    Unchanged files are left alone, changed ones replaced, and those that have gone from a folder removed.
    Exits with 1 when there is nothing to read.
    """
    if embedding is not None:
        settings = settings.model_copy(update={"embedding": embedding})
    with _open(settings, create=True) as base, _progress_bar() as progress:
        report = base.add(paths, progress=progress)
    _print_report(report)
    stored = report.added or report.changed or report.unchanged or report.removed or report.restored
    if not stored:
        if not report.skipped:
            click.echo("No text files were found there.", err=True)
        return 1
    return 0


@kb.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_settings
def list_(settings: Settings, as_json: bool) -> None:
    """List the documents."""
    import dataclasses

    with _open(settings) as base:
        documents = base.documents()
    if as_json:
        _print_json([dataclasses.asdict(document) for document in documents])
        return
    from ..traces.printable import one_line

    for document in documents:
        click.echo(
            f"{one_line(document.source)}  {document.lines} lines, {document.passages} passages"
            f"  {one_line(document.title)}"
        )
    if not documents:
        click.echo("No documents yet: add some with `ossifrage kb add PATH`.", err=True)


@kb.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@with_settings
def remove(settings: Settings, sources: tuple[str, ...]) -> None:
    """Remove documents by source, or all below a folder."""
    with _open(settings) as base:
        removed = base.remove(sources)
    click.echo(f"Removed {len(removed)} document{'s' if len(removed) != 1 else ''}.")


@kb.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_settings
def status(settings: Settings, as_json: bool) -> None:
    """Show where the knowledge base is and what it holds."""
    import dataclasses

    with _open(settings) as base:
        values = dataclasses.asdict(base.status())
        warn_of_missing(base)
    if as_json:
        _print_json(values)
        return
    from ..traces.printable import one_line

    values["missing"] = len(values["missing"])
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' ')}: {one_line(str(value))}")


@kb.command()
@click.argument("query")
@click.option("--top-k", type=click.IntRange(1, 100), default=10, show_default=True, help="Most passages.")
@click.option(
    "--mode", type=click.Choice(["auto", "lexical", "dense", "hybrid"]), default="auto", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_settings
def search(settings: Settings, query: str, top_k: int, mode: str, as_json: bool) -> None:
    """Search, without a model."""
    from typing import cast

    from ...tools.knowledge import SearchMode
    from ..errors import UsageError

    if not query.strip():
        raise UsageError("The query is empty: say what to look for.")
    with _open(settings) as base:
        passages = base.search(query, top_k=top_k, mode=cast(SearchMode, mode))
        warn_of_missing(base)
    if as_json:
        names = ("score", "source", "title", "heading", "start_line", "end_line", "text", "passage_id")
        _print_json([{name: getattr(passage, name) for name in names} for passage in passages])
        return
    from ..traces.printable import one_line, printable

    for passage in passages:
        place = f"{one_line(passage.source)}:{passage.start_line}-{passage.end_line}"
        click.echo(click.style(place, bold=True) + f"  {one_line(passage.heading or passage.title)}")
        click.echo(
            "\n".join(f"    {line}" for line in printable(passage.text).strip().splitlines()[:6]) + "\n"
        )
    if not passages:
        click.echo("Nothing found.", err=True)


for _command in (repair, rebuild, migrate):
    kb.add_command(_command)


@contextmanager
def _open(settings: Settings, *, create: bool = False) -> Generator[KnowledgeBase, None, None]:
    from ...tools.knowledge import KnowledgeBase

    token = settings.knowledge_token
    with KnowledgeBase(
        settings.knowledge_uri,
        token=None if token is None else token.get_secret_value(),
        collection=settings.collection,
        embedding=settings.embedding,
        create=create,
    ) as base:
        yield base


@contextmanager
def _progress_bar() -> Generator[Callable[[AddProgress], None] | None, None, None]:
    """A bar with a rate and the time left, on a terminal; nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("Adding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[passages]} passages, {task.fields[rate]}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("add", total=None, passages=0, rate=0)

        def update(progress: AddProgress) -> None:
            elapsed = bar.tasks[0].elapsed or 0.001
            bar.update(
                task,
                completed=progress.done_files,
                total=progress.total_files,
                passages=progress.passages,
                rate=round(progress.passages / elapsed),
            )

        yield update


def _print_report(report: AddReport) -> None:
    from ..traces.printable import one_line

    rate = (
        f" ({report.passages / report.seconds:.0f} passages/s)" if report.passages and report.seconds else ""
    )
    click.echo(
        f"{len(report.added)} added, {len(report.changed)} changed, {len(report.unchanged)} unchanged, "
        f"{len(report.removed)} removed, {len(report.skipped)} skipped; "
        f"{report.passages} passages in {report.seconds:.1f} s{rate}"
    )
    if report.restored:
        click.echo(f"lost and restored: {len(report.restored)}", err=True)
    if report.missing:
        click.echo(f"lost: {len(report.missing)} (ossifrage kb repair names them)", err=True)
    for skipped in report.skipped[:_SKIPPED_SHOWN]:
        click.echo(f"skipped {one_line(skipped.source)}: {one_line(skipped.reason)}", err=True)
    if (more := len(report.skipped) - _SKIPPED_SHOWN) > 0:
        click.echo(f"and {more} more skipped", err=True)


def _print_json(value: object) -> None:
    import json

    # Kept in ASCII: JSON alone would let C1 controls through to the terminal.
    click.echo(json.dumps(value, indent=2, default=str))
