"""``ossifrage doctor``: what works here, and how well a server speaks gpt-oss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .options import with_settings

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from ..doctor import Report
    from ..doctor.values import Check
    from ..settings import Settings

__all__ = ["doctor"]

FAILED = 1
_WIDE = 72
"""Columns from which on a table can be read."""
_STYLES = {"pass": "green", "fail": "bold red", "not applicable": "dim"}
_SHORT = {"not applicable": "n/a"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_settings("engine")
def doctor(settings: Settings, as_json: bool) -> int:
    """Check this machine, and how well a model server speaks gpt-oss.

    The server is the one that --base-url names, else the one that --engine auto would choose. It is asked a
    few short questions; the setting max_tokens bounds each answer. Exit codes: 0 nothing failed,
    1 something did.
    """
    from rich.console import Console

    with Console(stderr=True).status("Checking …"):
        reports = _examine(settings)
    if as_json:
        _print_json(reports)
    else:
        _print_tables(reports)
    return FAILED if any(report.failures for report in reports) else 0


def _examine(settings: Settings) -> Sequence[Report]:
    import asyncio
    import os

    from ..doctor import examine_machine, examine_server
    from ..doctor.server import MAX_TOKENS

    machine = examine_machine(settings.home)
    server = asyncio.run(
        examine_server(
            base_url=settings.base_url,
            api_key=None if settings.api_key is None else settings.api_key.get_secret_value(),
            model=settings.model,
            environ=os.environ,
            max_tokens=settings.max_tokens or MAX_TOKENS,
        )
    )
    return [machine, server]


def _print_json(reports: Sequence[Report]) -> None:
    import dataclasses
    import json

    document = {
        "passed": not any(report.failures for report in reports),
        "reports": [dataclasses.asdict(report) for report in reports],
    }
    # Kept in ASCII: JSON alone would let C1 controls through to the terminal.
    click.echo(json.dumps(document, indent=2))


def _print_tables(reports: Sequence[Report]) -> None:
    from rich.console import Console
    from rich.text import Text

    from ..text import one_line

    console = Console()
    for report in reports:
        console.print(Text(one_line(report.title), style="bold"))
        console.print(_stacked(report) if console.width < _WIDE else _table(report))
        console.print()
    failures = sum(report.failures for report in reports)
    checks = sum(len(report.checks) for report in reports)
    click.echo(f"{checks} checks, {failures} failed.")


def _table(report: Report) -> Table:
    """A row for each check; a group is named once, and not where it is called like the report."""
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    groups = {check.group for check in report.checks} - {report.title}
    for _ in range(3 if groups else 2):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    group = report.title
    for check in report.checks:
        named = [Text("" if check.group == group else check.group, style="dim")] if groups else []
        table.add_row(*named, _outcome(check), Text(check.name), _why(check))
        group = check.group
    return table


def _stacked(report: Report) -> Group:
    """Two lines and more for each check, where there is no room for columns."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[Text | Padding] = []
    group = report.title
    for check in report.checks:
        if check.group != group:
            lines.append(Text(check.group, style="dim"))
            group = check.group
        lines.append(Text.assemble(_outcome(check), " ", check.name))
        lines.append(Padding(_why(check), (0, 0, 0, 2)))
    return Group(*lines)


def _outcome(check: Check) -> Text:
    from rich.text import Text

    return Text(_SHORT.get(check.outcome, check.outcome), style=_STYLES[check.outcome])


def _why(check: Check) -> Text:
    from rich.text import Text

    from ..text import one_line

    why = Text(one_line(check.why))
    if check.advice:
        why.append(f"\n→ {one_line(check.advice)}", style="yellow")
    return why
