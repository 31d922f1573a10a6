"""A turn that is kept, shown as it was when it came."""

from __future__ import annotations

from ..conversations import Turn
from ..terminal.ink import ink, wrapped
from ..terminal.lines import cited, unsaid
from ..terminal.markdown import MarkdownStream
from .face import Face

__all__ = ["question_lines", "show_turn"]


def question_lines(face: Face, question: str) -> list[str]:
    """A question as it stands above its answer."""
    mark = "❯" if face.look.unicode else ">"
    return wrapped(f"{mark} {question}", face.look, "bold")


def show_turn(face: Face, turn: Turn) -> None:
    """The question, the answer, what it cites."""
    lines = question_lines(face, turn.question)
    for said in turn.said:
        lines += question_lines(face, said)
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
