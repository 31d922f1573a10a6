"""A trace as a timeline that people read in a terminal, or in a file it was piped to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from ..text import one_line, printable
from .events import (
    Answered,
    CitationsRejected,
    Event,
    ModelCalled,
    OutputRejected,
    PromptCompacted,
    RunEnded,
    RunStarted,
    Said,
    Steered,
    Thought,
    ToolCalled,
    ToolReturned,
    Usage,
)
from .trace import Trace

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["render_timeline"]

_ARGUMENTS_LIMIT = 300
_SUMMARY_LIMIT = 300
_LABEL_WIDTH = 10
_TIME_WIDTH = 9

_Style = Literal["", "bold", "dim", "dim italic", "cyan", "green", "red", "yellow"]


class _Entry(NamedTuple):
    label: str
    text: str
    style: _Style = ""
    at: datetime | None = None


def render_timeline(trace: Trace, console: Console, *, reasoning: Mapping[str, str] | None = None) -> None:
    """Print ``trace`` on ``console``.

    On a terminal lines are wrapped and coloured. Anywhere else every line is printed whole, without escapes.
    Stored text cannot act on the terminal, and is never read as markup.

    Args:
        trace: what happened.
        console: where to print.
        reasoning: what was thought, by reasoning id, to be shown too; None leaves it out.
    """
    began = trace.started.at
    for entry in _header(trace):
        _print(console, f"{entry.label:<{_LABEL_WIDTH}}", entry.text, entry.style)
    step = 0
    for event in trace.events[1:]:
        if event.step != step:
            step = event.step
            _print(console, "", "")
            _print(console, "", f"Step {step}", "bold")
        for entry in _entries(event, reasoning):
            time = "" if entry.at is None else f"+{(entry.at - began).total_seconds():.1f}s"
            _print(console, f"{time:>{_TIME_WIDTH}}  {entry.label:<{_LABEL_WIDTH}}", entry.text, entry.style)
    told = {event.reasoning_id for event in trace.events if isinstance(event, Thought)}
    for reasoning_id, text in (reasoning or {}).items():
        if reasoning_id not in told:  # the run was cut off in the middle of it
            margin = f"{'':>{_TIME_WIDTH}}  {'thought':<{_LABEL_WIDTH}}"
            _print(console, margin, f"{printable(text)} (cut off)", "dim italic")


def _print(console: Console, margin: str, text: str, style: _Style = "") -> None:
    from rich.text import Text

    for paragraph in text.split("\n"):
        body = Text(paragraph, style=style)
        rows: Iterable[Text] = [body]
        if console.is_terminal:
            rows = body.wrap(console, max(20, console.width - len(margin))) or [body]
        for row in rows:
            line = Text.assemble((margin, "dim"), row)
            line.rstrip()
            console.print(line, soft_wrap=True, highlight=False)
            margin = " " * len(margin)


def _header(trace: Trace) -> Iterator[_Entry]:
    start, end = trace.started, trace.ended
    yield _Entry("Question", printable(start.question), "bold")
    yield _Entry(
        "Trace", f"{trace.trace_id}, {start.at:%Y-%m-%d %H:%M:%S} UTC, ossifrage {one_line(start.version)}"
    )
    effort = "" if start.reasoning_effort is None else f", reasoning {one_line(start.reasoning_effort)}"
    yield _Entry("Model", f"{one_line(start.engine)}, {one_line(start.model)}{effort}")
    if start.knowledge is not None:
        yield _Entry("Knowledge", one_line(start.knowledge))
    yield _Entry("Output", one_line(start.output_type))
    if end is None:
        yield _Entry("Stopped", "not yet, or it was cut off", "yellow")
    else:
        calls = sum(isinstance(event, ToolCalled) for event in trace.events)
        reason = one_line(end.stop_reason)
        if reason == "not_found":
            reason += " (the sources do not say)"
        yield _Entry("Stopped", f"{reason} after {end.seconds:.1f} s", "red" if end.error else "")
        yield _Entry("Took", f"{_usage(end.usage)}, {_count(calls, 'tool call')}")


def _entries(event: Event, reasoning: Mapping[str, str] | None) -> Iterator[_Entry]:
    match event:
        case RunStarted():
            pass
        case ModelCalled():
            yield _Entry("model", _model_call(event), "dim", event.at)
        case Thought():
            yield _Entry("thought", _thought(event, reasoning), "dim italic", event.at)
        case ToolCalled():
            yield _Entry("call", f"{one_line(event.tool)} {_arguments(event.arguments)}", "cyan", event.at)
        case ToolReturned():
            yield _tool_result(event)
        case OutputRejected():
            yield _Entry(
                "rejected", f"attempt {event.attempt}: {printable(event.errors)}", "yellow", event.at
            )
            yield _Entry("as sent", printable(event.text), "dim")
        case CitationsRejected():
            yield _Entry("rejected", f"citations:\n{printable(event.problems)}", "yellow", event.at)
            yield _Entry("as sent", printable(event.text), "dim")
        case Answered():
            yield _Entry("answer", _answer(event), "green", event.at)
            for citation in event.citations:
                yield _Entry("citation", _citation(citation))
        case Said() | Steered() | PromptCompacted():
            yield _on_the_way(event)
        case RunEnded():
            error = "" if event.error is None else f": {one_line(event.error)}"
            yield _Entry(
                "end", one_line(event.stop_reason) + error, "red" if event.error else "dim", event.at
            )


def _on_the_way(event: Said | Steered | PromptCompacted) -> _Entry:
    if isinstance(event, Said):
        return _Entry("said", printable(event.text), "", event.at)
    if isinstance(event, Steered):
        return _Entry("you said", printable(event.text), "bold", event.at)
    shortened = f"{_count(event.outputs, 'tool output')} shortened, so that the prompt fits"
    return _Entry("compacted", shortened, "yellow", event.at)


def _thought(event: Thought, reasoning: Mapping[str, str] | None) -> str:
    if reasoning is None:
        return f"({_count(event.characters, 'character')}, shown with --reasoning)"
    if event.reasoning_id not in reasoning:
        return f"({_count(event.characters, 'character')}, no longer in the reasoning log)"
    return printable(reasoning[event.reasoning_id])


def _model_call(event: ModelCalled) -> str:
    usage = Usage(
        model_calls=1,
        prompt_tokens=event.prompt_tokens,
        completion_tokens=event.completion_tokens,
        reasoning_tokens=event.reasoning_tokens,
        cached_tokens=event.cached_tokens,
    )
    parts = [_tokens(usage), f"{event.seconds:.1f} s"]
    if event.first_token_seconds is not None:
        parts.append(f"first token after {event.first_token_seconds:.1f} s")
    if event.finish is not None:
        parts.append(f"finish {one_line(event.finish)}")
    if event.repairs:
        parts.append("repaired: " + ", ".join(one_line(repair) for repair in event.repairs))
    return ", ".join(parts)


def _tool_result(event: ToolReturned) -> _Entry:
    # A tool without a summary still gets its line.
    text = one_line(event.summary or event.output, _SUMMARY_LIMIT) or "(nothing)"
    return _Entry(
        "failed" if event.error else "result",
        f"{one_line(event.tool)}: {text} ({event.seconds:.2f} s)",
        "red" if event.error else "",
        event.at,
    )


def _arguments(raw: str) -> str:
    try:
        arguments = json.loads(raw)
    except (ValueError, RecursionError):  # shown as the model wrote it
        arguments = None
    if not isinstance(arguments, dict):
        return one_line(raw, _ARGUMENTS_LIMIT)
    return one_line(_pairs(cast("dict[str, Any]", arguments)), _ARGUMENTS_LIMIT)


def _answer(event: Answered) -> str:
    if not isinstance(event.output, dict):
        return printable(_value(event.output))
    lines = [
        f"{one_line(key)}: {printable(_value(value))}"
        for key, value in event.output.items()
        if not (key == "citations" and event.citations)  # they follow, as they were checked
    ]
    return "\n".join(lines)


def _citation(citation: Any) -> str:
    if isinstance(citation, dict):
        return one_line(_pairs(cast("dict[str, Any]", citation)))
    return one_line(_value(citation))


def _pairs(values: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _usage(usage: Usage) -> str:
    return f"{_count(usage.model_calls, 'model call')}, {_tokens(usage)}"


def _tokens(usage: Usage) -> str:
    cached = "" if usage.cached_tokens is None else f" ({usage.cached_tokens:,} cached)"
    reasoning = "" if usage.reasoning_tokens is None else f" ({usage.reasoning_tokens:,} reasoning)"
    return (
        f"{usage.prompt_tokens:,} prompt{cached} + {usage.completion_tokens:,} completion{reasoning} tokens"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
