"""One response as the events of OpenAI's Responses API, in their legal order, as JSON values.

Every item is announced, told and ended the same way, wherever it comes from, with every key that the schemas
of openresponses require.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..problems import Problem

__all__ = ["Event", "Phase", "ResponseWriter", "Status", "new_id"]

Event = dict[str, Any]
Status = Literal["completed", "incomplete", "failed"]
Phase = Literal["commentary", "final_answer"]
Shown = Literal["summary", "content"]


def new_id(prefix: str) -> str:
    """A new id of an item or a response."""
    return f"{prefix}_{uuid.uuid4().hex}"


@dataclass
class _Open:
    """An item that is being told."""

    index: int
    parts: list[str] = field(default_factory=list[str])


class ResponseWriter:
    """Writes one response.

    Args:
        told: what the response says of its request, with ``model``.
        thoughts: where the text of a thought is given: nowhere, unless it was asked for.
    """

    def __init__(self, told: Mapping[str, Any], *, thoughts: frozenset[Shown] = frozenset()) -> None:
        self.response_id = new_id("resp")
        self._thoughts = thoughts
        self._sequence = 0
        self._output: list[dict[str, Any]] = []
        self._open: dict[str, _Open] = {}
        self._told = dict(told)
        self._created = int(time.time())

    @property
    def output(self) -> Sequence[dict[str, Any]]:
        """The items so far."""
        return self._output

    def begin(self) -> Iterator[Event]:
        """The events before the first item."""
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self._snapshot("in_progress"))

    def text(self, item_id: str, delta: str, *, phase: Phase | None = None) -> Iterator[Event]:
        """More text of a message; the first opens it."""
        if item_id not in self._open:
            yield from self._open_message(item_id, phase)
        opened = self._open[item_id]
        if delta:
            opened.parts.append(delta)
            yield self._of(item_id, "response.output_text.delta", content_index=0, delta=delta, logprobs=[])

    def end_text(
        self,
        item_id: str,
        text: str,
        *,
        annotations: Sequence[Mapping[str, Any]] = (),
        phase: Phase | None = None,
        complete: bool = True,
        stands: bool = True,
    ) -> Iterator[Event]:
        """The end of a message.

        Args:
            item_id: the message's.
            text: the whole of it; what was not told yet is told now.
            annotations: what cites in it.
            phase: whether it is the answer.
            complete: whether it was not cut off.
            stands: whether it counts; one that does not is empty in the response.
        """
        if item_id not in self._open:
            yield from self._open_message(item_id, phase)
        opened = self._open[item_id]
        sent = "".join(opened.parts)
        if text.startswith(sent):
            yield from self.text(item_id, text[len(sent) :])
        else:
            text = sent
        for number, annotation in enumerate(annotations):
            yield self._of(
                item_id,
                "response.output_text.annotation.added",
                content_index=0,
                annotation_index=number,
                annotation=dict(annotation),
            )
        part = _text_part(text, annotations)
        yield self._of(item_id, "response.output_text.done", content_index=0, text=text, logprobs=[])
        yield self._of(item_id, "response.content_part.done", content_index=0, part=part)
        item = self._output[opened.index]
        item["status"] = "completed" if complete and stands else "incomplete"
        item["content"] = [part] if stands else []
        if phase is not None:
            item["phase"] = phase
        yield self._done(item_id)

    def thought(self, item_id: str, delta: str = "") -> Iterator[Event]:
        """More of a thought; its text only where it was asked for."""
        if item_id not in self._open:
            yield from self._add({"id": item_id, "type": "reasoning", "summary": []})
            if "summary" in self._thoughts:
                yield self._of(
                    item_id,
                    "response.reasoning_summary_part.added",
                    summary_index=0,
                    part={"type": "summary_text", "text": ""},
                )
            if "content" in self._thoughts:
                yield self._of(
                    item_id,
                    "response.content_part.added",
                    content_index=0,
                    part={"type": "reasoning_text", "text": ""},
                )
        if not delta:
            return
        self._open[item_id].parts.append(delta)
        if "summary" in self._thoughts:
            yield self._of(item_id, "response.reasoning_summary_text.delta", summary_index=0, delta=delta)
        if "content" in self._thoughts:
            yield self._of(item_id, "response.reasoning_text.delta", content_index=0, delta=delta)

    def end_thought(self, item_id: str, text: str, *, sealed: str | None = None) -> Iterator[Event]:
        """The end of a thought; ``sealed`` is what the client keeps of it."""
        sent = "".join(self._open[item_id].parts) if item_id in self._open else ""
        yield from self.thought(item_id, text[len(sent) :] if text.startswith(sent) else "")
        item = self._output[self._open[item_id].index]
        if "summary" in self._thoughts:
            part = {"type": "summary_text", "text": text}
            yield self._of(item_id, "response.reasoning_summary_text.done", summary_index=0, text=text)
            yield self._of(item_id, "response.reasoning_summary_part.done", summary_index=0, part=part)
            item["summary"] = [part]
        if "content" in self._thoughts:
            part = {"type": "reasoning_text", "text": text}
            yield self._of(item_id, "response.reasoning_text.done", content_index=0, text=text)
            yield self._of(item_id, "response.content_part.done", content_index=0, part=part)
            item["content"] = [part]
        if sealed is not None:
            item["encrypted_content"] = sealed
        yield self._done(item_id)

    def call(self, call: Mapping[str, Any]) -> Iterator[Event]:
        """A call of a tool of the client's, as :meth:`~.tools.ClientTools.wire` gives it."""
        custom = call["type"] == "custom_tool_call"
        key = "input" if custom else "arguments"
        kind = "custom_tool_call_input" if custom else "function_call_arguments"
        item_id, text = call["id"], call[key]
        yield from self._add({**call, key: "", "status": "in_progress"})
        yield self._of(item_id, f"response.{kind}.delta", delta=text)
        yield self._of(item_id, f"response.{kind}.done", **{key: text})
        self._output[self._open[item_id].index] |= {key: text, "status": "completed"}
        yield self._done(item_id)

    def search(self, item_id: str) -> Iterator[Event]:
        """A search of the assistant's begins."""
        item = {"id": item_id, "type": "file_search_call", "status": "in_progress"}
        yield from self._add({**item, "queries": [], "results": None})
        yield self._of(item_id, "response.file_search_call.in_progress")
        yield self._of(item_id, "response.file_search_call.searching")

    def end_search(
        self, item_id: str, results: Sequence[Mapping[str, Any]] | None, *, queries: Sequence[str]
    ) -> Iterator[Event]:
        """A search has ended: what it asked for, and what it found, where that is wanted."""
        if item_id not in self._open:
            return
        self._output[self._open[item_id].index] |= {
            "status": "completed",
            "queries": list(queries),
            "results": None if results is None else [dict(each) for each in results],
        }
        yield self._of(item_id, "response.file_search_call.completed")
        yield self._done(item_id)

    def withdraw(self, item_id: str) -> None:
        """Mark an item as one that is not gone on from."""
        for item in self._output:
            if item["id"] == item_id:
                item["status"] = "incomplete"

    def complete(
        self,
        status: Status,
        *,
        usage: Mapping[str, Any] | None,
        reason: str | None = None,
        error: Problem | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Iterator[Event]:
        """The last event, after the end of what was still open.

        Args:
            status: how it ended.
            usage: tokens.
            reason: why it is incomplete.
            error: why it failed.
            more: further keys of the response.
        """
        for item_id, opened in list(self._open.items()):
            text = "".join(opened.parts)
            item = self._output[opened.index]
            if item["type"] == "message":
                yield from self.end_text(item_id, text, complete=False)
            elif item["type"] == "reasoning":
                yield from self.end_thought(item_id, text)
            else:
                item["status"] = "incomplete"
                yield self._done(item_id)
        response = self._snapshot(status)
        response["usage"] = None if usage is None else dict(usage)
        if status == "incomplete":
            response["incomplete_details"] = {"reason": reason or "max_output_tokens"}
        if error is not None:
            response["error"] = {"code": error.code or "server_error", "message": error.message}
        if status == "completed":
            response["completed_at"] = int(time.time())
        yield self._event(f"response.{status}", response={**response, **(more or {})})

    def _open_message(self, item_id: str, phase: Phase | None) -> Iterator[Event]:
        item: dict[str, Any] = {
            "id": item_id,
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        if phase is not None:
            item["phase"] = phase
        yield from self._add(item)
        yield self._of(item_id, "response.content_part.added", content_index=0, part=_text_part("", ()))

    def _add(self, item: dict[str, Any]) -> Iterator[Event]:
        self._open[item["id"]] = _Open(len(self._output))
        self._output.append(item)
        yield self._event("response.output_item.added", output_index=len(self._output) - 1, item=dict(item))

    def _done(self, item_id: str) -> Event:
        opened = self._open.pop(item_id)
        item = dict(self._output[opened.index])
        return self._event("response.output_item.done", output_index=opened.index, item=item)

    def _of(self, item_id: str, kind: str, **values: Any) -> Event:
        return self._event(kind, item_id=item_id, output_index=self._open[item_id].index, **values)

    def _event(self, kind: str, **values: Any) -> Event:
        self._sequence += 1
        return {"type": kind, "sequence_number": self._sequence - 1, **values}

    def _snapshot(self, status: str) -> dict[str, Any]:
        return {
            "id": self.response_id,
            "object": "response",
            "created_at": self._created,
            "completed_at": None,
            "status": status,
            "incomplete_details": None,
            "error": None,
            "output": [dict(item) for item in self._output],
            "usage": None,
            **self._told,
        }


def _text_part(text: str, annotations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "type": "output_text",
        "text": text,
        "annotations": [dict(annotation) for annotation in annotations],
        "logprobs": [],
    }
