"""One response of the model: completions read as they stream, and the items they become."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseCompletedEvent, ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from ..engines.engine import FinishReason
from ..harmony.errors import HarmonyParseError
from ..harmony.message import CHANNELS, HIDDEN, HarmonyMessage, Reading, Repair
from ..harmony.names import FunctionNames
from ..harmony.reader import Reader
from ..harmony.vocabulary import CALL, RETURN
from .events import ResponseEvents
from .interpreter import Interpreter
from .tool_choice import ToolChoice

__all__ = ["Turn"]


@dataclass
class Turn:
    """One response: what was read so far, and the events it becomes."""

    events: ResponseEvents
    names: FunctionNames
    choice: ToolChoice
    schemas: Mapping[str, Mapping[str, Any]]
    """Tool name to the schema of its parameters."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int | None = None
    """None where the server does not tell."""
    finish_reason: FinishReason | None = None
    repairs: list[Repair] = field(default_factory=list[Repair])
    read: list[HarmonyMessage] = field(default_factory=list[HarmonyMessage])
    """Every message that was read, of all completions."""
    kept: list[HarmonyMessage] = field(default_factory=list[HarmonyMessage])
    """Messages of the present completion that became items."""
    acted: bool = False
    """There is a call or an answer."""
    channels: Counter[str | None] = field(default_factory=Counter[str | None])
    """Tokens of bodies on each channel; ``other`` for what belongs to none."""
    _reader: Reader = field(init=False)
    _interpreter: Interpreter = field(init=False)
    _read: int = 0
    _blank: str = ""
    """The blanks an answer began with, until it is known to have words."""
    _started: float = field(default_factory=time.monotonic)
    _first_token: float | None = None

    def begin(self, reader: Reader, prompt_tokens: int) -> None:
        """Start reading a completion."""
        self._reader, self._read, self.kept, self._blank = reader, 0, [], ""
        self._interpreter = Interpreter(self.names, self.choice, self.schemas)
        self.prompt_tokens += prompt_tokens
        self.finish_reason = None

    def feed(self, token: int) -> Iterator[TResponseStreamEvent]:
        """Take the next token."""
        if self._first_token is None:
            self._first_token = time.monotonic()
        self.completion_tokens += 1
        text = self._reader.feed(token)
        yield from self._complete_messages()
        header = self._reader.header
        if header is None:
            return
        hidden = header.hidden or header.channel == HIDDEN
        self.reasoning_tokens += hidden
        channel = HIDDEN if hidden else header.channel if header.channel in CHANNELS else "other"
        self.channels[channel] += 1
        kind = self._interpreter.kind(header)
        if kind is None or kind == "call" or header.role != "assistant" or not text:
            return  # a call is told as a whole: its arguments may have to be mended first, or be none
        if kind == "answer" and not self.events.begun:
            text, self._blank = self._blank + text, ""
            if not text.strip():
                self._blank = text
                return
        yield from self.events.delta(kind, header.recipient, text)

    def end(self) -> Iterator[TResponseStreamEvent]:
        """Read what is left once the engine has stopped."""
        header = self._reader.header
        if header is not None and self.finish_reason != "length" and not self._reader.stopped:
            # The server keeps the stop token to itself; the header tells which one it was.
            self._reader.feed(CALL if header.recipient else RETURN)
        before = len(self._reader.messages)
        try:
            reading = self._reader.finish()
        except HarmonyParseError:
            self.events.abandon()
            self.repairs += self._reader.repairs
            return
        cut = self.finish_reason == "length" and len(reading.messages) > before
        last = len(reading.messages) - 1 if cut else None
        yield from self._complete_messages(incomplete=last)
        self.events.abandon()
        self.repairs += reading.repairs

    def failure(self) -> HarmonyParseError:
        """The error for a turn that came to nothing."""
        missing = "neither an answer nor a call"
        if not self.choice.free:
            missing = "no answer" if self.choice.answer else "no such call as tool_choice asks for"
        return HarmonyParseError(
            f"The model gave {missing}, also when asked again; try once more, or with another reasoning "
            "effort.",
            reading=Reading(messages=self.read, repairs=self.repairs, truncated=False),
        )

    def cut_short(self) -> Iterator[TResponseStreamEvent]:
        """An empty, incomplete answer: the token limit came before there was one."""
        yield from self.events.done(
            "answer", HarmonyMessage(role="assistant", channel="final", content=""), complete=False
        )

    def completed(self) -> ResponseCompletedEvent:
        """The last event."""
        usage = ResponseUsage(
            input_tokens=self.prompt_tokens,
            input_tokens_details=InputTokensDetails(
                cached_tokens=self.cached_tokens or 0, cache_write_tokens=0
            ),
            output_tokens=self.completion_tokens,
            output_tokens_details=OutputTokensDetails(reasoning_tokens=self.reasoning_tokens),
            total_tokens=self.prompt_tokens + self.completion_tokens,
        )
        metadata = {
            "finish_reason": self.finish_reason or "stop",
            "seconds": f"{time.monotonic() - self._started:.3f}",
            "repairs": ",".join(repair.kind.value for repair in self.repairs),
        }
        if self.cached_tokens is not None:
            metadata["cached_tokens"] = str(self.cached_tokens)
        if self._first_token is not None:
            metadata["first_token_seconds"] = f"{self._first_token - self._started:.3f}"
        return self.events.complete(usage, metadata)

    def _complete_messages(self, *, incomplete: int | None = None) -> Iterator[TResponseStreamEvent]:
        while self._read < len(self._reader.messages):
            message = self._reader.messages[self._read]
            cut = self._read == incomplete
            self._read += 1
            self._blank = ""
            self.read.append(message)
            read = self._interpreter.read(message)
            if read is None or (cut and read.kind == "call"):
                self.events.abandon()
                continue
            if read.repair is not None:
                self.repairs.append(Repair(read.repair, max(self.completion_tokens - 1, 0)))
            complete = read.goes_back and not cut
            if complete:
                self.kept.append(read.message)
            self.acted = self.acted or read.kind in ("call", "answer")
            yield from self.events.done(read.kind, read.message, complete=complete)
