"""One response of the model: completions read as they stream, and the items they become."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseCompletedEvent, ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from ..engines.engine import FinishReason
from ..harmony.arguments import inert_arguments, mended_arguments
from ..harmony.errors import HarmonyParseError
from ..harmony.header import Header
from ..harmony.message import HarmonyMessage, Reading, Repair, RepairKind
from ..harmony.names import FunctionNames
from ..harmony.reader import Reader
from ..harmony.vocabulary import CALL, RETURN
from .events import ItemKind, ResponseEvents
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
    _called: bool = False
    _reader: Reader | None = None
    _read: int = 0
    _started: float = field(default_factory=time.monotonic)
    _first_token: float | None = None

    def begin(self, reader: Reader, prompt_tokens: int) -> None:
        """Start reading a completion."""
        self._reader, self._read, self.kept = reader, 0, []
        self.prompt_tokens += prompt_tokens
        self.finish_reason = None

    def feed(self, token: int) -> Iterator[TResponseStreamEvent]:
        """Take the next token."""
        assert self._reader is not None
        if self._first_token is None:
            self._first_token = time.monotonic()
        self.completion_tokens += 1
        text = self._reader.feed(token)
        yield from self._complete_messages()
        header = self._reader.header
        if header is None:
            return
        if header.channel == "analysis":
            self.reasoning_tokens += 1
        kind = self._kind(header.role, header)
        if kind is not None and kind != "call" and text:
            # A call is told as a whole: its arguments may have to be mended first.
            yield from self.events.delta(kind, header.recipient, text)

    def end(self) -> Iterator[TResponseStreamEvent]:
        """Read what is left once the engine has stopped."""
        assert self._reader is not None
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
        assert self._reader is not None
        while self._read < len(self._reader.messages):
            message = self._reader.messages[self._read]
            cut = self._read == incomplete
            self._read += 1
            self.read.append(message)
            kind = self._kind(message.role, message)
            empty = kind == "answer" and not message.content.strip()
            if kind is None or empty or (cut and kind == "call"):
                self.events.abandon()
                continue
            if kind == "call":
                message = self._mended(message)
            self.kept.append(message)
            self.acted = self.acted or kind in ("call", "answer")
            self._called = self._called or kind == "call"
            yield from self.events.done(kind, message, complete=not cut)

    def _mended(self, call: HarmonyMessage) -> HarmonyMessage:
        schema = self.schemas.get(self.names.original(call.recipient or ""))
        mended = None if schema is None else mended_arguments(call.content, schema)
        if mended is None:
            mended = inert_arguments(call.content)
        if mended == call.content:
            return call
        self.repairs.append(Repair(RepairKind.MENDED_ARGUMENTS, self.completion_tokens - 1))
        return replace(call, content=mended, tokens=None)

    def _kind(self, role: str, said: Header | HarmonyMessage) -> ItemKind | None:
        """What a message is to the SDK; None for what must not be acted on."""
        if role != "assistant" or self._called:
            # A tool's answer that the model wrote itself, or anything after a call: the tool has not
            # answered yet, so what follows is made up.
            return None
        if said.recipient is not None:
            name = self.names.original(said.recipient)
            return "call" if self.choice.allows_call(name) else None
        match said.channel:
            case "analysis":
                return "reasoning"
            case "commentary":
                return "preamble"
            case "final" if self.choice.answer:
                return "answer"
            case _:
                return None
