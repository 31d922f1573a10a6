"""What happens in a run, and what came of it, one line for one thing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from rich.cells import cell_len

from ..text import counted, one_line
from .figures import duration
from .ink import cut, ink, pad, wrapped
from .look import Look
from .markdown import address_of, link
from .render import place_text

if TYPE_CHECKING:
    from ..answer import Citation, Result

__all__ = ["arguments_in_short", "cited", "footer", "step_line", "unsaid"]

_WIDEST = 110
"""Columns that a line of a step takes at most: what belongs together stands together."""
_LEAST = 32
"""Columns for what was asked for and what came back, where both are told."""


def arguments_in_short(raw: str) -> str:
    """The values of a call's arguments, if they are a JSON object."""
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        return one_line(raw, 500)
    if not isinstance(values, Mapping):
        return one_line(raw, 500)
    shown: list[str] = []
    for value in cast(Mapping[str, object], values).values():
        parts = cast(list[object], value) if isinstance(value, list) else [value]
        shown += [json.dumps(part, ensure_ascii=False) for part in parts]
    return one_line(" ".join(shown), 500)


def step_line(
    number: int, tool: str, arguments: str, came: str, seconds: float, look: Look, *, error: bool
) -> list[str]:
    """A call of a tool: what was asked for, what came back, how long it took; two lines if need be."""
    width = min(look.columns, _WIDEST)
    took = duration(seconds)
    name = one_line(tool, 20)
    head = f"{number:>3} {name:<8} "
    room = width - len(head) - len(took) - 4
    style = "red" if error else "dim"
    if room < _LEAST:
        summary = ink(cut(one_line(came), width - len(took) - 6, look), look, style)
        asked = cut(arguments, width - len(head), look)
        first = ink(f"{number:>3} ", look, "dim") + ink(f"{name:<8} ", look, "cyan") + asked
        return [first.rstrip(), f"    {summary}  " + ink(took, look, "dim")]
    summary = cut(one_line(came), max(room // 2, 10), look)
    asked = cut(arguments, max(8, room - len(summary)), look)
    gap = " " * max(2, width - len(head) - len(took) - 2 - len(pad(asked, 0)) - len(summary))
    line = (
        ink(f"{number:>3} ", look, "dim")
        + ink(f"{name:<8} ", look, "cyan")
        + asked
        + gap
        + ink(summary, look, style)
        + "  "
        + ink(took, look, "dim")
    )
    return [line]


def cited(citations: Sequence[Citation], look: Look) -> list[str]:
    """A line for each citation: its number, its place, its words, and what is wrong with it."""
    lines: list[str] = []
    for number, citation in enumerate(citations, 1):
        place = place_text(citation)
        mark = f"  [{number}] "
        room = look.columns - len(mark)
        if not citation.verified:
            told = "  not found in what was read"
            if cell_len(place) + len(told) > room:
                lines.append(ink(f"{mark}{_place(citation, room, look)}", look, "yellow"))
                mark, place = " " * (len(mark) - 2), ""
            lines.append(ink(cut(f"{mark}{place}{told}", look.columns, look), look, "yellow"))
            continue
        shown = _place(citation, room, look)
        room -= len(shown) + 2
        quote = ""
        if citation.quote and room > 12:
            words = cut(one_line(citation.quote), min(room - 2, 80), look)
            quote = "  " + ink(f"“{words}”" if look.unicode else f'"{words}"', look, "dim")
        lines.append(ink(mark, look, "cyan") + link(shown, address_of(citation, look), look) + quote)
    return lines


def _place(citation: Citation, room: int, look: Look) -> str:
    """A place in so many columns: what ends it, a file's name and a line, says more than its folders."""
    place = place_text(citation.model_copy(update={"heading": ""}))
    if cell_len(place) <= room:
        return cut(place_text(citation), room, look)
    start = len(place) - room + 1
    while cell_len(place[start:]) >= room:
        start += 1
    return ("…" if look.unicode else "~") + place[start:]


def unsaid(missing: Sequence[str], look: Look) -> list[str]:
    """What the sources do not say."""
    told = [f"The sources do not say: {one_line(part)}" for part in missing if part.strip()]
    return [line for each in told for line in wrapped(each, look, "yellow", margin="  ")]


def footer(result: Result, look: Look, *, hint: str | None = "/trace shows all of it") -> str:
    """What it took; in a narrow window as many of the parts as fit, in this order of weight."""
    usage = result.usage
    parts = [
        counted(usage.model_calls, "step"),
        duration(result.seconds),
        f"{usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens",
    ]
    more = [hint] if hint else []
    dot = " · " if look.unicode else " - "
    for shown in ([*parts, *more], [*parts[:2], *more], [*parts[:2], *(each.split()[0] for each in more)]):
        told = f"  {dot.join(shown)}"
        if len(told) <= look.columns:
            break
    else:
        told = f"  {dot.join(parts[:2])}"
    return ink(cut(told, look.columns, look), look, "dim")
