"""A trace read as people do: step by step, and from a citation back to the search that found its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, JsonValue

from ..text import one_line
from .events import (
    Answered,
    Event,
    ModelCalled,
    RetrievedPassage,
    RunEnded,
    RunStarted,
    Said,
    Thought,
    ToolCalled,
    ToolReturned,
)

if TYPE_CHECKING:
    from ...tools.pages import Page
    from .trace import Trace

__all__ = [
    "CitedPlace",
    "Finding",
    "Step",
    "ToolUse",
    "cited_places",
    "pages_shown",
    "passage_texts",
    "steps_of",
    "view",
]

_SHOWS_PAGES = ("search", "open", "find")
_MOST_FINDINGS = 10
"""A model may open the same page again and again; the first calls are told."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ToolUse(_Value):
    """One call of a tool, and what came back."""

    call: ToolCalled
    returned: ToolReturned | None
    """None where the run ended first."""
    began: float
    """Seconds after the question."""


class Step(_Value):
    """One call of the model, and what it led to."""

    number: int
    """Counted from 1."""
    model: ModelCalled | None
    """None where the run ended in it."""
    began: float
    """When the model was asked, in seconds after the question."""
    thoughts: tuple[Thought, ...] = ()
    said: tuple[Said, ...] = ()
    tools: tuple[ToolUse, ...] = ()
    notes: tuple[Event, ...] = ()
    """What else happened: a limit, an answer that was refused, what the user said meanwhile."""
    answer: Answered | None = None

    @property
    def wait(self) -> float | None:
        """Seconds until the first token: waiting and reading the prompt. None where it is not known."""
        return None if self.model is None else self.model.first_token_seconds

    @property
    def seconds(self) -> float:
        """How long the model took in all."""
        return 0.0 if self.model is None else self.model.seconds


class Finding(_Value):
    """A call that showed lines of a document."""

    step: int
    call_id: str
    tool: str
    queries: tuple[str, ...] = ()
    start_line: int
    end_line: int
    whole: bool
    """It showed all of the cited lines."""
    passage: RetrievedPassage | None = None
    """The passage that the search found, with its score."""


class CitedPlace(_Value):
    """A citation of the answer, and where its lines were found."""

    number: int
    """As in the answer, counted from 1."""
    source: str
    title: str
    start_line: int
    end_line: int
    quote: str
    verified: bool
    found_by: tuple[Finding, ...]
    """The calls that showed the lines, the first one first; empty where none of this run did: they were
    shown earlier in the conversation, or never."""


def steps_of(trace: Trace) -> list[Step]:
    """The steps of a trace. What happened before the first model call belongs to the first."""
    began = trace.started.at
    grouped: dict[int, list[Event]] = {}
    for event in trace.events:
        if not isinstance(event, RunStarted | RunEnded):
            grouped.setdefault(max(1, event.step), []).append(event)

    def after(event: Event) -> float:
        return max(0.0, (event.at - began).total_seconds())  # a clock may have been set back

    steps: list[Step] = []
    for number in sorted(grouped):
        events = grouped[number]
        model = next((event for event in events if isinstance(event, ModelCalled)), None)
        returned = {event.call_id: event for event in events if isinstance(event, ToolReturned)}
        first = after(model) - model.seconds if model is not None else after(events[0])
        steps.append(
            Step(
                number=number,
                model=model,
                began=max(0.0, first),
                thoughts=tuple(event for event in events if isinstance(event, Thought)),
                said=tuple(event for event in events if isinstance(event, Said)),
                tools=tuple(
                    ToolUse(call=event, returned=returned.get(event.call_id), began=after(event))
                    for event in events
                    if isinstance(event, ToolCalled)
                ),
                notes=tuple(event for event in events if not isinstance(event, _KNOWN)),
                answer=next((event for event in events if isinstance(event, Answered)), None),
            )
        )
    return steps


_KNOWN = (ModelCalled, Thought, Said, ToolCalled, ToolReturned, Answered)


def cited_places(trace: Trace) -> list[CitedPlace]:
    """The citations of a trace's answer, each with the calls that showed its lines."""
    answered = next((event for event in reversed(trace.events) if isinstance(event, Answered)), None)
    if answered is None or not answered.citations:
        return []
    pages: dict[str, list[tuple[ToolReturned, Page]]] = {}
    for returned, page in pages_shown(trace):
        pages.setdefault(page.source, []).append((returned, page))
    places: list[CitedPlace] = []
    for number, citation in enumerate(answered.citations, 1):
        given = cast("dict[str, Any]", citation) if isinstance(citation, dict) else {}
        source = str(given.get("source", ""))
        start, end = _line(given.get("start_line")), _line(given.get("end_line"))
        shown = _findings(pages.get(one_line(source), []), source, range(start, max(start, end) + 1))
        places.append(
            CitedPlace(
                number=number,
                source=source,
                title=str(given.get("title", "")),
                start_line=start,
                end_line=max(start, end),
                quote=str(given.get("quote", "")),
                verified=bool(given.get("verified")),
                found_by=tuple(shown),
            )
        )
    return places


def pages_shown(trace: Trace) -> Iterator[tuple[ToolReturned, Page]]:
    """Every page that the tools of this program showed, in order."""
    from ...tools.pages import parse_pages

    for event in trace.events:
        if isinstance(event, ToolReturned) and event.tool in _SHOWS_PAGES and not event.error:
            for page in parse_pages(event.output):
                yield event, page


def _findings(pages: Sequence[tuple[ToolReturned, Page]], source: str, lines: range) -> Iterator[Finding]:
    told: set[str] = set()
    for returned, page in pages:
        shown = sorted(number for number in page.lines if number in lines)
        if not shown or returned.call_id in told:
            continue
        if len(told) == _MOST_FINDINGS:
            return
        told.add(returned.call_id)
        found = returned.retrieved
        passages = found.passages if found is not None else ()
        overlapping = (
            passage
            for passage in passages
            if passage.source == source and passage.start_line <= shown[-1] and passage.end_line >= shown[0]
        )
        yield Finding(
            step=returned.step,
            call_id=returned.call_id,
            tool=returned.tool,
            queries=found.queries if found is not None else (),
            start_line=min(page.lines),
            end_line=max(page.lines),
            whole=len(shown) == lines.stop - lines.start,
            passage=next(overlapping, None),
        )


def passage_texts(trace: Trace) -> dict[str, list[str]]:
    """By call id, what was shown of each passage that a search found, in their order; empty for none."""
    from ...tools.pages import parse_pages

    shown: dict[str, dict[int, str]] = {}
    texts: dict[str, list[str]] = {}
    for event in trace.events:
        if not isinstance(event, ToolReturned) or event.tool not in _SHOWS_PAGES:
            continue
        for page in parse_pages(event.output):
            shown.setdefault(page.source, {}).update(page.lines)
        if event.retrieved is not None:
            texts[event.call_id] = [
                "\n".join(
                    lines[number]
                    for number in range(passage.start_line, passage.end_line + 1)
                    if number in lines
                )
                for passage in event.retrieved.passages
                for lines in [shown.get(one_line(passage.source), {})]
            ]
    return texts


def _line(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def view(trace: Trace, reasoning: dict[str, str] | None = None) -> dict[str, JsonValue]:
    """A trace as JSON for a page: its steps, answer, citations with their way back, and how it ended.

    Args:
        trace: what happened.
        reasoning: what was thought, by reasoning id; None leaves it out, and the page says so.
    """
    ended = trace.ended
    return {
        "trace_id": trace.trace_id,
        "started": trace.started.model_dump(mode="json"),
        "steps": [step.model_dump(mode="json") for step in trace.steps],
        "citations": [place.model_dump(mode="json") for place in trace.citations],
        "ended": None if ended is None else ended.model_dump(mode="json"),
        "reasoning": cast("JsonValue", reasoning),
    }
