"""llama.cpp's server: token ids through ``/completion``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Literal, Self

from ..errors import EngineResponseError
from ..harmony.vocabulary import FIRST_SPECIAL
from .client import Client, open_client
from .engine import Chunk, Constraint, Counted, FinishReason, Sampling
from .failures import field_of
from .http import Context, Count, Payload, Tokens, get_json, post_events, read_as
from .listing import served_model
from .patience import FIRST_SECONDS, IDLE_SECONDS, Sign

__all__ = ["LlamaServerEngine"]

_PATH = "/completion"
_FINISH: dict[str, FinishReason] = {"eos": "stop", "word": "stop", "limit": "length"}


class _GenerationSettings(Payload):
    n_ctx: Context


class _Properties(Payload):
    default_generation_settings: _GenerationSettings


class _Timings(Payload):
    cache_n: Count = None


class _Event(Payload):
    """One event of the stream (llama.cpp, tools/server/README.md, ``POST /completion``)."""

    tokens: Tokens
    content: str = ""
    tokens_predicted: int = 0
    stop: bool
    stop_type: Literal["none", "eos", "limit", "word"] = "none"
    timings: _Timings | None = None
    prompt_progress: object = None
    """Set while the prompt is read; the token beside it is none."""


class _Tokens(Payload):
    tokens: Tokens


class LlamaServerEngine:
    """A llama.cpp server. Open it with :meth:`open`."""

    name: str = "llama-server"
    constraint: Constraint = "turn"
    first_seconds: float = FIRST_SECONDS
    """Longest wait for progress before the first token."""
    idle_seconds: float = IDLE_SECONDS
    """Longest wait for a token after it."""

    def __init__(self, client: Client, *, model: str, context_window: int) -> None:
        self._client = client
        self._model = model
        self._context_window = context_window

    @classmethod
    async def open(cls, *, base_url: str, api_key: str | None = None, model: str | None = None) -> Self:
        """Ask the server what it serves.

        Args:
            base_url: the server's address, with or without ``/v1``.
            api_key: sent as a bearer token.
            model: the name the server gives its model; checked, when given.

        Raises:
            EngineError: not reachable, still loading, refused, or no llama.cpp.
            UsageError: ``base_url`` is no address.
        """
        client = open_client(base_url, api_key=api_key)
        try:
            entry = await served_model(client, model)
            properties = read_as(_Properties, await get_json(client, "/props"), client, "/props")
        except BaseException:
            await client.aclose()
            raise
        window = properties.default_generation_settings.n_ctx
        return cls(client, model=entry.id, context_window=window)

    @property
    def model(self) -> str:
        """The model's name as the server gives it: its alias, or its file."""
        return self._model

    @property
    def context_window(self) -> int:
        """Most tokens of prompt and completion together: the context of one slot."""
        return self._context_window

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """Stream the completion; see :class:`~.engine.Engine`.

        llama.cpp reports the stop token among the tokens: any of its end-of-generation tokens, which for
        gpt-oss are ``<|return|>``, ``<|call|>`` and ``<|endoftext|>``. After a grammar it is whichever of
        them is likeliest, and says nothing of what came before it. While it reads a prompt it reports how far
        it is, batch by batch, so that a slot that hangs is told from a long prompt.
        """
        counted = Counted(self._client.address, sampling.max_tokens)
        last: _Event | None = None
        told = 0
        async with post_events(
            self._client,
            _PATH,
            self._request(prompt, sampling),
            sign=_signs(self._context_window),
            first_seconds=self.first_seconds,
            idle_seconds=self.idle_seconds,
        ) as events:
            async for payload in events:
                event = read_as(_Event, payload, self._client, _PATH)
                if event.prompt_progress is not None:
                    continue
                if event.stop:
                    last = event
                    break
                tokens: Sequence[int] = event.tokens
                if event.tokens_predicted > told + len(tokens):
                    tokens = await self._completed(event)
                if counted.add(tokens):
                    yield Chunk(tokens=tokens)
                told = event.tokens_predicted
        if last is None or last.stop_type not in _FINISH:
            raise EngineResponseError("llama.cpp broke its answer off: ask again.")
        yield Chunk(
            finish_reason=_FINISH[last.stop_type], cached_tokens=last.timings and last.timings.cache_n
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _completed(self, event: _Event) -> list[int]:
        """The tokens of an event that leaves some out.

        A stream holds text back while it ends inside a character, and then reports the last token alone
        (``process_token`` in tools/server). The held text is there in full, so its tokens are asked for.
        """
        if event.tokens and event.tokens[-1] >= FIRST_SPECIAL:
            return event.tokens  # what was held is a broken character
        body = {"content": event.content, "add_special": False, "parse_special": False}
        answer = await get_json(self._client, "/tokenize", body=body)
        return read_as(_Tokens, answer, self._client, "/tokenize").tokens or event.tokens

    def _request(self, prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
        request: dict[str, Any] = {
            "prompt": list(prompt),
            "n_predict": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # Only these two: the server's own defaults (top_k 40, min_p 0.05, what its command line says)
            # would bend the distribution gpt-oss was trained to be sampled from.
            "samplers": ["temperature", "top_p"],
            "mirostat": 0,
            "cache_prompt": True,
            "return_tokens": True,
            "return_progress": True,
            "stream": True,
            # The last event would otherwise repeat the whole prompt as text.
            "response_fields": ["tokens", "tokens_predicted", "stop", "stop_type", "timings"],
        }
        if sampling.seed is not None:
            request["seed"] = sampling.seed
        if sampling.grammar is not None:
            request["grammar"] = sampling.grammar
        return request


def _signs(context_window: int) -> Callable[[Mapping[str, Any]], Sign]:
    """What each event shows: reading the prompt counts as long as it gets further."""
    read = -1

    def sign(event: Mapping[str, Any]) -> Sign:
        nonlocal read
        progress = event.get("prompt_progress")
        if progress is None:
            return "text" if event.get("tokens") or event.get("stop") else "nothing"
        processed = field_of(progress, "processed")
        if not isinstance(processed, int) or not read < processed <= context_window:
            return "nothing"
        read = processed
        return "progress"

    return sign
