"""Tokens to messages, one token at a time.

openai-harmony's own parser stops at the first departure from the format, or files an answer under
reasoning; gpt-oss departs often enough to matter (openai/harmony issues 38, 60, 80, 114, 144). This reader
follows the same format, agrees with the strict parser on everything well-formed, and goes on after a
departure by a few named rules (:class:`RepairKind`). Where a rule could show reasoning as an answer or run
a call nobody can be sure of, the text is kept on channel ``None`` instead.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from openai_harmony import HarmonyEncoding

from .errors import HarmonyParseError
from .header import Header, HeaderPart, body_without_marker, read_header
from .message import HIDDEN, ROLES, HarmonyMessage, Reading, Repair, RepairKind
from .names import FunctionNames
from .stripped import read_stripped
from .vocabulary import (
    CALL,
    CHANNEL,
    CONSTRAIN,
    END,
    ENDOFTEXT,
    FIRST_SPECIAL,
    MESSAGE,
    RETURN,
    START,
    VOCABULARY_SIZE,
    load_encoding,
)

__all__ = ["Reader", "parse_completion"]

_STOPS = (RETURN, CALL, END, ENDOFTEXT)


class _State(Enum):
    HEADER = auto()
    BODY = auto()
    BETWEEN = auto()
    AFTER_CALL = auto()
    """A call was made; only a new ``<|start|>`` is read on."""
    AFTER_RETURN = auto()
    """An answer ended by ``<|return|>``; only plain text is read on, which belongs to no channel."""
    OVER = auto()
    """The rest is dropped."""


@dataclass
class _OpenMessage:
    """The message being read."""

    first_token: int
    repaired: bool = False
    parts: list[HeaderPart] = field(default_factory=list[HeaderPart])
    role: str | None = None
    header: Header = field(default_factory=Header)
    body: list[str] = field(default_factory=list[str])


def parse_completion(
    token_ids: Iterable[int], *, role: str | None = "assistant", tools: Iterable[str] | None = None
) -> Reading:
    """Read what follows ``<|start|>assistant``.

    Args:
        token_ids: the completion; a stop token at its end may be missing.
        role: ``None`` when the tokens begin with ``<|start|>`` themselves (a stored conversation).
        tools: the names of the functions on offer. Where they are given, only they are recipients, but for
            one on ``commentary`` that does not exist; else any name is taken for one.

    Returns:
        The messages, in order, with every repair that was needed.

    Raises:
        HarmonyParseError: there are tokens but no message can be read from them.
    """
    offered = None if tools is None else FunctionNames(tools)
    reader = Reader(load_encoding(), role=role, offered=offered)
    for token in token_ids:
        reader.feed(token)
    return reader.finish()


class Reader:
    """Reads a completion as it streams.

    Args:
        encoding: the harmony encoding.
        role: who speaks first, when the prompt already said so.
        offered: what may be called; None where that is not known.
    """

    def __init__(
        self,
        encoding: HarmonyEncoding,
        *,
        role: str | None = "assistant",
        offered: FunctionNames | None = None,
    ) -> None:
        self._encoding = encoding
        self._state = _State.HEADER
        self._role = role
        self._offered = offered
        self._answered = False  # there is a final message
        self._prefix = () if role is None else (START, *encoding.encode(role, disallowed_special=()))
        self._tokens: list[int] = []
        self._messages: list[HarmonyMessage] = []
        self._repairs: list[Repair] = []
        self._open = _OpenMessage(first_token=0, role=role, parts=[HeaderPart(START, "")])
        self._text: list[int] = []  # ordinary tokens of the header part, or of the gap between messages
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._markup = False  # a structural token was seen

    @property
    def messages(self) -> Sequence[HarmonyMessage]:
        """The messages that are complete so far."""
        return self._messages

    @property
    def repairs(self) -> Sequence[Repair]:
        """What had to be mended so far."""
        return self._repairs

    @property
    def stopped(self) -> bool:
        """The last token was a stop token."""
        return bool(self._tokens) and self._tokens[-1] in _STOPS

    @property
    def header(self) -> Header | None:
        """The header of the message whose body is being read; None between bodies."""
        return self._open.header if self._state is _State.BODY else None

    def feed(self, token: int) -> str:
        """Take the next token.

        Returns:
            The text it added to the body of the open message (see :attr:`header`); often empty.
        """
        self._tokens.append(token)
        if self._state is _State.OVER:
            return ""
        if not 0 <= token < VOCABULARY_SIZE:
            self._mend(RepairKind.STRAY_TOKEN)
            return ""
        if token < FIRST_SPECIAL:
            return self._ordinary(token)
        if token in (START, CHANNEL, CONSTRAIN, MESSAGE, *_STOPS):
            self._markup = self._markup or token not in (CONSTRAIN, ENDOFTEXT)
            self._special(token)
        else:
            self._mend(RepairKind.STRAY_TOKEN)
        return ""

    def finish(self) -> Reading:
        """Read what is left.

        Raises:
            HarmonyParseError: there were tokens but no message could be read from them.
        """
        if self._state is _State.HEADER:
            _ = self._json_alone() or self._stripped() or self._close_header()
        elif self._state is _State.BODY:
            self._close_body()
        elif self._state in (_State.BETWEEN, _State.AFTER_RETURN):
            self._close_gap()
        self._state = _State.OVER
        reading = Reading(messages=self._messages, repairs=self._repairs, truncated=not self.stopped)
        if self._repairs and not self._messages:
            kinds = ", ".join(sorted({repair.kind.value for repair in self._repairs}))
            raise HarmonyParseError(f"The completion has no safe reading ({kinds}).", reading=reading)
        return reading

    # Ordinary text -----------------------------------------------------------------------------------

    def _ordinary(self, token: int) -> str:
        if self._state is _State.BODY:
            data = self._encoding.decode([token], errors="surrogateescape")
            text = self._decoder.decode(data.encode("utf-8", "surrogateescape"))
            self._open.body.append(text)
            return text
        if self._state is _State.AFTER_CALL and self._encoding.decode([token]).strip():
            self._mend(RepairKind.TEXT_AFTER_CALL)
            self._state = _State.OVER
        else:
            self._text.append(token)
        return ""

    def _take_text(self) -> str:
        text, self._text = self._encoding.decode(self._text), []
        return text

    # Structural tokens -------------------------------------------------------------------------------

    def _special(self, token: int) -> None:
        match self._state:
            case _State.HEADER:
                self._special_in_header(token)
            case _State.BODY:
                self._special_in_body(token)
            case _:
                self._special_between(token)

    def _special_in_header(self, token: int) -> None:
        if token == MESSAGE:
            self._take_part()
            self._begin_body(read_header(self._open.parts, role=self._open.role, offered=self._offered))
        elif token in (CHANNEL, CONSTRAIN):
            if token == CHANNEL and self._headless():
                self._close_header()
                self._begin_header(token)
            else:
                self._take_part()
                self._open.parts.append(HeaderPart(token, ""))
        elif token == START:
            if not self._close_header() and len(self._tokens) > 1:
                self._mend(RepairKind.DOUBLED_TOKEN)
            self._begin_header(START)
        elif token == RETURN and self._json_alone():
            self._state = _State.AFTER_RETURN
        else:
            self._close_header()
            self._state = _State.BETWEEN

    def _special_in_body(self, token: int) -> None:
        if token == CONSTRAIN:
            self._mend(RepairKind.DOUBLED_TOKEN)
        elif token == MESSAGE:
            self._mend(RepairKind.DOUBLED_TOKEN)
            if self._open.body and self._open.header.channel != HIDDEN:
                # A second body on a channel that is shown, or after arguments: nothing says it is one.
                self._close_body()
                self._open = _OpenMessage(first_token=len(self._tokens) - 1, role=self._role)
                self._begin_body(Header(repairs=[RepairKind.UNROUTED_TEXT]))
        elif token in (START, CHANNEL):
            self._mend(RepairKind.MISSING_END)
            self._close_body()
            self._begin_header(token)
        else:
            header = self._open.header
            self._close_body(token)
            if header.recipient is not None and header.role == "assistant":
                self._state = _State.AFTER_CALL
            elif token == RETURN and header.channel == "final" and self._role is not None:
                self._state = _State.AFTER_RETURN
            else:
                self._state = _State.BETWEEN

    def _special_between(self, token: int) -> None:
        if self._state is _State.AFTER_CALL and token in (CHANNEL, MESSAGE, CONSTRAIN):
            self._mend(RepairKind.TEXT_AFTER_CALL)
            self._state = _State.OVER
            return
        if self._state is _State.AFTER_RETURN:
            self._close_gap()
            self._mend(RepairKind.TEXT_AFTER_RETURN)
            self._state = _State.OVER
            return
        if self._state is _State.BETWEEN and token in (CHANNEL, MESSAGE) and self._speaker_in_gap():
            self._begin_header(START)
            self._mend(RepairKind.MISSING_START)
            self._special_in_header(token)
            return
        self._close_gap()
        if token in (START, CHANNEL):
            if token == CHANNEL:
                self._mend(RepairKind.MISSING_START)
            self._begin_header(token)
        elif token == MESSAGE:
            self._mend(RepairKind.BODY_WITHOUT_HEADER)
            self._state = _State.OVER
        else:
            self._mend(RepairKind.DOUBLED_TOKEN)

    # Headers -----------------------------------------------------------------------------------------

    def _begin_header(self, token: int) -> None:
        self._state = _State.HEADER
        self._open = _OpenMessage(first_token=len(self._tokens) - 1)
        if token == CHANNEL:
            self._open.role = "assistant"
            self._open.repaired = True
            self._open.parts.append(HeaderPart(START, ""))
        self._open.parts.append(HeaderPart(token, ""))

    def _take_part(self) -> None:
        last = self._open.parts[-1]
        self._open.parts[-1] = HeaderPart(last.marker, last.text + self._take_text())

    def _headless(self) -> bool:
        """Prose stands where the role belongs, and a real header begins now."""
        first = self._open.parts[0]
        if len(self._open.parts) > 1 or self._open.role is None:
            return False
        words = (first.text + self._encoding.decode(self._text)).split()
        header = read_header([HeaderPart(START, " ".join(words))], role=self._open.role)
        return RepairKind.UNROUTED_TEXT in header.repairs

    def _close_header(self) -> bool:
        """End a header that no ``<|message|>`` followed; tells whether it held a body all the same."""
        self._take_part()
        found = body_without_marker(self._open.parts, role=self._open.role, offered=self._offered)
        if found is None:
            header = read_header(self._open.parts, role=self._open.role, offered=self._offered)
            if header.dropped:
                self._mend(RepairKind.EXTRA_WORDS, dropped=header.dropped)
            return False
        header, body = found
        self._begin_body(header)
        self._open.body.append(body)
        self._close_body()
        return True

    def _begin_body(self, header: Header) -> None:
        for kind in header.repairs:
            self._mend(kind, dropped=header.dropped if kind is RepairKind.EXTRA_WORDS else 0)
        self._open.header = header
        self._decoder.reset()
        self._state = _State.BODY

    # Bodies ------------------------------------------------------------------------------------------

    def _close_body(self, stop: int | None = None) -> None:
        self._open.body.append(self._decoder.decode(b"", final=True))
        header = self._open.header
        role, name, recipient, channel = header.role, header.name, header.recipient, header.channel
        if (
            stop == CALL
            and header.role == "tool"
            and recipient is None
            and name is not None
            and self._may_be_called(name)
        ):
            role, recipient, name = "assistant", name, None
            self._mend(RepairKind.TOOL_IN_ROLE)
        tokens: tuple[int, ...] | None = None
        if stop is not None and not self._open.repaired:
            first = self._open.first_token
            prefix = self._prefix if first == 0 and self._tokens[0] != START else ()
            # A stop token is what ended the sampling; in a history a message ends with <|end|> or <|call|>
            # (docs/format.md, "Implementation considerations").
            tokens = (*prefix, *self._tokens[first:-1], CALL if recipient else END)
        self._messages.append(
            HarmonyMessage(
                role=role,
                channel=channel,
                recipient=recipient,
                content_type=header.content_type,
                content="".join(self._open.body),
                name=name,
                hidden=header.hidden,
                unclear=header.unclear,
                tokens=tokens,
            )
        )
        self._answered = self._answered or channel == "final"

    def _close_gap(self) -> None:
        """Text between two messages, or after the last."""
        text = self._take_text()
        if not text:
            return
        if not text.strip():
            self._mend(RepairKind.STRAY_WHITESPACE)
            return
        if self._state is _State.BETWEEN and self._bare_json(text):
            return
        self._mend(RepairKind.UNROUTED_TEXT)
        self._messages.append(HarmonyMessage(role="assistant", channel=None, content=text))

    def _speaker_in_gap(self) -> bool:
        """The text between two messages is the role part of a header: who speaks, and maybe to whom."""
        words = self._encoding.decode(self._text).split()
        return bool(words) and words[0] in ROLES and all(word.startswith("to=") for word in words[1:])

    def _json_alone(self) -> bool:
        """Read a completion that is one JSON object, without any header."""
        if self._messages or self._role is None or len(self._open.parts) > 1:
            return False
        if not self._bare_json(self._encoding.decode(self._text)):
            return False
        self._text = []
        return True

    def _bare_json(self, text: str) -> bool:
        if self._answered or not _is_json_object(text):
            return False
        self._mend(RepairKind.BARE_JSON)
        self._messages.append(HarmonyMessage(role="assistant", channel="final", content=text))
        self._answered = True
        return True

    def _stripped(self) -> bool:
        """Read a completion whose special tokens a server has taken out."""
        if self._markup or self._messages or self._role is None:
            return False
        text = "".join(
            ("<|constrain|>" if part.marker == CONSTRAIN else "") + part.text for part in self._open.parts
        ) + self._encoding.decode(self._text)
        messages = read_stripped(text, offered=self._offered)
        if not messages:
            return False
        self._mend(RepairKind.STRIPPED_MARKUP)
        self._messages.extend(messages)
        return True

    def _may_be_called(self, name: str | None) -> bool:
        return name is not None and (self._offered is None or self._offered.offers(name))

    def _mend(self, kind: RepairKind, *, dropped: int = 0) -> None:
        self._open.repaired = True
        self._repairs.append(Repair(kind, max(len(self._tokens) - 1, 0), dropped))


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
