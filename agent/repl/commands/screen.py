"""Commands about the prompt itself."""

from __future__ import annotations

from ...terminal.ink import cut, ink, pad, wrapped
from ...terminal.turn import REASONING
from ..face import Face

__all__ = ["help_", "quit_", "reasoning"]

_KEYS = (
    ("Enter", "ask; while it works: hand the line to the model, before its next step"),
    ("Alt-Enter", "a new line; so does a backslash before Enter"),
    ("Tab", "complete; while it works: keep the line for afterwards"),
    ("Ctrl-C", "stop; what came stays. At an empty prompt, twice: leave"),
    ("Esc Esc", "edit an earlier question, in a new conversation"),
    ("Alt-R", "hide, fold or show the thinking"),
    ("Ctrl-R", "search in what was typed before"),
    ("Ctrl-D", "leave"),
)
_NOTE = (
    "A question that begins like a command begins with two slashes. Keys are those of Emacs, or of vi where "
    "~/.inputrc says so."
)


async def help_(face: Face, words: str) -> None:
    """The table of commands and the keys."""
    from .table import COMMANDS, find_command, nearest

    if words:
        name = words.removeprefix("/").split()[0]
        command = find_command(name)
        if command is None:
            face.say(f"There is no /{name}; the nearest is /{nearest(name)}.")
            return
        rows = [(f"/{command.name} {command.arguments}".strip(), command.help)]
    else:
        rows = [(f"/{command.name} {command.arguments}".strip(), command.help) for command in COMMANDS]
    columns = face.look.columns
    wide = min(max(len(left) for left, _ in [*rows, *_KEYS]), 40, columns // 2)
    lines: list[str] = []
    for part in (rows, () if words else _KEYS):
        for left, right in part:
            if len(left) > wide:
                lines.append("  " + ink(cut(left, columns - 2, face.look), face.look, "cyan"))
                left = ""
            for number, told in enumerate(wrapped(right, face.look, margin=" " * (wide + 4))):
                shown = ink(pad("" if number else left, wide), face.look, "cyan")
                lines.append(f"  {shown}  {told.strip()}")
        lines.append("")
    face.write([line for line in lines if line or not words])
    if not words:
        face.say(_NOTE)


async def reasoning(face: Face, words: str) -> None:
    """How much of the thinking is shown."""
    if words in REASONING:
        face.reasoning = words
    elif words:
        face.say(f"It is one of {', '.join(REASONING)}, not {words!r}.")
        return
    face.say(f"The thinking is {face.reasoning}.")


async def quit_(face: Face, words: str) -> None:
    """Leave."""
    face.leave()
