"""The whole assistant as a model: it searches, answers and cites."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Any, cast

from agents.items import TResponseInputItem

from ...answer import Answer, Citation, Result, StopReason
from ...run.limits import Limits
from ...run.stream import ReasoningDelta, StreamItem, TextDelta
from ...traces.events import ModelCalled, OutputRejected, Said, ToolCalled, ToolReturned
from ..metrics import Operation
from ..problems import Problem
from ..service import Service
from .asked import Asked, Outcome
from .session import GivenConversation
from .stored import Item
from .writer import Event, ResponseWriter, Status, new_id

__all__ = ["citation_annotations", "result_text", "whole_answer"]

_MARKER = re.compile(r"\[([0-9]{1,4})\]")
_EFFORTS: dict[str, Any] = {"none": "low", "minimal": "low", "xhigh": "high"}


async def whole_answer(
    service: Service, asked: Asked, writer: ResponseWriter, operation: Operation, outcome: Outcome
) -> AsyncGenerator[Event, None]:
    """Run the assistant on a conversation's last message.

    Raises:
        Problem: the last message is not the user's, or tools were given (400).
        OssifrageError: as the assistant does.
    """
    if asked.tools.tools:
        raise Problem(
            400,
            "The model `ossifrage` brings tools of its own: ask the model `gpt-oss` with yours.",
            code="unsupported_parameter",
            param="tools",
        )
    question, history = _question(asked.items)
    session = GivenConversation(history)
    assistant = await service.assistant(asked.client)
    options: dict[str, Any] = {} if asked.schema is None else {"output_type": asked.schema}
    if asked.max_tool_calls is not None:
        options["limits"] = Limits(tool_calls=asked.max_tool_calls)
    effort = _EFFORTS.get(asked.effort or "", asked.effort)
    run = assistant.run_stream(question, session=session, reasoning=effort, **options)
    telling = _Telling(asked, writer, operation)
    begun = False
    async with aclosing(run) as items:
        async for item in items:
            if not begun:
                begun = True
                for event in writer.begin():
                    yield event
            if isinstance(item, Result):
                outcome.items = cast("Sequence[Item]", session.items[len(history) + 1 :])
            for event in telling.take(item):
                yield event


def result_text(result: Result[Any]) -> str:
    """The answer as people read it, with what the sources do not cover."""
    missing = result.output.missing if isinstance(result.output, Answer) else []
    lines = [f"- {part.strip()}" for part in missing if part.strip()]
    return "\n\n".join(
        filter(None, [result.text, "\n".join(["Not covered by the sources:", *lines]) if lines else ""])
    )


def citation_annotations(text: str, citations: Sequence[Citation]) -> list[dict[str, Any]]:
    """What a text cites, where it does.

    Each marker of a verified citation has a ``file_citation``, and a ``url_citation`` with the characters
    that the marker takes where the source has an address. A verified citation without a marker has a
    ``file_citation`` at the text's end.
    """
    found: list[dict[str, Any]] = []
    marked: set[int] = set()
    for marker in _MARKER.finditer(text):
        number = int(marker[1]) - 1
        if 0 <= number < len(citations) and citations[number].verified:
            marked.add(number)
            found += _annotations_of(citations[number], marker.start(), marker.end())
    for number, citation in enumerate(citations):
        if citation.verified and number not in marked:
            found.append(_file_citation(citation, len(text)))
    return found


def _annotations_of(citation: Citation, start: int, end: int) -> list[dict[str, Any]]:
    told = [_file_citation(citation, start)]
    if citation.location:
        url = {"start_index": start, "end_index": end, "url": citation.location}
        told.append({"type": "url_citation", **url, "title": citation.title or citation.source})
    return told


def _file_citation(citation: Citation, index: int) -> dict[str, Any]:
    name = citation.title or citation.source
    return {"type": "file_citation", "file_id": citation.source, "filename": name, "index": index}


class _Telling:
    """What a run yields, told by the writer."""

    def __init__(self, asked: Asked, writer: ResponseWriter, operation: Operation) -> None:
        self._asked = asked
        self._writer = writer
        self._operation = operation
        self._message: str | None = None  # the item that is being written
        self._number = 0  # of the message it is
        self._text: list[str] = []
        self._thought: str | None = None
        self._thinking: list[str] = []
        self._searches: dict[str, str] = {}  # call id to item id

    def take(self, item: StreamItem[Any]) -> Iterator[Event]:
        """Tell of one thing that happened."""
        if not isinstance(item, ReasoningDelta):
            yield from self._end_thought()
        match item:
            case TextDelta():
                if item.message != self._number:
                    yield from self._end_message(stands=True)
                    self._message, self._number = new_id("msg"), item.message
                self._text.append(item.text)
                yield from self._writer.text(cast(str, self._message), item.text)
            case ReasoningDelta() if self._asked.thoughts:
                self._thought = self._thought or new_id("rs")
                self._thinking.append(item.text)
                yield from self._writer.thought(self._thought, item.text)
            case Said():
                yield from self._end_message(stands=True)
            case OutputRejected():
                yield from self._end_message(stands=False)
            case ToolCalled():
                yield from self._end_message(stands=True)
                if item.tool == "search":
                    self._searches[item.call_id] = identity = new_id("fs")
                    yield from self._writer.search(identity)
            case ToolReturned():
                yield from self._returned(item)
            case ModelCalled():
                self._operation.repaired(item.repairs)
            case Result():
                yield from self._end(item)
            case _:
                pass

    def _returned(self, item: ToolReturned) -> Iterator[Event]:
        identity = self._searches.get(item.call_id)
        if identity is None:
            return
        self._operation.searches += 1
        found = item.retrieved
        results = None
        if self._asked.results and found is not None:
            results = [
                {
                    "file_id": passage.source,
                    "filename": passage.title or passage.source,
                    "score": passage.score,
                    "text": "",
                    "attributes": {"start_line": passage.start_line, "end_line": passage.end_line},
                }
                for passage in found.passages
            ]
        yield from self._writer.end_search(identity, results, queries=() if found is None else found.queries)

    def _end_thought(self) -> Iterator[Event]:
        if self._thought is not None:
            yield from self._writer.end_thought(self._thought, "".join(self._thinking))
            self._thought, self._thinking = None, []

    def _end_message(self, *, stands: bool) -> Iterator[Event]:
        """A message that is not the answer has ended."""
        if self._message is not None:
            text = "".join(self._text)
            yield from self._writer.end_text(self._message, text, phase="commentary", stands=stands)
        self._message, self._text = None, []

    def _end(self, result: Result[Any]) -> Iterator[Event]:
        text = result_text(result)
        if not text.startswith("".join(self._text)):  # another answer stands than the one that was shown
            yield from self._end_message(stands=False)
        status, reason, error = _status(result)
        if text or not result.partial:
            yield from self._writer.end_text(
                self._message or new_id("msg"),
                text,
                annotations=citation_annotations(text, result.citations),
                phase="final_answer",
                complete=status == "completed",
            )
        usage = result.usage
        self._operation.used(usage.prompt_tokens, usage.completion_tokens)
        self._operation.cited(result.citations)
        told = {
            "trace_id": result.trace_id,
            "stop_reason": result.stop_reason.value,
            "citations": [citation.model_dump(mode="json") for citation in result.citations],
        }
        yield from self._writer.complete(
            status,
            usage={
                "input_tokens": usage.prompt_tokens,
                "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
                "output_tokens": usage.completion_tokens,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            },
            reason=reason,
            error=error,
            more={"ossifrage": told},
        )


def _status(result: Result[Any]) -> tuple[Status, str | None, Problem | None]:
    match result.stop_reason:
        case StopReason.ANSWERED | StopReason.NOT_FOUND:
            return "completed", None, None
        case StopReason.MAX_TOKENS:
            return "incomplete", "max_output_tokens", None
        case StopReason.ENGINE_FAILED:
            return "failed", None, Problem(502, result.error or "The engine failed.", code="engine_failed")
        case reason:
            return "incomplete", reason.value, None


def _question(items: Sequence[Item]) -> tuple[str, list[TResponseInputItem]]:
    """The last message, and what was said before it."""
    if not items or items[-1].get("role") != "user" or not str(items[-1]["content"]).strip():
        raise Problem(
            400,
            "The conversation has to end with a question of the user's.",
            code="invalid_value",
            param="input",
        )
    history = [{**item, "role": "developer"} if item.get("role") == "system" else item for item in items[:-1]]
    return str(items[-1]["content"]), cast("list[TResponseInputItem]", history)
