"""SGLang: token ids through ``/v1/completions``, for servers that give them (since sglang#30917)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..errors import EngineError, EngineResponseError
from ..harmony.vocabulary import START
from .client import Client
from .completions import PATH, Completion, CompletionsEngine
from .engine import Constraint, Sampling
from .http import get_json, read_as
from .listing import Entry

__all__ = ["SglangEngine", "gives_token_ids"]


async def gives_token_ids(client: Client, model: str) -> bool:
    """Whether the server takes a prompt of token ids and answers in token ids; generates one token.

    Servers that do not know the switch ignore it and send text.
    """
    body = {"model": model, "prompt": [START], "max_tokens": 1, "return_token_ids": True}
    try:
        answer = read_as(Completion, await get_json(client, PATH, body=body), client, PATH)
    except EngineError:
        return False
    return any(choice.token_ids for choice in answer.choices)


class SglangEngine(CompletionsEngine):
    """An SGLang server. Open it with :meth:`open`."""

    name: str = "sglang"
    title: ClassVar[str] = "SGLang"
    constraint: Constraint = "none"

    @classmethod
    async def _check(cls, client: Client, entry: Entry) -> None:
        if entry.owned_by != "sglang":
            raise EngineResponseError(f"{client.address} is not SGLang: pass another --engine.")
        if not await gives_token_ids(client, entry.id):
            raise EngineResponseError(
                f"{client.address} sends no token ids: update SGLang, or pass --engine chat."
            )

    def _request(self, prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
        return super()._request(prompt, sampling) | {"top_k": -1, "no_stop_trim": True}
