"""vLLM: token ids through ``/v1/completions``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal

import httpx

from ..errors import EngineResponseError
from .engine import STOP_TOKENS, Chunk, Constraint, FinishReason, Sampling
from .http import Payload, open_client, post_events, read_as, served_model

__all__ = ["VllmEngine"]

_PATH = "/v1/completions"


class _Choice(Payload):
    token_ids: list[int] | None = None
    finish_reason: Literal["stop", "length", "abort", "error", "repetition"] | None = None


class _PromptDetails(Payload):
    cached_tokens: int | None = None


class _Usage(Payload):
    prompt_tokens_details: _PromptDetails | None = None


class _Event(Payload):
    """One event of the stream (vllm/entrypoints/openai/completion/protocol.py)."""

    choices: list[_Choice]
    usage: _Usage | None = None


class VllmEngine:
    """A vLLM server. Open it with :meth:`open`."""

    name: str = "vllm"
    constraint: Constraint = "xgrammar"

    def __init__(self, client: httpx.AsyncClient, *, model: str, context_window: int) -> None:
        self._client = client
        self._model = model
        self._context_window = context_window

    @classmethod
    async def open(cls, *, base_url: str, api_key: str | None = None, model: str | None = None) -> VllmEngine:
        """Ask the server what it serves.

        Args:
            base_url: the server's address, with or without ``/v1``.
            api_key: sent as a bearer token.
            model: one of the names the server serves; the first one unless given.

        Raises:
            EngineError: not reachable, refused, or no vLLM.
            UsageError: ``base_url`` is no address.
        """
        client = open_client(base_url, api_key=api_key)
        try:
            entry = await served_model(client, model)
            if entry.max_model_len is None:
                raise EngineResponseError(
                    f"{base_url} does not say how long a context {entry.id} has, so it is not vLLM: "
                    "pass another --engine."
                )
        except BaseException:
            await client.aclose()
            raise
        return cls(client, model=entry.id, context_window=entry.max_model_len)

    @property
    def model(self) -> str:
        """The model's name as the server gives it."""
        return self._model

    @property
    def context_window(self) -> int:
        """Most tokens of prompt and completion together (``--max-model-len``)."""
        return self._context_window

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """Stream the completion; see :class:`~.engine.Engine`.

        vLLM reports the stop token among the tokens. It says how much of the prompt was cached only when it
        was started with ``--enable-prompt-tokens-details``.
        """
        finish_reason: FinishReason | None = None
        cached_tokens: int | None = None
        async with post_events(self._client, _PATH, self._request(prompt, sampling)) as events:
            async for payload in events:
                event = read_as(_Event, payload, self._client, _PATH)
                if event.usage and event.usage.prompt_tokens_details:
                    cached_tokens = event.usage.prompt_tokens_details.cached_tokens
                for choice in event.choices:
                    if choice.token_ids is None:
                        raise EngineResponseError(
                            "The server sends no token ids: update vLLM, or pass --engine chat."
                        )
                    if choice.token_ids:
                        yield Chunk(tokens=choice.token_ids)
                    if choice.finish_reason in ("stop", "length"):
                        finish_reason = choice.finish_reason
                    elif choice.finish_reason is not None:
                        raise EngineResponseError(
                            f"vLLM broke its answer off ({choice.finish_reason}): ask again."
                        )
        if finish_reason is None:
            raise EngineResponseError("vLLM broke its answer off: ask again.")
        yield Chunk(finish_reason=finish_reason, cached_tokens=cached_tokens)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _request(self, prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._model,
            "prompt": list(prompt),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # The model's generation_config.json would otherwise fill these in.
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": sampling.seed,
            "stop_token_ids": STOP_TOKENS,
            "skip_special_tokens": False,
            "return_token_ids": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if sampling.grammar is not None:
            request["structured_outputs"] = {"grammar": sampling.grammar}
        return request
