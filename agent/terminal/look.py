"""What a terminal can show."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

__all__ = ["Look"]

_LINKING = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio")


@dataclass(frozen=True, kw_only=True)
class Look:
    """How text looks: nothing that the terminal, or the user, does not want."""

    width: int | None = None
    """Columns; None for the terminal's own, asked for each time."""
    styled: bool = True
    """Colours and bold; not where ``NO_COLOR`` is set, in a pipe, or on a dumb terminal."""
    links: bool = False
    """Links (OSC 8)."""
    line_links: bool = False
    """A link to a file may name a line, as kitty's do (``#12``, its page on open actions)."""
    drawable: bool = True
    """Something can be drawn over: a terminal that is not dumb."""
    reflows: bool = True
    """A narrower window breaks the lines that are there, as most terminals do."""
    unicode: bool = True
    """Signs beyond ASCII of the program's own."""

    @property
    def columns(self) -> int:
        """The width to write for."""
        return max(20, self.width or _columns())

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str] = os.environ) -> Look:
        """The look for a stream."""
        terminal = stream.isatty() and environ.get("TERM", "dumb") not in ("dumb", "unknown")
        encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
        styled = terminal and not environ.get("NO_COLOR")
        return cls(
            drawable=terminal,
            styled=styled,
            links=styled and _links(environ),
            line_links="KITTY_WINDOW_ID" in environ and "TMUX" not in environ,
            reflows=_reflows(environ),
            unicode=encoding.startswith("utf"),
        )


def _columns() -> int:
    """The terminal's width now; ``COLUMNS`` would stay what it was when the window gets another."""
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return shutil.get_terminal_size().columns


def _reflows(environ: Mapping[str, str]) -> bool:
    """Whether the terminal breaks lines anew when its width changes; xterm, screen and consoles cut them."""
    term = environ.get("TERM", "")
    return "TMUX" in environ or not ("XTERM_VERSION" in environ or term.startswith(("screen", "linux", "vt")))


def _links(environ: Mapping[str, str]) -> bool:
    """Whether the terminal shows links; most of those that do not ignore them, some print them."""
    if (forced := environ.get("FORCE_HYPERLINK")) is not None:
        return forced not in ("", "0")
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if program == "tmux":
        version = re.match(r"(\d+)\.(\d+)", environ.get("TERM_PROGRAM_VERSION", ""))
        return version is not None and (int(version[1]), int(version[2])) >= (3, 4)
    if program in _LINKING or "WT_SESSION" in environ or "KITTY_WINDOW_ID" in environ:
        return True
    if environ.get("VTE_VERSION", "0").isdigit() and int(environ.get("VTE_VERSION", "0")) >= 5000:
        return True
    return term.startswith(("xterm-kitty", "alacritty", "foot", "xterm-ghostty", "wezterm"))
