"""The engine for when there is no language model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from ..engines.engine import Chunk, Constraint, Sampling
from ..errors import CannotFillError
from ..harmony.vocabulary import CALL, CHANNEL, CONSTRAIN, END, MESSAGE, RETURN, START, load_encoding
from .fill import fill
from .names import names
from .policy import Call, decide
from .prompt import Prompt, read_prompt
from .terms import terms

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding

__all__ = ["ExtractiveEngine"]

_TOKENS_A_CHUNK = 8


class ExtractiveEngine:
    """A rule-based policy that speaks harmony: it searches in several hops and answers in quoted sentences.

    It has no knowledge of its own and writes no sentence about a subject: what it says is a substring of the
    lines it was shown, followed by the citation. The same prompt gives the same completion; the sampling's
    temperature, top_p, seed and grammar mean nothing to it.
    """

    name = "extractive"
    model = "no language model: quoting sources"
    context_window = 131072
    constraint: Constraint = "none"

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        """Stream the next step: an analysis message, then a call or the final answer.

        Raises:
            CannotFillError: the answer has to have a form that quotes cannot fill.
            EngineResponseError: the prompt is not harmony.
        """
        encoding = load_encoding()
        try:
            completion = _completion(encoding, read_prompt(encoding, prompt))
        finally:  # what was kept to save work within the step is somebody's conversation
            terms.cache_clear()
            names.cache_clear()
        reason = "stop" if len(completion) <= sampling.max_tokens else "length"
        tokens = completion[: max(0, sampling.max_tokens)]
        for start in range(0, len(tokens), _TOKENS_A_CHUNK):
            yield Chunk(tokens=tokens[start : start + _TOKENS_A_CHUNK])
            await asyncio.sleep(0)  # let a consumer cancel between chunks
        yield Chunk(finish_reason=reason)

    async def close(self) -> None:
        """Nothing is held open."""


def _completion(encoding: HarmonyEncoding, prompt: Prompt) -> list[int]:
    def plain(text: str) -> list[int]:
        # Text from documents may look like control tokens; encoded this way it stays text.
        return encoding.encode(text, disallowed_special=())

    decision = decide(prompt)
    analysis = [CHANNEL, *plain("analysis"), MESSAGE, *plain(decision.why), END, START, *plain("assistant")]
    if isinstance(decision, Call):
        header = [CHANNEL, *plain(f"commentary to=functions.{decision.function} "), CONSTRAIN, *plain("json")]
        arguments = json.dumps(decision.arguments, ensure_ascii=False)
        return [*analysis, *header, MESSAGE, *plain(arguments), CALL]
    text = decision.composition.text
    if prompt.response_format is not None:
        text = fill(prompt.response_format.schema, decision.composition, question=decision.question.text)
    if text == prompt.refused:
        raise CannotFillError(
            "The extractive engine was asked for another answer, but it has only the one that was refused. "
            "Connect a gpt-oss model (see README)."
        )
    return [*analysis, CHANNEL, *plain("final"), MESSAGE, *plain(text), RETURN]
