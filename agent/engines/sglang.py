"""SGLang: token ids through ``/v1/completions``, for servers that give them (since sglang#30917)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import httpx

from ..errors import EngineError, EngineResponseError
from .engine import STOP_TOKENS, Chunk, Constraint, FinishReason, Sampling
from .http import Payload, get_json, open_client, post_events, read_as, served_model

__all__ = ["SglangEngine", "gives_token_ids"]

_PATH = "/v1/completions"
_START = 200006
_FINISH: Mapping[str, FinishReason] = {"stop": "stop", "length": "length"}


class _Choice(Payload):
    token_ids: list[int] | None = None
    finish_reason: str | None = None
    matched_stop: int | str | None = None


class _PromptDetails(Payload):
    cached_tokens: int | None = None


class _Usage(Payload):
    prompt_tokens_details: _PromptDetails | None = None


class _Event(Payload):
    """An answer, or one event of it (python/sglang/srt/entrypoints/openai/protocol.py)."""

    choices: list[_Choice]
    usage: _Usage | None = None


async def gives_token_ids(client: httpx.AsyncClient, model: str) -> bool:
    """Whether the server takes a prompt of token ids and answers in token ids; generates one token.

    Servers that do not know the switch ignore it and send text.
    """
    body = {"model": model, "prompt": [_START], "max_tokens": 1, "return_token_ids": True}
    try:
        answer = read_as(_Event, await get_json(client, _PATH, body=body), client, _PATH)
    except EngineError:
        return False
    return any(choice.token_ids for choice in answer.choices)


class SglangEngine:
    """An SGLang server. Open it with :meth:`open`."""

    name: str = "sglang"
    constraint: Constraint = "none"

    def __init__(self, client: httpx.AsyncClient, *, model: str, context_window: int) -> None:
        self._client = client
        self._model = model
        self._context_window = context_window

    @classmethod
    async def open(
        cls, *, base_url: str, api_key: str | None = None, model: str | None = None
    ) -> SglangEngine:
        """Ask the server what it serves, and whether it gives token ids.

        Args:
            base_url: the server's address, with or without ``/v1``.
            api_key: sent as a bearer token.
            model: one of the names the server serves; the first one unless given.

        Raises:
            EngineError: not reachable, refused, no SGLang, or one without token ids.
            UsageError: ``base_url`` is no address.
        """
        client = open_client(base_url, api_key=api_key)
        try:
            entry = await served_model(client, model)
            if entry.owned_by != "sglang" or entry.max_model_len is None:
                raise EngineResponseError(f"{base_url} is not SGLang: pass another --engine.")
            if not await gives_token_ids(client, entry.id):
                raise EngineResponseError(
                    f"{base_url} sends no token ids: update SGLang, or pass --engine chat."
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
        """Most tokens of prompt and completion together (``--context-length``)."""
        return self._context_window

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """Stream the completion; see :class:`~.engine.Engine`.

        A stop token that is missing among the tokens is taken from ``matched_stop``. SGLang says how much of
        the prompt was cached only when it was started with ``--enable-cache-report``.
        """
        finish_reason: FinishReason | None = None
        cached_tokens: int | None = None
        last: int | None = None
        async with post_events(self._client, _PATH, self._request(prompt, sampling)) as events:
            async for payload in events:
                event = read_as(_Event, payload, self._client, _PATH)
                if event.usage and event.usage.prompt_tokens_details:
                    cached_tokens = event.usage.prompt_tokens_details.cached_tokens
                for choice in event.choices:
                    tokens = _tokens(choice, last)
                    if tokens:
                        last = tokens[-1]
                        yield Chunk(tokens=tokens)
                    if choice.finish_reason is not None:
                        finish_reason = _finish(choice.finish_reason)
        if finish_reason is None:
            raise EngineResponseError("SGLang broke its answer off: ask again.")
        yield Chunk(finish_reason=finish_reason, cached_tokens=cached_tokens)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _request(self, prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
        return {
            "model": self._model,
            "prompt": list(prompt),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # The model's generation_config.json would otherwise fill these in.
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": sampling.seed,
            "stop_token_ids": STOP_TOKENS,
            "skip_special_tokens": False,
            "no_stop_trim": True,
            "return_token_ids": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


def _tokens(choice: _Choice, last: int | None) -> list[int]:
    """The tokens of a piece; ``last`` is the one before them."""
    if choice.token_ids is None:
        if choice.finish_reason is None:
            raise EngineResponseError("The server sends no token ids: update SGLang, or pass --engine chat.")
        tokens: list[int] = []
    else:
        tokens = choice.token_ids
    stop = choice.matched_stop
    if isinstance(stop, int) and (tokens[-1] if tokens else last) != stop:
        return [*tokens, stop]
    return tokens


def _finish(reason: str) -> FinishReason:
    if reason not in _FINISH:
        raise EngineResponseError(f"SGLang broke its answer off ({reason}): ask again.")
    return _FINISH[reason]
