"""Two runs side by side: which steps are the same, where they part, and what the difference costs."""

from __future__ import annotations

import difflib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from .steps import Step
from .trace import Trace

__all__ = ["Comparison", "Figures", "Pair", "compare", "figures", "sign"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Pair(_Value):
    """Two steps that belong together, or one that the other run has not."""

    left: Step | None
    right: Step | None
    same: bool
    """They called the same tools with the same arguments, or gave the same answer."""


class Figures(_Value):
    """What one run took, and what came of it."""

    steps: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    seconds: float
    searches: int
    citations: int
    verified: int


class Comparison(_Value):
    """Two runs, step by step."""

    left_id: str
    right_id: str
    pairs: tuple[Pair, ...]
    parts_at: int | None
    """Index of the first pair that differs; None where all are the same."""
    same_answer: bool
    left: Figures
    right: Figures


def compare(left: Trace, right: Trace) -> Comparison:
    """Pair the steps of two runs by what they did."""
    signs = [sign(step) for step in left.steps], [sign(step) for step in right.steps]
    matcher = difflib.SequenceMatcher(a=signs[0], b=signs[1], autojunk=False)
    pairs: list[Pair] = []
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        for offset in range(max(a_end - a, b_end - b)):
            pairs.append(
                Pair(
                    left=left.steps[a + offset] if a + offset < a_end else None,
                    right=right.steps[b + offset] if b + offset < b_end else None,
                    same=kind == "equal",
                )
            )
    return Comparison(
        left_id=left.trace_id,
        right_id=right.trace_id,
        pairs=tuple(pairs),
        parts_at=next((index for index, pair in enumerate(pairs) if not pair.same), None),
        same_answer=left.answer_text == right.answer_text,
        left=figures(left),
        right=figures(right),
    )


def sign(step: Step) -> tuple[str, ...]:
    """What a step did, whatever it took."""
    calls = [f"{use.call.tool} {_arguments(use.call.arguments)}" for use in step.tools]
    answer = [] if step.answer is None else [json.dumps(step.answer.output, sort_keys=True)]
    return (*calls, *answer, *(event.type for event in step.notes))


def _arguments(raw: str) -> str:
    try:
        value: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return json.dumps(value, sort_keys=True)


def figures(trace: Trace) -> Figures:
    """What a run took up to now."""
    calls = [step.model for step in trace.steps if step.model is not None]
    last = trace.events[-1].at
    return Figures(
        steps=len(trace.steps),
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        completion_tokens=sum(call.completion_tokens for call in calls),
        reasoning_tokens=sum(call.reasoning_tokens or 0 for call in calls),
        seconds=max(0.0, (last - trace.started.at).total_seconds())
        if trace.ended is None
        else trace.ended.seconds,
        searches=sum(use.call.tool == "search" for step in trace.steps for use in step.tools),
        citations=len(trace.citations),
        verified=sum(place.verified for place in trace.citations),
    )
