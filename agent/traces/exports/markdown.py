"""Markdown: a run as people paste it into an issue, or into another model.

What documents, models and users wrote stands in code blocks: nothing in it is markup, and no picture is
fetched by whoever reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from ...text import one_line, printable
from ..events import CitationsRejected, Event, LimitReached, OutputRejected, Steered
from ..steps import CitedPlace, Step
from .shared import SharedRun

__all__ = ["markdown"]

_TICKS = re.compile("`+")
_LONGEST_OUTPUT = 6_000
"""Characters of one tool output; what is cut is said."""


def markdown(runs: Iterable[SharedRun]) -> str:
    """Some runs, one after the other."""
    return "\n\n---\n\n".join("\n\n".join(_run(run)) for run in runs) + "\n"


def _run(run: SharedRun) -> Iterator[str]:
    trace = run.trace
    start, ended = trace.started, trace.ended
    yield f"## Question\n\n{_block(start.question)}"
    outcome = "not ended" if ended is None else f"{_code(ended.stop_reason)}, {ended.seconds:.1f} s"
    effort = f", reasoning {_code(start.reasoning_effort)}" if start.reasoning_effort else ""
    at = f"{start.at:%Y-%m-%d %H:%M} UTC"
    yield "\n".join(
        [
            f"- Model: {_code(start.model)} on {_code(start.engine)}{effort}",
            f"- Outcome: {outcome}; {len(trace.steps)} steps",
            f"- Trace: {_code(trace.trace_id)}, {at}, ossifrage {_code(start.version)}",
        ]
    )
    for step in trace.steps:
        yield from _step(run, step)
    if trace.answer is not None:
        yield f"## Answer\n\n{_block(trace.answer_text)}"
    if trace.citations:
        yield "\n".join(["Sources:", "", *map(_citation, trace.citations)])
    if ended is not None and ended.error:
        yield f"Error: {_code(ended.error)}"
    if run.left_out:
        yield "\n".join(["Not included:", "", *(f"- {line}" for line in run.left_out)])


def _step(run: SharedRun, step: Step) -> Iterator[str]:
    tokens = ""
    if step.model is not None:
        read, written = step.model.prompt_tokens, step.model.completion_tokens
        tokens = f" ({read:,} -> {written:,} tokens, {step.seconds:.1f} s)"
    yield f"### Step {step.number}{tokens}"
    for thought in step.thoughts:
        if thought.reasoning_id in run.thoughts:
            yield f"Thought:\n\n{_block(run.thoughts[thought.reasoning_id])}"
    for said in step.said:
        yield f"Said:\n\n{_block(said.text)}"
    for use in step.tools:
        yield f"Call: {_code(use.call.tool)} {_code(use.call.arguments)}"
        if use.returned is None:
            yield "It did not return."
            continue
        output = use.returned.output
        cut = len(output) - _LONGEST_OUTPUT
        more = f"\n\n({cut:,} more characters are left out.)" if cut > 0 else ""
        label = "Failed" if use.returned.error else "Result"
        yield f"{label}:\n\n{_block(output[:_LONGEST_OUTPUT])}{more}"
    for event in step.notes:
        yield _note(event)


def _note(event: Event) -> str:
    match event:
        case OutputRejected():
            return f"Refused, attempt {event.attempt}:\n\n{_block(event.errors)}"
        case CitationsRejected():
            return f"Citations refused:\n\n{_block(event.problems)}"
        case Steered():
            return f"Said meanwhile:\n\n{_block(event.text)}"
        case LimitReached():
            return f"Limit reached: {_code(event.limit)}"
        case _:
            return f"{event.type.replace('_', ' ').capitalize()}: {_code(json.dumps(_fields(event)))}"


def _fields(event: Event) -> dict[str, object]:
    return event.model_dump(mode="json", exclude={"type", "at", "step"})


def _citation(place: CitedPlace) -> str:
    lines = f"{place.start_line}" + (f"-{place.end_line}" if place.end_line > place.start_line else "")
    found = f", found in step {place.found_by[0].step}" if place.found_by else ""
    verdict = "verified" if place.verified else "NOT verified"
    quote = f": {_code(place.quote)}" if place.quote else ""
    return f"{place.number}. {_code(f'{place.source}:{lines}')}{quote} ({verdict}{found})"


def _code(text: str) -> str:
    line = one_line(text) or " "
    ticks = "`" * (_longest(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _block(text: str) -> str:
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}text\n{printable(text)}\n{fence}"


def _longest(text: str) -> int:
    return max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
