"""``ossifrage kb show``: the lines of a document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import click

from ..options import with_settings
from .opening import open_base, print_json

if TYPE_CHECKING:
    from ....tools.knowledge import Document, Excerpt, KnowledgeBase
    from ...settings import Settings

__all__ = ["show"]

_AROUND = 3
"""Lines shown above and below a range."""
_RANGE = re.compile(r"(?P<source>.+):L?(?P<first>\d{1,9})(?:-L?(?P<last>\d{1,9}))?", re.DOTALL)
_NARROWEST = 40
"""Columns of a terminal below which lines are left to it."""


class _Shown(NamedTuple):
    wanted: Excerpt
    """The lines asked for."""
    around: Excerpt
    """The same, with those above and below."""


@click.command()
@click.argument("place", metavar="SOURCE[:L1-L2]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@with_settings("knowledge")
def show(settings: Settings, place: str, as_json: bool) -> None:
    """Show a document, or the lines L1 to L2 of it with those around them.

    SOURCE is the document's name as kb list and kb search show it, or the end of one. The lines asked for are
    marked.
    """
    with open_base(settings) as base:
        shown = _shown(base, place)
    if as_json:
        print_json(_as_json(shown.wanted))
    else:
        _print(shown)


def _shown(base: KnowledgeBase, place: str) -> _Shown:
    from ....tools.knowledge import DocumentNotFoundError
    from ...errors import UsageError

    found = _RANGE.fullmatch(place)
    try:
        if found is None or place in base:  # a name may end like a range
            return _whole(base, base.document(place))
        document = base.document(found["source"])
    except DocumentNotFoundError:
        if found is None or not any(each.source.endswith(place) for each in base):
            raise
        return _whole(base, base.document(place))
    first, last = int(found["first"]), int(found["last"] or found["first"])
    if not 1 <= first <= last:
        raise UsageError(f"{first}-{last} are no lines: they are counted from 1, the first one first.")
    if first > document.lines:
        lines = "1 line" if document.lines == 1 else f"{document.lines} lines"
        raise UsageError(f"{document.source} has {lines}; there is no line {first}.")
    last = min(last, document.lines)
    top, bottom = max(1, first - _AROUND), min(last + _AROUND, document.lines)
    return _Shown(
        base.open(document.source, line=first, num_lines=last - first + 1),
        base.open(document.source, line=top, num_lines=bottom - top + 1),
    )


def _whole(base: KnowledgeBase, document: Document) -> _Shown:
    excerpt = base.open(document.source, num_lines=document.lines)
    return _Shown(excerpt, excerpt)


def _as_json(wanted: Excerpt) -> dict[str, object]:
    names = ("source", "title", "heading", "page", "sheet", "slide", "location", "total_lines")
    return {
        **{name: getattr(wanted, name) for name in names},
        "start_line": min(wanted.lines),
        "end_line": max(wanted.lines),
        "lines": [{"number": number, "text": text} for number, text in wanted.lines.items()],
    }


def _print(shown: _Shown) -> None:
    import shutil
    import sys

    from ...text import one_line, printable

    wanted, lines = shown.wanted, shown.around.lines
    part = len(wanted.lines) < wanted.total_lines
    about = [
        one_line(wanted.source),
        one_line(wanted.title) if one_line(wanted.title) not in one_line(wanted.source) else "",
        f"lines {min(wanted.lines)}-{max(wanted.lines)} of {wanted.total_lines}" if part else "",
        f"page {wanted.page}" if wanted.page is not None else "",
        f"slide {wanted.slide}" if wanted.slide is not None else "",
        f"sheet {one_line(wanted.sheet)}" if wanted.sheet is not None else "",
    ]
    # What is said about the lines goes to stderr: they are all that stdout holds.
    click.echo(" · ".join(filter(None, about)), err=True)
    digits = len(str(max(lines)))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for number, text in lines.items():
        marked = part and number in wanted.lines
        margin = f"{'>' if marked else ' '} {number:>{digits}}  "
        line = printable(text).expandtabs(4)
        rows = _rows(line, width - len(margin)) if width >= _NARROWEST else [line]
        for n, row in enumerate(rows):
            shown_row = (" " * len(margin) if n else margin) + row
            click.echo(click.style(shown_row.rstrip(), bold=True) if marked else shown_row.rstrip())
    if wanted.location is not None:
        click.echo(one_line(wanted.location), err=True)


def _rows(text: str, width: int) -> list[str]:
    """A line in pieces that fit, cut behind a blank where there is one."""
    from rich.cells import chop_cells

    rows: list[str] = []
    start = 0
    while start < len(text):
        piece = chop_cells(text[start : start + width], width)[0]
        if start + len(piece) < len(text):
            piece = piece[: piece.rfind(" ") + 1 or len(piece)]
        rows.append(piece)
        start += len(piece)
    return rows or [""]
