"""The clipboard: a program that has it, else the terminal is asked to take a text (OSC 52)."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

__all__ = ["copied"]

_MOST = 74_000
"""Bytes that a terminal takes; xterm's own limit in its encoded form is 100,000 characters."""


def copied(text: str, send: Callable[[str], None] | None) -> str:
    """Copy a text; says what was done.

    Args:
        text: what to copy.
        send: writes to the terminal; None where there is none that could take it.
    """
    if program := _program():
        try:
            subprocess.run(program, input=text.encode(), timeout=5, check=True, capture_output=True)
        except (OSError, subprocess.SubprocessError):
            pass
        else:
            return f"Copied {len(text):,} characters with {program[0]}."
    if send is None:
        return "There is no clipboard here: /save FILE.md writes the conversation."
    data = text.encode()
    if len(data) > _MOST:
        return f"{len(data):,} bytes are too many for the terminal's clipboard: /save FILE.md writes them."
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    if os.environ.get("TMUX"):
        sequence = "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    send(sequence)
    return (
        f"Sent {len(text):,} characters to the terminal's clipboard (OSC 52); not every terminal takes them."
    )


def _program() -> list[str] | None:
    candidates: list[list[str]] = []
    if sys.platform == "darwin":
        candidates.append(["pbcopy"])
    if os.environ.get("WAYLAND_DISPLAY"):
        candidates.append(["wl-copy"])
    if os.environ.get("DISPLAY"):
        candidates += [["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    return next((each for each in candidates if shutil.which(each[0])), None)
