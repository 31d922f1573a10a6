"""What was typed: a question, a command, or a word that means to leave."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from ..text import well_formed

__all__ = ["Line", "cleaned", "read_line"]

_COMMAND = re.compile(r"/([A-Za-z?]+)(?:[^\S\n]+(.*))?")
_ALONE: dict[str, str] = {
    "exit": "quit",
    "quit": "quit",
    ":q": "quit",
    ":wq": "quit",
    "help": "help",
    "?": "help",
}


@dataclass(frozen=True)
class Line:
    """What was typed, read."""

    kind: Literal["nothing", "command", "question"]
    text: str
    """The question, or what follows the command's name."""
    name: str = ""
    """The command's, without the slash."""


def cleaned(text: str) -> str:
    """Text as it was meant: without control characters, which no question needs.

    White space of every kind and the joiners inside words are text.
    """
    text = well_formed(text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) != "Cc")


def read_line(typed: str) -> Line:
    """Read a line, or several that were pasted.

    A command is a single line that begins with a slash and one word of letters: ``/etc/fstab says what?`` is
    a question. Two slashes begin a question that would be a command: ``//tmp is full, why?``.
    """
    text = cleaned(typed).strip()
    if not text:
        return Line("nothing", "")
    if meant := _ALONE.get(text.casefold()):
        return Line("command", "", meant)
    if text.startswith("//"):
        return Line("question", text[1:])
    if found := _COMMAND.fullmatch(text):
        return Line("command", (found[2] or "").strip(), found[1].lower())
    return Line("question", text)
