"""What SGLang answers, read from its source; no real one was at hand.

python/sglang/srt/entrypoints/openai: protocol.py, serving_completions.py, and sglang#30917 for the token ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakes.http_server import HttpServer, Reply, Request, event, json_reply


@dataclass
class FakeSglang(HttpServer):
    completion: Sequence[int] = (200005, 17196, 200008, 13225, 200002)
    model: str = "openai/gpt-oss-20b"
    context_length: int = 4096
    knows_token_ids: bool = True
    """sglang#30917; before it the switch is ignored."""
    reports_stop: bool = True
    """Whether the stop token is among the ids, or in ``matched_stop`` alone."""
    reports_cache: bool = True
    """``--enable-cache-report``."""
    pause: float = 0.0

    async def answer(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/v1/models":
                entry = {"id": self.model, "object": "model", "owned_by": "sglang"}
                return json_reply(
                    {"object": "list", "data": [{**entry, "max_model_len": self.context_length}]}
                )
            case "POST", "/v1/completions":
                return self._completion(request.body)
            case _:
                return json_reply({"detail": "Not Found"}, status=404)

    def _completion(self, body: Mapping[str, Any]) -> Reply:
        prompt: list[int] = body["prompt"]
        if len(prompt) >= self.context_length:
            message = (
                f"The input ({len(prompt)} tokens) is longer than the model's context length "
                f"({self.context_length} tokens)."
            )
            return json_reply({"object": "error", "message": message, "code": 400}, status=400)
        if body.get("stream"):
            return Reply(self._stream(body), content_type="text/event-stream; charset=utf-8")
        tokens = list(self.completion)[: body.get("max_tokens", 16)]
        return json_reply({"choices": [self._choice(tokens, "length", body)], "usage": {}})

    async def _stream(self, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        stops: list[int] = body.get("stop_token_ids") or []
        limit = body.get("max_tokens") or 16
        for sent, token in enumerate(self.completion, 1):
            await asyncio.sleep(self.pause)
            finish = "stop" if token in stops else "length" if sent == limit else None
            hidden = finish == "stop" and not (self.reports_stop and body.get("no_stop_trim"))
            choice = self._choice([] if hidden else [token], finish, body)
            yield event(
                {"id": "1", "choices": [{**choice, "matched_stop": token if token in stops else None}]}
            )
            if finish:
                break
        if body.get("stream_options") == {"include_usage": True}:
            details = {"cached_tokens": 64} if self.reports_cache else None
            usage = {"prompt_tokens": len(body["prompt"]), "prompt_tokens_details": details}
            yield event({"id": "1", "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    def _choice(self, tokens: list[int], finish: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "text": "x", "logprobs": None, "finish_reason": finish}
        if body.get("return_token_ids") and self.knows_token_ids:
            choice["token_ids"] = tokens
        return choice
