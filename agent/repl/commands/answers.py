"""Commands about the last answer: its places, its steps, what it took, taking it away."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from ...conversations import Turn
from ...errors import UsageError
from ...terminal.figures import duration
from ...terminal.ink import cut, ink, wrapped
from ...terminal.lines import arguments_in_short
from ...text import counted, one_line, printable
from ...traces import ToolCalled, ToolReturned, Trace, TraceStore
from ...traces.quoting import marked
from ..exporting import conversation_as_markdown, turn_as_markdown
from ..face import Face

__all__ = ["copy", "open_", "save", "step", "trace", "usage"]

_AROUND = 3
_LINES = 20
_MOST = 400


async def open_(face: Face, words: str) -> None:
    """Lines of a document, with the words that are cited marked."""
    if not words:
        raise UsageError("/open takes the number of a citation, or a document with a line: /open guide.md:12")
    source, first, last, quote = words, 1, 1, ""
    if words.strip("[]").isdigit():
        turn = await _last(face)
        number = int(words.strip("[]"))
        if not 0 < number <= len(turn.citations):
            cited = counted(len(turn.citations), "citation")
            raise UsageError(f"The last answer has {cited}: there is no [{number}].")
        citation = turn.citations[number - 1]
        source, first, last, quote = citation.source, citation.start_line, citation.end_line, citation.quote
    elif found := re.fullmatch(r"(.+?):L?(\d+)(?:-L?(\d+))?", words):
        source, first = found[1], int(found[2])
        last = int(found[3] or found[2])

    async def opened() -> tuple[str, int, dict[int, str], str]:
        begin = max(1, first - _AROUND)
        count = max(8, min(last, first + _LINES) + _AROUND - begin + 1)
        async with face.desk.using_knowledge() as base:
            excerpt = await asyncio.to_thread(base.open, source, line=begin, num_lines=count)
            documents = await asyncio.to_thread(base.documents)
        path = next((each.path for each in documents if each.source == excerpt.source), "")
        return excerpt.source, excerpt.total_lines, dict(excerpt.lines), path

    name, total, lines, path = await face.work(opened())
    face.write(
        [
            ink(
                cut(f"{one_line(name)}, {counted(total, 'line')}", face.look.columns, face.look),
                face.look,
                "bold",
            )
        ]
    )
    spans = marked(lines, quote, first, last) if quote else {}
    wide = len(str(max(lines, default=1)))
    for number, text in lines.items():
        cited_here = bool(quote) and first <= number <= last
        face.write(_numbered(face, number, text, spans.get(number), wide, here=cited_here))
    if path:
        face.write([ink(one_line(path), face.look, "dim")])  # whole: it is there to be opened


def _numbered(
    face: Face, number: int, text: str, span: tuple[int, int] | None, wide: int, *, here: bool
) -> list[str]:
    bar = ("▐" if face.look.unicode else "|") if here else " "
    margin = f"{number:>{wide}}{bar} "
    room = max(10, face.look.columns - len(margin))
    text = printable(text.expandtabs(4))
    start, end = span or (0, 0)
    lines: list[str] = []
    at = 0
    while True:
        piece = _piece(text, at, room)
        a, b = max(0, min(start - at, len(piece))), max(0, min(end - at, len(piece)))
        body = piece[:a] + ink(piece[a:b], face.look, "reverse") + piece[b:]
        lines.append((ink(margin, face.look, "dim") + body).rstrip())
        margin = " " * (wide) + f"{bar} "
        at += len(piece)
        if at >= len(text) or len(lines) >= _LINES:
            return lines


def _piece(text: str, at: int, room: int) -> str:
    """As much of a line as fits, up to a blank where there is one."""
    if len(text) - at > room and (blank := text.rfind(" ", at, at + room)) > at:
        return text[at : blank + 1]
    return text[at : at + room]


async def step(face: Face, words: str) -> None:
    """One call of a tool, whole; without a number all of them, in short."""
    found = await _trace(face, "")
    calls = [event for event in found.events if isinstance(event, ToolCalled)]
    returned = {event.call_id: event for event in found.events if isinstance(event, ToolReturned)}
    if not words:
        for number, call in enumerate(calls, 1):
            back = returned.get(call.call_id)
            came = back.summary if back else ""
            told = f"{number:>3} {call.tool:<8} {arguments_in_short(call.arguments)}  {came}"
            face.write([cut(one_line(told), face.look.columns, face.look)])
        if not calls:
            face.say("It called no tool.")
        return
    if not (words.isdigit() and 0 < int(words) <= len(calls)):
        raise UsageError(f"The last question took {counted(len(calls), 'step')}: there is no step {words}.")
    call = calls[int(words) - 1]
    face.write(wrapped(f"{call.tool} {call.arguments}", face.look, "cyan"))
    if back := returned.get(call.call_id):
        lines = wrapped(back.output, face.look)
        face.write(lines[:_MOST])
        if len(lines) > _MOST:
            face.say(f"and {len(lines) - _MOST:,} more lines: ossifrage traces show {found.trace_id} --json")
        face.write([ink(f"{one_line(back.summary)}  {duration(back.seconds)}", face.look, "dim")])


async def trace(face: Face, words: str) -> None:
    """The trace, without the thinking."""
    from io import StringIO

    from rich.console import Console

    from ...traces import render_tree

    found = await _trace(face, words)
    out = StringIO()
    console = Console(
        file=out,
        width=face.look.columns,
        force_terminal=face.look.styled,
        color_system="standard" if face.look.styled else None,
        legacy_windows=False,
    )
    render_tree(found, console)
    face.write(out.getvalue().rstrip("\n").split("\n"))


async def usage(face: Face, words: str) -> None:
    """Tokens and time of the conversation."""
    turns = face.desk.conversation.turns() if face.desk.conversation else []
    prompt, completion = (sum(turn.tokens[index] for turn in turns) for index in (0, 1))
    seconds = sum(turn.seconds for turn in turns)
    tokens = f"{prompt:,} prompt + {completion:,} completion tokens"
    face.say(f"{counted(len(turns), 'turn')}, {tokens}, {duration(seconds)}")


async def save(face: Face, words: str) -> None:
    """Write the conversation to a file of Markdown; what is there is not overwritten."""
    conversation = face.desk.conversation
    turns = conversation.turns() if conversation else []
    if not words or not turns:
        raise UsageError("/save FILE.md" if turns else "There is nothing to save yet.")
    path = _written(words, conversation_as_markdown(turns))
    face.say(f"Saved {counted(len(turns), 'turn')} in {path}, without the thinking.")


async def copy(face: Face, words: str) -> None:
    """The answer, or the whole turn as Markdown, to the clipboard."""
    turn = await _last(face)
    if words not in ("", "turn"):
        raise UsageError("/copy takes the answer, /copy turn the question with its steps and its answer.")
    if not (words or turn.text.strip()):
        raise UsageError("The last question has no answer; /copy turn takes the question with its steps.")
    text = turn_as_markdown(turn, await _trace(face, turn.trace_id)) if words else turn.text
    face.say(face.copy(text))


def _written(name: str, text: str) -> Path:
    path = Path(name).expanduser()
    if path.suffix == "":
        path = path.with_suffix(".md")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: choose another name.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return path


async def _last(face: Face) -> Turn:
    turn = await face.work(face.desk.last_turn())
    if turn is None:
        raise UsageError("There is no answer yet.")
    return turn


async def _trace(face: Face, words: str) -> Trace:
    """A trace by its id; without one that of the last question."""
    if not words:
        turn = await _last(face)
        if not turn.trace_id:
            raise UsageError("The last question left no trace.")
        words = turn.trace_id
    with TraceStore(face.desk.home) as store:
        return store.load(words)
