"""What can be read of a final message while it is being written, or where it is not what was asked for."""

from __future__ import annotations

import re
from typing import Any, Literal, cast

from pydantic_core import from_json

__all__ = ["Form", "PartialMessage"]

Form = Literal["text", "answer", "object", "array", "scalar"]
"""What a final message is to be: text, the JSON of an ``Answer``, or of another type."""

_ANSWER = re.compile(r'"answer"\s*:\s*(?=")')
_CONTROLS = {code: f"\\u{code:04x}" for code in range(32)}
_LONGEST_OPENING = 64
"""Characters in which prose has to have become JSON, once it looks like that."""
_GROWTH = 100
"""JSON is read again when it has grown by this part of its length: all readings together stay linear."""


class PartialMessage:
    """Reads a message as it comes.

    Prose is text. JSON of the form that is expected (an object; a list, where the form is one), which may
    come after prose or in a code fence, is not: of an ``Answer`` its ``answer`` is text, of other types there
    is a :attr:`value`. What follows the JSON is not read. What a scalar says is known at its end only.

    Args:
        form: what is expected.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        self._opening = "[" if form == "array" else "{"
        self._candidate = re.compile(f"[`{re.escape(self._opening)}]")
        self._held = ""
        self._read: list[str] = []
        self._json: list[str] = []
        self._size = self._read_again_at = 0
        self.answer = ""
        """Of an Answer what its ``answer`` holds so far."""
        self.is_json = False
        """The JSON has begun."""
        self.value: Any = None
        """The JSON so far, where there is some."""

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._read)

    @property
    def is_prose(self) -> bool:
        """There is no JSON, or text before it."""
        return not self.is_json or bool(self.text.removesuffix(self.answer).strip())

    @classmethod
    def of(cls, form: Form, text: str) -> PartialMessage:
        """A message that is all there, whether or not it is what it was to be."""
        message = cls(form)
        message.feed(text)
        message.finish()
        return message

    def feed(self, delta: str) -> str:
        """Take some more of the message; returns the text that it brings."""
        if self._form == "scalar":
            return ""
        if self._form == "text":
            return self._noted(delta)
        if self.is_json:
            return self._noted(self._feed_json(delta))
        prose, rest = self._split(self._held + delta)
        self._held = "" if self.is_json else rest
        read = self._noted(prose)
        return read + self._noted(self._feed_json(rest)) if self.is_json else read

    def finish(self) -> str:
        """The message has ended; returns the text that was held back."""
        held, self._held = self._held, ""
        return self._noted(held + (self._answer_more() if self._size else ""))

    def _noted(self, text: str) -> str:
        if text:
            self._read.append(text)
        return text

    def _split(self, text: str) -> tuple[str, str]:
        """Prose, and what comes after it: the JSON, or what may become it."""
        start = 0
        while found := self._candidate.search(text, start):
            start = found.start()
            opened = self._opened(text[start : start + _LONGEST_OPENING])
            if opened is None and len(text) - start < _LONGEST_OPENING:
                return text[:start], text[start:]
            if opened is not None and opened >= 0:
                self.is_json = True
                return text[:start], text[start + opened :]
            start += 1
        return text, ""

    def _opened(self, text: str) -> int | None:
        """Where the JSON begins in ``text``, maybe after a fence; -1: nowhere; None: not yet known."""
        rest = text.lstrip("`")
        if len(rest) < len(text):
            if "json".startswith(rest):
                return None
            rest = rest.removeprefix("json").lstrip()
            if not rest:
                return None
        if not rest.startswith(self._opening):
            return -1
        if self._opening == "{":
            inside = rest[1:].lstrip()
            if not inside:
                return None
            if inside[0] not in '"}':
                return -1
        return len(text) - len(rest)

    def _feed_json(self, delta: str) -> str:
        self._json.append(delta)
        self._size += len(delta)
        return self._answer_more() if self._size >= self._read_again_at else ""

    def _answer_more(self) -> str:
        """Read the JSON so far; returns what the answer has more than before."""
        json = "".join(self._json)
        self._json = [json]
        self._read_again_at = self._size + 1 + self._size // _GROWTH
        try:
            self.value = from_json(json, allow_partial="trailing-strings", cache_strings="keys")
        except ValueError:  # what was read stays; of an answer the text can be read on
            answer = _text_of_answer(json) if self._form == "answer" else None
        else:
            answer = _field("answer", self.value) if self._form == "answer" else None
        if not isinstance(answer, str) or not answer.startswith(self.answer):
            return ""
        before, self.answer = self.answer, answer
        apart = "\n\n" if not before and answer and self.text.strip() else ""
        return apart + answer[len(before) :]


def _text_of_answer(json: str) -> object:
    """What ``answer`` holds in JSON that is broken, after it or by line breaks in it."""
    found = _ANSWER.search(json)
    if found is None:
        return None
    try:
        text = json[found.end() :].translate(_CONTROLS)
        return from_json(text, allow_partial="trailing-strings", cache_strings="none")
    except ValueError:
        return None


def _field(name: str, value: object) -> object:
    return cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
