"""Token ids through ``/v1/completions``: what vLLM and SGLang have in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

from pydantic import Field

from ..errors import EngineResponseError
from .client import Client, open_client
from .engine import STOP_TOKENS, Chunk, Constraint, Counted, FinishReason, Sampling
from .failures import field_of
from .http import MOST, Count, Payload, Tokens, post_events, read_as, usage_after
from .listing import Entry, served_model
from .patience import FIRST_SECONDS, IDLE_SECONDS, Sign

__all__ = ["PATH", "Completion", "CompletionsEngine"]

PATH = "/v1/completions"

_FINISH: Mapping[str, FinishReason] = {"stop": "stop", "length": "length"}
_TELLING = ("token_ids", "finish_reason")
_BROKEN_OFF = frozenset({"abort", "error", "repetition"})


class _Choice(Payload):
    index: int = 0
    token_ids: Tokens | None = None
    finish_reason: str | None = None
    matched_stop: int | str | None = None
    """SGLang's: the stop token, which may be missing among the ids."""


class _PromptDetails(Payload):
    cached_tokens: Count = None


class _Usage(Payload):
    prompt_tokens_details: _PromptDetails | None = None


class Completion(Payload):
    """An answer, or one event of it.

    vllm/entrypoints/openai/completion/protocol.py, python/sglang/srt/entrypoints/openai/protocol.py.
    """

    choices: list[_Choice] = Field(max_length=MOST)
    usage: object = None


class CompletionsEngine:
    """A server that takes token ids and gives them. Open one of its kinds with :meth:`open`."""

    name: str
    constraint: Constraint
    title: ClassVar[str]
    """The server's name, for people."""
    first_seconds: float = FIRST_SECONDS
    """Longest wait for the first token."""
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
            model: one of the names the server serves; the first one unless given.

        Raises:
            EngineError: not reachable, refused, another kind of server, or one that gives no token ids.
            UsageError: ``base_url`` is no address.
        """
        client = open_client(base_url, api_key=api_key)
        try:
            entry = await served_model(client, model)
            await cls._check(client, entry)
            if not entry.max_model_len:
                raise EngineResponseError(
                    f"{client.address} does not say how long a context {entry.id} has, so it is not "
                    f"{cls.title}: pass another --engine."
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
        """Most tokens of prompt and completion together, as the server was started."""
        return self._context_window

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """Stream the completion; see :class:`~.engine.Engine`.

        How much of the prompt was cached is told only by a server that was started so: vLLM with
        ``--enable-prompt-tokens-details``, SGLang with ``--enable-cache-report``.
        """
        counted = Counted(self._client.address, sampling.max_tokens)
        finish_reason: FinishReason | None = None
        usage: object = None
        last: int | None = None
        async with post_events(
            self._client,
            PATH,
            self._request(prompt, sampling),
            sign=_sign,
            first_seconds=self.first_seconds,
            idle_seconds=self.idle_seconds,
        ) as events:
            async for payload in events:
                event = read_as(Completion, payload, self._client, PATH)
                usage = event.usage or usage
                choice = next((choice for choice in event.choices if choice.index == 0), None)
                if choice is None:
                    continue
                if tokens := counted.add(self._tokens(choice, last)):
                    last = tokens[-1]
                    yield Chunk(tokens=tokens)
                if choice.finish_reason is not None:
                    finish_reason = self._finish(choice.finish_reason)
                    break
            if finish_reason is None:
                raise self._broken_off()
            usage = usage or await usage_after(events)
        yield Chunk(finish_reason=finish_reason, cached_tokens=_cached(usage))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @classmethod
    async def _check(cls, client: Client, entry: Entry) -> None:
        """See that the server is of this kind.

        Raises:
            EngineResponseError: it is not.
        """

    def _request(self, prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
        return {
            "model": self._model,
            "prompt": list(prompt),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # The model's generation_config.json would otherwise fill these in.
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": sampling.seed,
            "stop_token_ids": STOP_TOKENS,
            "skip_special_tokens": False,
            "return_token_ids": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def _tokens(self, choice: _Choice, last: int | None) -> list[int]:
        """The tokens of a piece; ``last`` is the one before them."""
        tokens = choice.token_ids or []
        stop = choice.matched_stop
        if isinstance(stop, int) and stop in STOP_TOKENS and (tokens[-1] if tokens else last) != stop:
            return [*tokens, stop]
        if choice.token_ids is None and (choice.finish_reason is None or last is None):
            raise EngineResponseError(
                f"The server sends no token ids: update {self.title}, or pass --engine chat."
            )
        return tokens

    def _finish(self, reason: str) -> FinishReason:
        if reason not in _FINISH:
            raise self._broken_off(reason)
        return _FINISH[reason]

    def _broken_off(self, reason: str | None = None) -> EngineResponseError:
        why = f" ({reason})" if reason in _BROKEN_OFF else ""
        return EngineResponseError(f"{self.title} broke its answer off{why}: ask again.")


def _sign(event: Mapping[str, Any]) -> Sign:
    choices = event.get("choices")
    if not isinstance(choices, list):
        return "nothing"
    told = (field_of(choice, name) for choice in cast(list[object], choices) for name in _TELLING)
    return "text" if any(told) else "nothing"


def _cached(usage: object) -> int | None:
    try:
        details = _Usage.model_validate(usage).prompt_tokens_details
    except ValueError:
        return None
    return None if details is None else details.cached_tokens
