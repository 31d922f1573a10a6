"""``ossifrage model``: weights for the engine llama-cpp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import command, with_settings

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["model"]


@click.group()
def model() -> None:
    """Weights on this machine, for the engine llama-cpp."""


@model.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_settings()
def list_(settings: Settings, as_json: bool) -> None:
    """List the weights that are here, and those that can be fetched."""
    import json

    from ..engines.weights import KNOWN, local
    from ..text import one_line

    files = {file.name: file for file in local(settings.home)}
    names = {weights.file: name for name, weights in KNOWN.items()}
    rows = [
        {"name": names.get(name, file.stem), "path": str(file), "bytes": file.stat().st_size}
        for name, file in files.items()
    ]
    missing = [weights for weights in KNOWN.values() if weights.file not in files]
    rows += [{"name": weights.name, "path": None, "bytes": None} for weights in missing]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for file in files.values():
        name = one_line(names.get(file.name, file.stem))
        click.echo(f"{name:<16}  {file.stat().st_size / 1e9:6.1f} GB  {one_line(str(file))}")
    for weights in missing:
        pull_it = command("model", "pull", weights.name)
        click.echo(f"{weights.name:<16}  {weights.size:>9}  not here: {pull_it}")


@model.command()
@click.argument("name")
@with_settings()
def pull(settings: Settings, name: str) -> None:
    """Fetch the weights NAME from Hugging Face; a download that was broken off goes on where it ended."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from ..engines.weights import KNOWN
    from ..engines.weights import pull as fetch
    from ..errors import UsageError

    if name not in KNOWN:
        raise UsageError(f"There are no weights {name!r} to fetch: choose {', '.join(KNOWN)}.")
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        path = fetch(
            KNOWN[name],
            settings.home,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    click.echo(str(path))
