"""Lines for a terminal: styled where it is wanted, cut to its width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size

from ..text import printable
from .figures import clock
from .look import Look

__all__ = ["OPENING", "Style", "cut", "ink", "pad", "said", "waiting_line", "wrapped"]

OPENING = ("opening the engine and the knowledge base", "opening")
"""What is waited for at first, in two wordings."""

Style = Literal["bold", "dim", "cyan", "green", "yellow", "red", "italic", "reverse"]

_CODES: dict[Style, int] = {
    "bold": 1,
    "dim": 2,
    "italic": 3,
    "reverse": 7,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "cyan": 36,
}


def ink(text: str, look: Look, *styles: Style) -> str:
    """Text in a style, where the terminal has styles. Text of others has to be printable already."""
    if not (look.styled and styles and text):
        return text
    return f"\x1b[{';'.join(str(_CODES[style]) for style in styles)}m{text}\x1b[0m"


def cut(text: str, width: int, look: Look) -> str:
    """A line that is no wider than ``width`` columns; an ellipsis says that there was more."""
    if cell_len(text) <= width:
        return text
    end = "…" if look.unicode else "~"
    return (set_cell_size(text, max(0, width - 1)).rstrip() + end) if width > 0 else ""


def pad(text: str, width: int) -> str:
    """Text filled up with blanks."""
    return text + " " * max(0, width - cell_len(text))


def wrapped(text: str, look: Look, *styles: Style, margin: str = "") -> list[str]:
    """Text of anybody's made safe and broken into lines, at blanks where there are some."""
    from rich.console import Console
    from rich.text import Text

    width = max(10, look.columns - len(margin))
    console = Console(width=width, file=None, legacy_windows=False)
    lines: list[str] = []
    for paragraph in printable(text).split("\n"):
        rows = [row.plain.rstrip() for row in Text(paragraph).wrap(console, width, tab_size=4)] or [""]
        lines += [(margin + ink(row, look, *styles)).rstrip() for row in rows]
    return lines


def waiting_line(told: Sequence[str], seconds: float, look: Look, *, mark: str = "") -> str:
    """What is waited for, in the first of several wordings that fits, and since when, whatever the width."""
    end = f"{' · ' if look.unicode else ' - '}{clock(seconds)}"
    room = look.columns - cell_len(mark) - len(end) - 3
    shown = next((each for each in told if cell_len(each) <= room), told[-1])
    return ink(f"  {mark}{cut(shown, room, look)}{end}", look, "dim")


def said(text: str, look: Look) -> list[str]:
    """What the user said, behind the mark of the prompt."""
    first, *more = wrapped(text, look, "bold", margin="  ")
    mark = ink("❯ " if look.unicode else "> ", look, "bold")
    return [mark + first.removeprefix("  "), *more]
