"""A server of the Responses API that plays scripted outputs and remembers what it was sent.

Written from vllm/entrypoints/openai/responses/streaming_events.py and, with ``ollama``, from Ollama's
openai/responses.go, which puts reasoning into ``summary`` and ``encrypted_content``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes.chat_server import pieces
from fakes.http_server import HttpServer, Reply, Request, event, json_reply

USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "total_tokens": 15,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 2},
}


@dataclass(frozen=True)
class Output:
    """What one response says."""

    reasoning: str = ""
    calls: Sequence[tuple[str, str]] = ()
    """Names and arguments."""
    text: str = ""
    cut: bool = False
    """``max_output_tokens`` came first."""


@dataclass
class FakeResponses(HttpServer):
    outputs: list[Output | Reply] = field(default_factory=list[Output | Reply])
    ollama: bool = False

    @property
    def sent(self) -> list[Any]:
        """Bodies of the requests."""
        return [request.body for request in self.requests if request.path == "/v1/responses"]

    async def answer(self, request: Request) -> Reply:
        if request.path == "/v1/models":
            return json_reply({"object": "list", "data": [{"id": "gpt-oss:20b", "owned_by": "library"}]})
        if request.path != "/v1/responses":
            return json_reply({"error": {"message": "not found"}}, status=404)
        output = self.outputs.pop(0)
        if isinstance(output, Reply):
            return output
        assert request.body["stream"] is True
        return Reply(self._stream(output, len(self.sent)), content_type="text/event-stream")

    async def _stream(self, said: Output, number: int) -> AsyncIterator[bytes]:
        sequence = 0
        done: list[Mapping[str, Any]] = []

        def told(kind: str, **more: Any) -> bytes:
            nonlocal sequence
            sequence += 1
            payload = event({"type": f"response.{kind}", "sequence_number": sequence - 1, **more})
            return f"event: response.{kind}\n".encode() + payload

        def response(status: str) -> Mapping[str, Any]:
            return {
                **{"id": f"resp_{number}", "object": "response", "created_at": 0, "model": "gpt-oss:20b"},
                **{"status": status, "output": done, "parallel_tool_calls": False, "tool_choice": "auto"},
                **{"tools": [], "usage": None if status == "in_progress" else USAGE, "metadata": {}},
                "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            }

        yield told("created", response=response("in_progress"))
        yield told("in_progress", response=response("in_progress"))
        for item, deltas in _items(said, number, ollama=self.ollama):
            place = {"item_id": item["id"], "output_index": len(done)}
            empty = {**item, "status": "in_progress"}
            if "arguments" in item:
                empty["arguments"] = ""
            else:
                empty["content"] = []
            yield told("output_item.added", item=empty, output_index=len(done))
            for kind, text in deltas:
                for piece in pieces(text):
                    yield told(f"{kind}.delta", delta=piece, content_index=0, summary_index=0, **place)
                key = "arguments" if "arguments" in kind else "text"
                yield told(f"{kind}.done", **{key: text}, content_index=0, summary_index=0, **place)
            yield told("output_item.done", item=item, output_index=len(done))
            done.append(item)
        last = "incomplete" if said.cut else "completed"
        yield told(last, response=response(last))


Deltas = Sequence[tuple[str, str]]


def _items(said: Output, number: int, *, ollama: bool) -> list[tuple[dict[str, Any], Deltas]]:
    items: list[tuple[dict[str, Any], Deltas]] = []
    if said.reasoning and ollama:
        summary = [{"type": "summary_text", "text": said.reasoning}]
        item = {"type": "reasoning", "id": f"rs_{number}", "summary": summary}
        items.append(
            (
                {**item, "encrypted_content": said.reasoning},
                [("reasoning_summary_text", said.reasoning)],
            )
        )
    elif said.reasoning:
        thought = [{"type": "reasoning_text", "text": said.reasoning}]
        item = {"type": "reasoning", "id": f"rs_{number}", "summary": [], "content": thought}
        items.append((item, [("reasoning_text", said.reasoning)]))
    for index, (name, arguments) in enumerate(said.calls):
        call = {"type": "function_call", "id": f"fc_{number}_{index}", "call_id": f"call_{number}_{index}"}
        call |= {"name": name, "arguments": arguments, "status": "completed"}
        items.append((call, [("function_call_arguments", arguments)]))
    if said.text:
        content: list[dict[str, Any]] = [
            {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        ]
        message: dict[str, Any] = {"type": "message", "id": f"msg_{number}", "role": "assistant"}
        message["content"] = content
        status = "incomplete" if said.cut else "completed"
        items.append(({**message, "status": status}, [("output_text", said.text)]))
    return items
