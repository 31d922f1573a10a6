"""A turn that is kept, shown as it was when it came."""

from __future__ import annotations

from ..conversations import Turn
from ..terminal.ink import ink
from ..terminal.lines import cited, said, unsaid
from ..terminal.markdown import MarkdownStream
from .face import Face

__all__ = ["show_turn"]


def show_turn(face: Face, turn: Turn) -> None:
    """The question, the answer, what it cites."""
    lines = [line for text in (turn.question, *turn.said) for line in said(text, face.look)]
    if turn.text.strip():
        stream = MarkdownStream(face.look)
        stream.cite(turn.citations)
        lines += ["", *stream.feed(turn.text), *stream.finish()]
    if turn.unfinished:
        lines.append(ink("(unfinished)", face.look, "yellow"))
    elif turn.stop_reason == "failed":
        lines.append(ink("(it failed; /retry asks again)", face.look, "yellow"))
    below = [*cited(turn.citations, face.look), *unsaid(turn.missing, face.look)]
    face.write([*lines, "", *below] if below else lines)
