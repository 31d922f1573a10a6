"""A server of gpt-oss with a chat endpoint and token ids, that can misbehave in the ways real ones do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes.http_server import HttpServer, Reply, Request, event, json_reply
from ossifrage.agent.harmony import load_encoding

RETURN = 200002
REASONING = "17 hens lay 85 eggs."


@dataclass
class FakeGptOss(HttpServer):
    owner: str = "vllm"
    model: str = "openai/gpt-oss-20b"
    context: int | None = 131_072
    faults: set[str] = field(default_factory=set[str])
    """What goes wrong:

    ``reasoning dropped``, ``reasoning ignored`` (when it is sent back), ``effort ignored``, ``leak``,
    ``call leak``, ``call arguments``, ``parse error``, ``free text``, ``schema forbids reasoning``,
    ``schema breaks tools``, ``one piece``, ``text prompts``, ``text only``, ``16 tokens``, ``stop trimmed``,
    ``no usage``.
    """
    field_name: str = "reasoning"

    async def answer(self, request: Request) -> Reply:
        match request.path:
            case "/v1/models":
                entry: dict[str, Any] = {"id": self.model, "owned_by": self.owner}
                if self.context is not None:
                    entry["max_model_len"] = self.context
                return json_reply({"data": [entry]})
            case "/v1/completions" if "text prompts" not in self.faults:
                return self._completion(request.body)
            case "/v1/completions":
                return json_reply({"error": {"message": "prompt must be a string"}}, status=400)
            case "/v1/chat/completions":
                return self._chat(request.body)
            case "/tokenize":
                return json_reply({"tokens": [200006, 200008] if self.model == "mine" else [1, 2, 3]})
            case _:
                return json_reply({"detail": "Not Found"}, status=404)

    def _completion(self, body: Mapping[str, Any]) -> Reply:
        bias = {int(token) for token in body.get("logit_bias", {})}
        count = 16 if "16 tokens" in self.faults else body["max_tokens"]
        tokens = [*bias] if bias else [1000 + number for number in range(count)]
        if bias and "stop trimmed" in self.faults:
            tokens = []
        finish = "stop" if bias else "length"
        sends_ids = body.get("return_token_ids") and "text only" not in self.faults
        if body.get("stream"):
            pieces = [tokens] if "one piece" in self.faults else [[token] for token in tokens]
            return _stream({"choices": [{"token_ids": piece}]} for piece in pieces)
        choice = {"text": "", "token_ids": tokens if sends_ids else None, "finish_reason": finish}
        usage = {"prompt_tokens": len(body["prompt"]), "completion_tokens": len(tokens)}
        return json_reply({"choices": [choice], "usage": usage})

    def _chat(self, body: Mapping[str, Any]) -> Reply:
        if "parse error" in self.faults:
            message = "The model produced output that does not match the expected peg-native format"
            return json_reply({"error": {"message": message, "code": 500}}, status=500)
        message = self._message(body)
        if body.get("stream"):
            words = ["17 hens", "lay 85", "eggs"]
            pieces = [" ".join(words)] if "one piece" in self.faults else words
            return _stream({"choices": [{"delta": {"content": piece}}]} for piece in pieces)
        payload: dict[str, Any] = {"choices": [{"message": message, "finish_reason": "stop"}]}
        if "no usage" not in self.faults:
            payload["usage"] = {"prompt_tokens": len(self._prompt(body).split())}
        if body.get("return_token_ids"):
            place = payload["choices"][0] if self.owner == "sglang" else payload
            place["prompt_token_ids"] = load_encoding().encode(self._prompt(body))
        return json_reply(payload)

    def _prompt(self, body: Mapping[str, Any]) -> str:
        effort = "medium" if "effort ignored" in self.faults else _effort(body)
        kept: list[Mapping[str, Any]] = body["messages"]
        if "reasoning ignored" in self.faults:
            kept = [{key: message[key] for key in message if key != self.field_name} for message in kept]
        return f"Reasoning: {effort} {json.dumps(kept)}"

    def _message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "14"}
        if "reasoning dropped" not in self.faults:
            again = 3 if _effort(body) == "high" and "effort ignored" not in self.faults else 1
            message[self.field_name] = REASONING * again
        if "leak" in self.faults:
            message["content"] = f"analysis{REASONING}assistantfinal14"
        if "response_format" in body:
            message["content"] = "Fourteen boxes." if "free text" in self.faults else '{"boxes": 14}'
            if "schema forbids reasoning" in self.faults:
                del message[self.field_name]
        if "tools" in body and not ("response_format" in body and "schema breaks tools" in self.faults):
            message |= self._call()
        return message

    def _call(self) -> dict[str, Any]:
        if "call leak" in self.faults:
            return {"content": 'commentary to=functions.search json{"queries": ["ossifrage"]}'}
        arguments: Any = '{"queries": ["ossifrage"]}'
        if "call arguments" in self.faults:
            arguments = '{"queries": ["ossifrage"'
        function = {"name": "search", "arguments": arguments}
        return {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}


def _effort(body: Mapping[str, Any]) -> str:
    reasoning: Mapping[str, str] = body.get("reasoning") or {}
    return body.get("reasoning_effort") or reasoning.get("effort") or "medium"


def _stream(payloads: Any) -> Reply:
    async def chunks(payloads: Sequence[object]) -> AsyncIterator[bytes]:
        for payload in payloads:
            yield event(payload)
        yield b"data: [DONE]\n\n"

    return Reply(chunks(list(payloads)), content_type="text/event-stream")
