"""A question in a conversation that is kept: the turn is written down, whatever comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answer import PendingCall, Result
    from .assistant import Assistant
    from .conversations import Conversation, Turn
    from .models.writer import Effort
    from .run.steering import Steering
    from .run.stream import StreamItem

__all__ = ["converse"]

_NOTE_SECONDS = 1.0
"""How much of an answer a kill may cost."""


async def converse(
    assistant: Assistant,
    conversation: Conversation,
    question: str,
    begun: tuple[int, Turn],
    *,
    effort: Effort | None = None,
    steering: Steering | None = None,
    decide: Callable[[Sequence[PendingCall]], Awaitable[Collection[str]]] | None = None,
) -> AsyncGenerator[StreamItem, None]:
    """Answer a question as the next turn of a conversation.

    Args:
        assistant: what answers.
        conversation: where the question, what was looked up and the answer are added.
        question: what the model is asked.
        begun: the turn, as :meth:`Conversation.begin` gave it for what people see of the question.
        effort: how hard it is to think; None as it is set.
        steering: what is said meanwhile.
        decide: asked which of the calls that wait for somebody's word may be made; their ids. Without it
            such a call ends the run.

    Yields:
        What :meth:`Assistant.run_stream` yields; the result last.

    Raises:
        OssifrageError: there is no answer; the conversation says so.
    """
    from .answer import Result

    number, turn = begun
    session = conversation.session()
    noting = _Noting(conversation, number, turn)
    result: Result[Any] | None = None
    failed = "failed"
    try:
        stream = assistant.run_stream(question, session=session, reasoning=effort, steering=steering)
        while True:
            waiting: Result[Any] | None = None
            async with aclosing(stream) as items:
                async for item in items:
                    noting.heard(item)
                    if isinstance(item, Result):
                        result = item
                        if item.pending and decide is not None:
                            waiting = item
                            continue
                    yield item
            if waiting is None or decide is None or waiting.state is None:
                break
            approved = set(await decide(waiting.pending))
            refused = {call.call_id for call in waiting.pending} - approved
            stream = assistant.resume_stream(
                waiting.state, approve=approved, reject=refused, session=session, steering=steering
            )
    except (asyncio.CancelledError, GeneratorExit):
        failed = "cancelled"
        raise
    finally:
        session.close()
        known = {"stop_reason": failed} if result is None else _known(result)
        conversation.finish(number, noting.turn(**known))


def _known(result: Result[Any]) -> dict[str, Any]:
    from .answer import Answer

    return {
        "text": result.text,
        "citations": result.citations,
        "missing": tuple(result.output.missing) if isinstance(result.output, Answer) else (),
        "stop_reason": result.stop_reason.value,
        "seconds": result.seconds,
        "tokens": (result.usage.prompt_tokens, result.usage.completion_tokens),
    }


class _Noting:
    """Keeps what is known of a turn, and writes it down now and then."""

    def __init__(self, conversation: Conversation, number: int, turn: Turn) -> None:
        self._conversation = conversation
        self._number = number
        self._turn = turn
        self._text: list[str] = []
        self._message = 0
        self._said: list[str] = []
        self._trace_id = ""
        self._noted = time.monotonic()

    def heard(self, item: StreamItem) -> None:
        from .run.stream import TextDelta, TraceBegun
        from .traces import Steered

        now = time.monotonic()
        if isinstance(item, TraceBegun):
            self._trace_id = item.trace_id
        elif isinstance(item, Steered):
            self._said.append(item.text)
            self._noted = now - _NOTE_SECONDS
        elif isinstance(item, TextDelta):
            if item.message != self._message:
                self._message, self._text = item.message, []
            self._text.append(item.text)
        if now - self._noted >= _NOTE_SECONDS:
            self._noted = now
            self._conversation.note(self._number, self.turn())

    def turn(self, **known: Any) -> Turn:
        """The turn with what is known by now."""
        so_far = {"text": "".join(self._text), "said": tuple(self._said), "trace_id": self._trace_id}
        return self._turn.model_copy(update={**so_far, **known})
