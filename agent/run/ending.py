"""What a run comes to: an answer, as much of one as there is, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from ... import OssifrageError
from ...tools.pages import PageStack
from ..answer import RejectedOutput, StopReason
from ..errors import EngineResponseError, InvalidOutputError
from .draft import Draft, cut_off, in_prose, readable, whole
from .partial import Form, PartialMessage
from .sample import Sample
from .stream import StreamItem

__all__ = ["Ending"]

_logger = logging.getLogger(__name__)


class Ending:
    """Judges final messages, and keeps the best of what came.

    Args:
        form: what a final message is to be.
        pages: what the model has seen.
        trace_id: gives the trace's id, for messages.
    """

    def __init__(self, form: Form, pages: PageStack, trace_id: str) -> None:
        self.form: Form = form
        self.stop_reason = StopReason.ANSWERED
        self.error: str | None = None
        self.draft: Draft | None = None
        self.fallback: Draft | None = None
        """What can be read of an answer that was rejected."""
        self._pages = pages
        self._trace_id = trace_id
        self._asked_for_form = False  # after prose

    def judged(self, sample: Sample, *, limit: StopReason | None = None) -> RejectedOutput | None:
        """Take the final message for the answer, whole or cut off; what is wrong with it where it is none.

        Args:
            sample: where it was written.
            limit: what cut it short, if it is cut short; None for the limit on one completion.

        Raises:
            EngineResponseError: it is empty.
        """
        output: Any = sample.result.final_output
        whole_output = sample.text.strip() and self.form != "text" and not isinstance(output, RejectedOutput)
        if sample.incomplete and not whole_output:
            self.draft = self.fallback
            if self.draft is None:
                self.limited(limit or StopReason.MAX_TOKENS)
                self.draft = self._cut_off(sample, PartialMessage.of(self.form, sample.text))
            return None
        if not sample.text.strip():
            raise EngineResponseError(
                f"The model gave no answer: ask again, or see `ossifrage traces show {self._trace_id}`."
            )
        if not isinstance(output, RejectedOutput):
            self.draft = whole(sample, output, self._pages)
            return None
        if self.form == "answer":
            text, prose = readable(sample.text)
            if text.strip():
                self.fallback = in_prose(sample, text, self._pages)
                if prose and self._asked_for_form:
                    self.draft = self.fallback
                    return None
            self._asked_for_form = self._asked_for_form or prose
        return output

    def limited(self, reason: StopReason) -> None:
        """A limit ends the run; of several the first counts."""
        if self.stop_reason is StopReason.ANSWERED:
            self.stop_reason = reason

    def saved(self, error: OssifrageError, sample: Sample) -> Sequence[StreamItem] | None:
        """Let what there is stand for the answer, though the run failed; None where there is nothing."""
        if self.fallback is not None:
            _logger.info("trace %s: the rejected answer stands: %s", self._trace_id, error)
            self.draft = self.fallback
            return ()
        message = None if isinstance(error, InvalidOutputError) else sample.answer_so_far
        if message is None:
            return None
        shown = list(message.finish())
        self.stop_reason, self.error = StopReason.ENGINE_FAILED, str(error)
        self.draft = self._cut_off(sample, message.partial)
        return shown

    def interrupted(self, sample: Sample, reason: StopReason) -> Sequence[StreamItem]:
        """Let what came so far stand for the answer."""
        message = sample.answer_so_far
        shown = list(message.finish()) if message else []
        self.stop_reason = reason
        self.draft = self._cut_off(sample, message.partial) if message else self.fallback
        return shown

    def _cut_off(self, sample: Sample, partial: PartialMessage) -> Draft | None:
        if not partial.text.strip() and partial.value is None:
            return None
        return cut_off(sample, partial, self.form, self._pages)
