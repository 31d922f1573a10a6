"""One question as people follow it: lines that stay, and lines that are drawn over and over below them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from ..answer import Answer, Citation, Result, StopReason
from ..run.stream import ModelAsked, ReasoningDelta, StreamItem, TextDelta
from ..text import counted, one_line
from ..traces import (
    CitationsRejected,
    ModelCalled,
    OutputRejected,
    PromptCompacted,
    RunStarted,
    Steered,
    Thought,
    ToolCalled,
    ToolReturned,
)
from .figures import duration
from .ink import OPENING, cut, ink, said, waiting_line, wrapped
from .lines import arguments_in_short, cited, footer, step_line, unsaid
from .look import Look
from .markdown import MarkdownStream

__all__ = ["REASONING", "ReasoningView", "TurnView"]

ReasoningView = Literal["hidden", "folded", "shown"]
REASONING: tuple[ReasoningView, ...] = ("hidden", "folded", "shown")

_THE_SERVER = "the server is "
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MOST_THOUGHT = 2_000
"""Characters of a thought that are drawn while it comes."""
_LEAST_THOUGHT_SECONDS = 1.0
"""A shorter thought has no line of its own where thoughts are folded: nobody waited for it."""


class TurnView:
    """Tells what happens with a question.

    Args:
        look: what the terminal can show.
        reasoning: how much of the reasoning to show, asked for each time.
        now: a clock that is never set back.
        hint: what the last line says of where to see more.
    """

    def __init__(
        self,
        look: Look,
        reasoning: Callable[[], ReasoningView],
        *,
        now: Callable[[], float] = time.monotonic,
        hint: str | None = "/trace shows all of it",
    ) -> None:
        self._look = look
        self._reasoning = reasoning
        self._now = now
        self._hint = hint
        self._began = now()
        self._waiting = OPENING[0]
        self._steps = 0
        self._calls: dict[str, tuple[int, ToolCalled]] = {}
        self._thought: list[str] = []
        self._thought_began = 0.0
        self._stream: MarkdownStream | None = None
        self._message = 0
        self._text: list[str] = []
        self._pieces = 0
        self._written = False  # some text of this message stands above

    def feed(self, item: StreamItem) -> list[str]:
        """Take what happened; the lines that stay."""
        match item:
            case RunStarted():
                self._waiting = f"{_THE_SERVER}reading the question"
            case ModelAsked(prompt_tokens=tokens):
                if tokens is not None:
                    self._waiting = f"{_THE_SERVER}reading {counted(tokens, 'token')}"
            case ReasoningDelta(text=text):
                if not self._thought:
                    self._thought_began = self._now()
                self._thought.append(text)
                self._waiting = "thinking"
            case Thought():
                return self._thought_ended()
            case TextDelta():
                return self._writes(item)
            case ToolCalled():
                return self._calls_tool(item)
            case ToolReturned():
                return self._tool_returned(item)
            case Result():
                return self.result(item)
            case _:
                return self._remark(item)
        return []

    def result(self, result: Result[Any]) -> list[str]:
        """The answer has come; whatever of it is not shown yet, and what it rests on."""
        lines = self._end_of_text()
        shown = "".join(self._text).strip()
        if result.text.strip() and result.text.strip() != shown:
            stream = MarkdownStream(self._look)
            stream.cite(result.citations)
            if shown:
                lines += ["", ink("This is the answer that stands:", self._look, "yellow")]
            lines += ["", *stream.feed(result.text), *stream.finish()]
        if result.stop_reason is StopReason.CANCELLED:
            return lines + self.stopped(result.citations)
        below = cited(result.citations, self._look)
        if isinstance(result.output, Answer):
            below += unsaid(result.output.missing, self._look)
        for remark in _remarks(result):
            below += wrapped(remark, self._look, "yellow", margin="  ")
        below += [footer(result, self._look, hint=self._hint)]
        return [*lines, "", *below]

    def stopped(self, citations: tuple[Citation, ...] = ()) -> list[str]:
        """The question was interrupted; what came of the answer stays, marked."""
        lines = self._end_of_text()
        if "".join(self._text).strip():
            lines += [ink("(unfinished)", self._look, "yellow")]
        lines += cited(citations, self._look)
        after = f" after {counted(self._steps, 'step')}" if self._steps else ""
        return [*lines, ink(f"  stopped{after}; what was found is kept", self._look, "dim")]

    def failed(self, reason: str) -> list[str]:
        """There is no answer."""
        return [*self._end_of_text(), *wrapped(f"Error: {one_line(reason)}", self._look, "red")]

    def status(self) -> str:
        """One line: what is waited for, and since when."""
        seconds = self._now() - self._began
        turning = _SPINNER[int(seconds * 10) % len(_SPINNER)] if self._look.unicode else "*"
        dot = " · " if self._look.unicode else " - "
        pieces = f"{dot}{counted(self._pieces, 'token')}" if self._pieces else ""
        step = f"{dot}step {self._steps + 1}" if self._steps else ""
        told = [f"{self._waiting}{pieces}{step}", f"{self._waiting.removeprefix(_THE_SERVER)}{pieces}"]
        return waiting_line(told, seconds, self._look, mark=f"{turning} ")

    def live(self, height: int) -> list[str]:
        """What is being written or thought, as far as it came: the lines that will be drawn anew."""
        if self._thought and self._reasoning() == "shown":
            text = "".join(self._thought[-_MOST_THOUGHT:])[-_MOST_THOUGHT:]
            return wrapped(text.strip("\n"), self._look, "dim", margin="  ")[-height:]
        if self._stream is None:
            return []
        tail = self._stream.tail(height)
        return tail if self._written or len(tail) >= height else ["", *tail]

    def _writes(self, item: TextDelta) -> list[str]:
        lines: list[str] = []
        if item.message != self._message:
            lines = self._end_of_text()
            self._message, self._text, self._written = item.message, [], False
        if self._stream is None:
            self._stream = MarkdownStream(self._look)
        self._waiting, self._pieces = "writing", self._pieces + 1
        self._text.append(item.text)
        self._stream.cite(item.citations)
        return lines + self._apart(self._stream.feed(item.text))

    def _apart(self, lines: list[str]) -> list[str]:
        """An empty line before the first of a text."""
        if lines and not self._written:
            self._written = True
            return ["", *lines]
        return lines

    def _end_of_text(self) -> list[str]:
        lines = self._thought_ended() if self._thought else []
        if self._stream is not None:
            lines += self._apart(self._stream.finish())
            self._stream = None
        return lines

    def _thought_ended(self) -> list[str]:
        text, self._thought = "".join(self._thought), []
        mode = self._reasoning()
        if not text.strip() or mode == "hidden":
            return []
        seconds = self._now() - self._thought_began
        if mode == "folded" and seconds < _LEAST_THOUGHT_SECONDS:
            return []
        lines = [ink(f"    thought  {duration(seconds)}", self._look, "dim")]
        if mode == "shown":
            lines += wrapped(text.strip("\n"), self._look, "dim", margin="  ")
        return lines

    def _calls_tool(self, called: ToolCalled) -> list[str]:
        lines = self._end_of_text()
        self._steps += 1
        self._pieces = 0
        self._calls[called.call_id] = self._steps, called
        self._waiting = f"{one_line(called.tool, 20)} {arguments_in_short(called.arguments)}"
        return lines

    def _tool_returned(self, returned: ToolReturned) -> list[str]:
        number, called = self._calls.pop(returned.call_id, (0, None))
        self._waiting = f"{_THE_SERVER}reading what was found"
        arguments = "" if called is None else arguments_in_short(called.arguments)
        came = returned.summary or one_line(returned.output, 200)
        return step_line(
            number, returned.tool, arguments, came, returned.seconds, self._look, error=returned.error
        )

    def _remark(self, item: StreamItem) -> list[str]:
        match item:
            case Steered(text=text):
                return [*self._end_of_text(), *said(text, self._look)]
            case OutputRejected(attempt=attempt):
                told = f"  The answer did not fit its form (attempt {attempt}); asking again."
            case CitationsRejected():
                self._waiting = "looking for better citations"
                told = "  Some citations could not be verified; asking once for better ones."
            case PromptCompacted(outputs=outputs):
                told = f"  The window is full: {counted(outputs, 'earlier output')} shortened for the model."
            case ModelCalled(repairs=repairs) if repairs:
                told = f"  (the model's reply was mended: {', '.join(sorted(set(repairs)))})"
                return [ink(cut(told, self._look.columns, self._look), self._look, "dim")]
            case _:
                return []
        return [*self._end_of_text(), *wrapped(told.strip(), self._look, "yellow", margin="  ")]


def _remarks(result: Result[Any]) -> list[str]:
    from .render import remarks

    return remarks(result)
