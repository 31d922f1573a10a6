"""What vLLM 0.32 answers to the requests an engine makes (vllm/entrypoints/openai/completion/protocol.py)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes.http_server import HttpServer, Reply, Request, event, json_reply

BLOCK = 16


@dataclass
class FakeVllm(HttpServer):
    completion: Sequence[int] = (200005, 17196, 200008, 13225, 200002)
    models: Sequence[str] = ("openai/gpt-oss-20b",)
    max_model_len: int = 4096
    api_key: str | None = None
    prompt_tokens_details: bool = True
    """``--enable-prompt-tokens-details``."""
    pause: float = 0.0
    """Seconds between tokens."""
    holds: bool = True
    """Whether grammars are obeyed from the first token on; older ones let a thought run free."""
    reads_tokens: bool = True
    """Whether grammars may name tokens; only those of xgrammar may."""
    cached: list[list[int]] = field(default_factory=list[list[int]], init=False)

    async def answer(self, request: Request) -> Reply:
        if request.path == "/version":
            return json_reply({"version": "0.32.0"})
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return json_reply({"error": "Unauthorized"}, status=401)
        match request.method, request.path:
            case "GET", "/v1/models":
                return json_reply({"object": "list", "data": [self._model(name) for name in self.models]})
            case "POST", "/v1/completions":
                return self._completion(request.body)
            case _:
                return json_reply({"detail": "Not Found"}, status=404)

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "owned_by": "vllm", "max_model_len": self.max_model_len}

    def _completion(self, body: Mapping[str, Any]) -> Reply:
        prompt: list[int] = body["prompt"]
        if body["model"] not in self.models:
            return _error(404, f"The model `{body['model']}` does not exist.", "NotFoundError")
        if len(prompt) >= self.max_model_len:
            return _error(
                400,
                f"This model's maximum context length is {self.max_model_len} tokens. However, your prompt "
                f"contains {len(prompt)} input tokens.",
                "BadRequestError",
            )
        outputs: Mapping[str, Any] = body.get("structured_outputs") or {}
        if outputs and not (set(outputs) == {"grammar"} and "root ::=" in outputs["grammar"]):
            return _error(400, "Grammar error: Root rule with name 'root' is not found.", "BadRequestError")
        if outputs and "Token(" in outputs["grammar"] and not self.reads_tokens:
            return _error(400, 'Grammar error: Rule "Token" is not defined.', "BadRequestError")
        assert body["stream"], "only streams are faked"
        return Reply(self._stream(prompt, body), content_type="text/event-stream; charset=utf-8")

    async def _stream(self, prompt: list[int], body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        limit = body.get("max_tokens") or 16
        stops: list[int] = body.get("stop_token_ids") or []
        hit = max((_common_prefix(prompt, old) for old in self.cached), default=0) // BLOCK * BLOCK
        self.cached.append(prompt)
        sent = 0
        held: Mapping[str, str] = body.get("structured_outputs") or {}
        grammar = held.get("grammar", "")
        only = re.fullmatch(r"root ::= Token\((\d+)\)\n", grammar) if self.holds else None
        for token in [int(only[1])] if only else self.completion:
            await asyncio.sleep(self.pause)
            sent += 1
            finish = "stop" if token in stops else "length" if sent == limit else None
            yield event(
                {
                    "id": "cmpl-1",
                    "object": "text_completion",
                    "model": body["model"],
                    "choices": [
                        {
                            "index": 0,
                            "text": "",
                            "logprobs": None,
                            "finish_reason": finish,
                            "stop_reason": token if finish == "stop" else None,
                            "prompt_token_ids": prompt if sent == 1 else None,
                            "token_ids": [token] if body.get("return_token_ids") else None,
                        }
                    ],
                }
            )
            if finish:
                break
        if body.get("stream_options") == {"include_usage": True}:
            usage: dict[str, Any] = {"prompt_tokens": len(prompt), "completion_tokens": sent}
            if self.prompt_tokens_details:
                usage["prompt_tokens_details"] = {"cached_tokens": hit}
            yield event({"id": "cmpl-1", "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


def _error(status: int, message: str, kind: str) -> Reply:
    return json_reply({"error": {"message": message, "type": kind, "code": status}}, status=status)


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
