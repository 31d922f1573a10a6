"""A run as the pages want it: one JSON object with everything that is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, cast

from ...text import one_line
from ...traces import Trace, TraceSummary
from ...traces.compare import figures, sign
from ...traces.events import Answered, ToolCalled
from ...traces.quoting import marked
from ...traces.raw import Decode, raw_segments
from ...traces.steps import CitedPlace, Step, pages_shown
from ...traces.tokens import RecordedCall
from ...traces.told import told

__all__ = ["raw_calls", "run_document", "step_document", "summary_of"]

_AROUND = 4
"""Lines shown before and after the cited ones."""
_MOST_LINES = 60
_PLACE = ("heading", "page", "sheet", "slide", "location")


def run_document(
    trace: Trace, *, thoughts: Mapping[str, str] | None = None, left_out: Iterable[str] = ()
) -> dict[str, Any]:
    """A run without the tokens of its model calls.

    Args:
        trace: what happened.
        thoughts: what was thought, by reasoning id; empty or None where it is not to be shown.
        left_out: what is not in it, one sentence each.
    """
    answer, ended = trace.answer, trace.ended
    return {
        "trace_id": trace.trace_id,
        "summary": summary_of(trace).model_dump(mode="json"),
        "started": trace.started.model_dump(mode="json"),
        "steps": [step_document(step) for step in trace.steps],
        "answer": trace.answer_text,
        "structured": answer is not None and answer.output != trace.answer_text and not _is_answer(answer),
        "missing": _missing(answer),
        "citations": _citations(trace),
        "figures": figures(trace).model_dump(mode="json"),
        "ended": None if ended is None else ended.model_dump(mode="json"),
        "thoughts": dict(thoughts or {}),
        "has_thoughts": bool(thoughts),
        "left_out": list(left_out),
    }


def step_document(step: Step) -> dict[str, Any]:
    """One step. ``sign`` is the same for two steps that did the same; ``told`` are lines for people."""
    document = step.model_dump(mode="json", exclude={"answer"})
    repairs = () if step.model is None else step.model.repairs
    mended = [("mended", ", ".join(one_line(repair).replace("_", " ") for repair in repairs))]
    return {
        **document,
        "seconds": step.seconds,
        "answer": step.answer is not None,
        "sign": hashlib.blake2s("\0".join(sign(step)).encode(), digest_size=8).hexdigest(),
        "told": [*(mended if repairs else []), *(line for note in step.notes for line in told(note))],
    }


def raw_calls(
    calls: Iterable[RecordedCall], decode: Decode, mask: Callable[[str], str] = str
) -> dict[int, list[dict[str, Any]]]:
    """The model calls of each step as raw harmony, without what a prompt shares with the call before.

    Args:
        calls: as the trace has them, with gaps where thoughts stood, or whole.
        decode: token ids to text.
        mask: makes a text fit to be given away.
    """
    steps: dict[int, list[dict[str, Any]]] = {}
    for call in calls:
        steps.setdefault(call.step, []).append(
            {
                "attempt": call.attempt,
                "prompt_tokens": call.prompt_tokens,
                "completion_tokens": len(call.tokens) - call.prompt_tokens,
                "shared_tokens": call.shared_tokens,
                "segments": [
                    (kind, mask(text), tokens, part)
                    for kind, text, tokens, part in raw_segments(call, decode)
                    if part != "shared"
                ],
            }
        )
    return steps


def summary_of(trace: Trace) -> TraceSummary:
    """One line of a list, of a trace that may lie in no store."""
    made, ended = figures(trace), trace.ended
    return TraceSummary(
        trace_id=trace.trace_id,
        started=trace.started.at,
        question=trace.started.question,
        engine=trace.started.engine,
        model=trace.started.model,
        stop_reason=None if ended is None else ended.stop_reason,
        seconds=None if ended is None else ended.seconds,
        steps=made.steps,
        tool_calls=sum(isinstance(event, ToolCalled) for event in trace.events),
        searches=made.searches,
        prompt_tokens=made.prompt_tokens,
        completion_tokens=made.completion_tokens,
        citations=made.citations,
        unverified=made.citations - made.verified,
        repairs=sum(len(step.model.repairs) for step in trace.steps if step.model is not None),
    )


def _is_answer(answer: Answered) -> bool:
    return isinstance(answer.output, dict) and isinstance(answer.output.get("answer"), str)


def _missing(answer: Answered | None) -> list[str]:
    if answer is None or not isinstance(answer.output, dict):
        return []
    missing = answer.output.get("missing")
    return [each for each in missing if isinstance(each, str)] if isinstance(missing, list) else []


def _citations(trace: Trace) -> list[dict[str, Any]]:
    places = trace.citations
    if not places or trace.answer is None:
        return []
    shown: dict[str, dict[int, str]] = {}
    for _, page in pages_shown(trace):
        shown.setdefault(page.source, {}).update(page.lines)
    documents: list[dict[str, Any]] = []
    for place, given in zip(places, trace.answer.citations, strict=True):
        fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        where = {name: fields.get(name) for name in _PLACE}
        lines = _lines(place, shown.get(one_line(place.source), {}))
        documents.append({**place.model_dump(mode="json"), **where, "lines": lines})
    return documents


def _lines(place: CitedPlace, shown: Mapping[int, str]) -> list[dict[str, Any]]:
    """The cited lines and those around, each in three parts, of which the middle one is quoted."""
    last = min(place.end_line, place.start_line + _MOST_LINES)
    quoted = marked(shown, place.quote, place.start_line, last)
    numbers = range(max(1, place.start_line - _AROUND), last + _AROUND + 1)
    lines: list[dict[str, Any]] = []
    for number in islice((number for number in numbers if number in shown), _MOST_LINES):
        text = shown[number]
        begin, end = quoted.get(number, (0, 0))
        lines.append({"number": number, "parts": [text[:begin], text[begin:end], text[end:]]})
    return lines
