"""A message as people see it grow."""

from __future__ import annotations

from collections.abc import Iterator

from ...tools.pages import PageStack
from .citations import LONGEST_MARKER, UNSURE, Numbering
from .partial import Form, PartialMessage
from .stream import PartialOutput, TextDelta

__all__ = ["ShownMessage"]


class ShownMessage:
    """Turns the text of a message, as it comes, into what is shown of it.

    Args:
        form: what the message is to be.
        number: which message of the run it is.
        pages: what the model has seen; None leaves citation markers as they are.
    """

    def __init__(self, form: Form, *, number: int, pages: PageStack | None) -> None:
        self._form = form
        self._message = number
        self._numbering = self._prose_numbering = None
        if pages is not None:
            self._numbering = Numbering(pages)
            self._prose_numbering = Numbering(pages, verified_only=form == "answer")
        self._held = ""
        self.characters = 0
        """How much of the message was taken."""
        self.partial = PartialMessage(form)

    def feed(self, delta: str) -> Iterator[TextDelta | PartialOutput]:
        """Take some more of the message."""
        self.characters += len(delta)
        before = self.partial.value
        yield from self._shown(self.partial.feed(delta), before)

    def finish(self) -> Iterator[TextDelta | PartialOutput]:
        """The message has ended; shows what was held back."""
        before = self.partial.value
        yield from self._shown(self.partial.finish(), before, held=True)

    def _shown(self, text: str, before: object, *, held: bool = False) -> Iterator[TextDelta | PartialOutput]:
        numbering = self._in_use
        known = 0 if numbering is None else len(numbering.citations)
        if shown := self._numbered(text, numbering, held=held):
            cited = () if numbering is None else tuple(numbering.citations[known:])
            yield TextDelta(shown, self._message, cited)
        value = self.partial.value
        if self._form in ("object", "array") and value is not before and value != before:
            yield PartialOutput(value, self._message)

    @property
    def _in_use(self) -> Numbering | None:
        prose = self._form != "text" and not self.partial.is_json
        return self._prose_numbering if prose else self._numbering

    def _numbered(self, text: str, numbering: Numbering | None, *, held: bool) -> str:
        if numbering is None:
            return text
        text = self._held + text
        start = text.rfind("【")
        if start < 0 or "】" in text[start:]:
            unsure = UNSURE.search(text, max(0, len(text) - LONGEST_MARKER))
            start = unsure.start() if unsure and self._form == "answer" else len(text)
        if held or len(text) - start >= LONGEST_MARKER:
            start = len(text)
        self._held = text[start:]
        return numbering.answer(text[:start]) if self._form == "answer" else numbering.numbered(text[:start])
