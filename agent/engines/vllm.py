"""vLLM: token ids through ``/v1/completions``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .completions import CompletionsEngine
from .engine import Constraint, Sampling

__all__ = ["VllmEngine"]


class VllmEngine(CompletionsEngine):
    """A vLLM server. Open it with :meth:`open`."""

    name: str = "vllm"
    title: ClassVar[str] = "vLLM"
    constraint: Constraint = "body"
    """xgrammar, which vLLM builds on, spells token literals in a way of its own, and the tokens before the
    final message are not held to a grammar by every version of vLLM."""

    def _request(self, prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
        request = super()._request(prompt, sampling) | {"top_k": 0}
        if sampling.grammar is not None:
            request["structured_outputs"] = {"grammar": sampling.grammar}
        return request
