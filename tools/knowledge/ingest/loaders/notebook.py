"""Jupyter notebooks, as Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import click

from ...errors import NoTextError
from ..outlines import outline_of
from ..sources.item import RawDocument
from .converting import converting
from .loaded import Loaded, made_of
from .text import text_of

__all__ = ["load_notebook"]

_OUTPUT_LINES = 20
_OUTPUT_LENGTH = 2_000
_TICKS = re.compile(r"`{3,}")


def load_notebook(raw: RawDocument) -> Loaded:
    """Read a notebook: Markdown cells as they are, code and the beginning of its text outputs in fences.

    Raises:
        NoTextError: it is no notebook, or an empty one.
    """
    source = text_of(raw)
    with converting("notebook"):
        book: Any = json.loads(source)
        cells = (
            book["cells"] if "cells" in book else [c for sheet in book["worksheets"] for c in sheet["cells"]]
        )
        language = _language(book.get("metadata") or {})
        text = made_of(
            (line for cell in cells for line in _cell(cell, language)), nothing="an empty notebook"
        )
    outline = outline_of(text, "markdown")
    headings = outline.headings
    return Loaded(
        text=text, title=headings[0].text if headings else raw.name, kind="markdown", outline=outline
    )


def _language(metadata: dict[str, Any]) -> str:
    about: Any = metadata.get("language_info") or metadata.get("kernelspec") or {"name": ""}
    return re.sub(r"\W", "", about["name"])


def _cell(cell: dict[str, Any], language: str) -> Iterator[str]:
    # Notebooks before version 4 call the source of a code cell its input.
    source = _text(cell.get("source", cell.get("input")))
    if not source.strip():
        return
    if cell.get("cell_type") != "code":
        yield from [*source.splitlines(), ""]
        return
    yield from _fenced(source, language)
    for output in cast(list[dict[str, Any]], cell.get("outputs") or []):
        if shown := _shortened(click.unstyle(_output(output)).strip("\n")):
            yield from _fenced(shown, "text")


def _output(output: dict[str, Any]) -> str:
    if output.get("ename"):
        return f"{output['ename']}: {output.get('evalue', '')}"
    data: dict[str, object] = output.get("data") or {}
    return _text(output.get("text") or data.get("text/plain"))


def _text(value: object) -> str:
    """A string, which notebooks may write as a list of lines."""
    if isinstance(value, list):
        value = "".join(cast(list[str], value))
    if not isinstance(value, str | None):
        raise NoTextError("broken notebook: a cell without text")
    return value or ""


def _shortened(text: str) -> str:
    lines = text[:_OUTPUT_LENGTH].splitlines()[:_OUTPUT_LINES]
    short = "\n".join(lines)
    return f"{short}\n[…]" if len(short) < len(text) else short


def _fenced(text: str, language: str) -> list[str]:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return [f"{fence}{language}", *text.splitlines(), fence, ""]
