"""A trace as people read it in a terminal, or in a file it was piped to: steps, with bars for time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from ..text import counted, one_line, printable
from .events import (
    CitationsRejected,
    Event,
    LimitReached,
    OutputRejected,
    PromptCompacted,
    Steered,
    Thought,
    ToolReturned,
)
from .steps import CitedPlace, Step, ToolUse
from .trace import Trace

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["Lines", "render_step", "render_tree"]

_Style = Literal["", "bold", "dim", "dim italic", "cyan", "green", "red", "yellow"]

_LABEL = 9
_BAR = 20
_NARROW = 70
"""Below so many columns there are no bars."""
_MOST = 300
_ORDINAL = 3


class Lines:
    """Prints lines with a margin: wrapped under it on a terminal, whole in a pipe.

    Stored text cannot act on the terminal, and is never read as markup.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.wide = not console.is_terminal or console.width >= _NARROW

    def line(self, margin: str, text: str = "", style: _Style = "", *, end: str = "", bar: str = "") -> None:
        """Print a text of any number of lines; ``end`` stands at the right edge of its first, if it fits."""
        from rich.text import Text

        margin_text = Text.assemble((margin, "dim"), (bar, "cyan"))
        if bar:
            margin_text.append("  ")
        for paragraph in printable(text).split("\n"):
            for row in self._rows(Text(paragraph, style=style), margin_text.cell_len):
                shown = Text.assemble(margin_text, row)
                if end:
                    shown, end = self._ended(shown, end)
                shown.rstrip()
                self._console.print(shown, soft_wrap=True, highlight=False)
                margin_text = Text(" " * margin_text.cell_len)
        if end:
            self._console.print(Text(f"{margin}{end}", style="dim"), soft_wrap=True, highlight=False)

    def _ended(self, shown: Text, end: str) -> tuple[Text, str]:
        room = (self._console.width if self._console.is_terminal else 100) - shown.cell_len
        if self._console.is_terminal and room < len(end) + 2:
            return shown, end
        shown.append(" " * max(2, room - len(end)))
        shown.append(end, "dim")
        return shown, ""

    def _rows(self, body: Text, margin: int) -> Iterable[Text]:
        if not self._console.is_terminal:
            return [body]
        return body.wrap(self._console, max(10, self._console.width - margin)) or [body]


def render_tree(trace: Trace, console: Console, *, reasoning: Mapping[str, str] | None = None) -> None:
    """Print ``trace`` on ``console``.

    Args:
        trace: what happened.
        console: where to print.
        reasoning: what was thought, by reasoning id, to be shown too; None leaves it out.
    """
    lines = Lines(console)
    _head(trace, lines)
    total = max([_end(trace), 0.001])
    for step in trace.steps:
        rows = list(_rows(step, reasoning, total=total if lines.wide else None))
        if rows:  # a step that holds no more than the answer, which follows, has none
            lines.line("")
        for row in rows:
            lines.line(row.margin, row.text, row.style, bar=row.bar)
    told = {event.reasoning_id for event in trace.events if isinstance(event, Thought)}
    for reasoning_id, text in (reasoning or {}).items():
        if reasoning_id not in told:  # the run was cut off in the middle of it
            lines.line(_margin("thought"), f"{text} (cut off)", "dim italic")
    _answer(trace, lines)
    ended = trace.ended
    if ended is not None and ended.error:
        lines.line("")
        lines.line(_margin("error"), one_line(ended.error), "red")


def render_step(
    trace: Trace, number: int, console: Console, *, reasoning: Mapping[str, str] | None = None
) -> bool:
    """Print one step whole: what was called, and everything that came back. False where there is none."""
    step = next((step for step in trace.steps if step.number == number), None)
    if step is None:
        return False
    lines = Lines(console)
    for row in _rows(step, reasoning, total=None, whole=True):
        lines.line(row.margin, row.text, row.style)
    return True


class _Row(NamedTuple):
    margin: str
    text: str
    style: _Style = ""
    bar: str = ""


def _margin(label: str, number: int | None = None) -> str:
    ordinal = "" if number is None else str(number)
    return f"{ordinal:>{_ORDINAL}} {label:<{_LABEL}}"


def _head(trace: Trace, lines: Lines) -> None:
    start = trace.started
    lines.line("", start.question, "bold", end=_outcome(trace))
    effort = f" · reasoning {one_line(start.reasoning_effort)}" if start.reasoning_effort else ""
    model = f"{one_line(start.model)} on {one_line(start.engine)}{effort}"
    lines.line("", f"{model} · {start.at.astimezone():%Y-%m-%d %H:%M} · {trace.trace_id}", "dim")
    if start.rerun_of is not None:
        lines.line("", f"{one_line(start.rerun_of)} asked again from step {start.rerun_from}", "dim")


def _outcome(trace: Trace) -> str:
    ended = trace.ended
    if ended is None:
        return "not ended, or cut off"
    reason = one_line(ended.stop_reason).replace("_", " ")
    return f"{reason} · {_duration(ended.seconds)}"


def _end(trace: Trace) -> float:
    return (trace.events[-1].at - trace.started.at).total_seconds()


def _rows(
    step: Step, reasoning: Mapping[str, str] | None, *, total: float | None, whole: bool = False
) -> Iterator[_Row]:
    number: int | None = step.number
    if step.model is not None:
        bar = "" if total is None else _bar(step.began, step.seconds, total, step.wait)
        yield _Row(_margin("model", number), _model(step), "", bar)
        number = None
        if step.model.repairs:
            yield _Row(_margin("mended"), _mended(step), "yellow")
    for thought in step.thoughts:
        text = _thought(thought, reasoning)
        if whole or reasoning is not None:
            yield _Row(_margin("thought", number), text, "dim italic")
            number = None
    for said in step.said:
        yield _Row(_margin("said", number), said.text)
        number = None
    for use in step.tools:
        seconds = 0.0 if use.returned is None else use.returned.seconds
        bar = "" if total is None else _bar(use.began, seconds, total, None)
        failed = use.returned is not None and use.returned.error
        name = one_line(use.call.tool, None if whole else 40)
        margin = _margin(name, number)
        if len(name) > _LABEL:
            yield _Row(_margin(name, number).rstrip(), "")
            margin = _margin("")
        yield _Row(margin, _use(use), "red" if failed else "", bar)
        number = None
        if whole:
            yield _Row(_margin(""), _arguments(use.call.arguments, None), "cyan")
            yield from _whole(use)
    for event in step.notes:
        yield from _note(event, whole=whole)
    if whole and step.answer is not None:
        yield _Row(_margin("answer"), _output(step.answer.output), "green")


def _bar(began: float, seconds: float, total: float, wait: float | None) -> str:
    """Where in the run something happened: ``░`` for the run, ``▒`` for waiting, ``█`` for work."""
    first = min(_BAR - 1, int(began / total * _BAR))
    last = min(_BAR, max(first + 1, round((began + seconds) / total * _BAR)))
    waited = 0 if not wait else min(last - first - 1, round(wait / total * _BAR))
    return "░" * first + "▒" * waited + "█" * (last - first - waited) + "░" * (_BAR - last)


def _model(step: Step) -> str:
    model = step.model
    assert model is not None  # asked for steps that have one
    time = _duration(model.seconds)
    if model.first_token_seconds is not None:
        wait = model.first_token_seconds
        time = f"{_duration(wait)} wait + {_duration(model.seconds - wait)}"
    if model.replayed:
        time = "from the record"
    told = f"{model.prompt_tokens:,} -> {model.completion_tokens:,} tokens"
    if model.reasoning_tokens:
        told += f", {model.reasoning_tokens:,} thought"
    if model.cached_tokens and model.prompt_tokens:
        told += f", prefix reused {model.cached_tokens / model.prompt_tokens:.0%}"
    if model.tries > 1:
        told += f", the server was asked {model.tries} times"
    if model.attempts > 1:
        told += f", asked for {model.attempts} times"
    if model.finish == "length":
        told += ", cut off by the token limit"
    return f"{time:<20}  {told}"


def _mended(step: Step) -> str:
    assert step.model is not None  # asked for steps that have one
    dropped = sum(each.dropped for each in step.model.mended)
    counted = Counter(one_line(repair).replace("_", " ") for repair in step.model.repairs)
    listed = ", ".join(f"{name} x{count}" if count > 1 else name for name, count in counted.items())
    return listed + (f" ({dropped} characters dropped)" if dropped else "")


def _thought(event: Thought, reasoning: Mapping[str, str] | None) -> str:
    length = f"{event.characters:,} character{'' if event.characters == 1 else 's'}"
    if reasoning is None:
        return f"({length}; --reasoning shows them)"
    if event.reasoning_id not in reasoning:
        return f"({length}, not in the reasoning log: never written, or deleted)"
    return reasoning[event.reasoning_id]


def _use(use: ToolUse) -> str:
    if use.returned is None:
        return "did not return"
    told = _summary(use.returned)
    return f"{_duration(use.returned.seconds):<20}  {told}"


def _summary(returned: ToolReturned) -> str:
    found = returned.retrieved
    # A tool without a summary still gets its line.
    text = one_line(returned.summary or returned.output, _MOST) or "(nothing)"
    if found is None:
        return text
    return (
        " ".join(json.dumps(one_line(query, 80), ensure_ascii=False) for query in found.queries) + f": {text}"
    )


def _whole(use: ToolUse) -> Iterator[_Row]:
    if use.returned is None:
        return
    if use.returned.retrieved is not None:
        for passage in use.returned.retrieved.passages:
            place = f"{one_line(passage.source)}:{passage.start_line}-{passage.end_line}"
            known = "" if passage.new else "  (shown before)"
            yield _Row(_margin(f"  {passage.score:.3f}"), f"{place}{known}")
    yield _Row(_margin(""), use.returned.output, "dim")


def _note(event: Event, *, whole: bool) -> Iterator[_Row]:
    match event:
        case OutputRejected():
            yield _Row(_margin("refused"), f"attempt {event.attempt}: {event.errors}", "yellow")
            if whole:
                yield _Row(_margin("as sent"), event.text, "dim")
        case CitationsRejected():
            yield _Row(_margin("refused"), f"citations:\n{event.problems}", "yellow")
            if whole:
                yield _Row(_margin("as sent"), event.text, "dim")
        case LimitReached():
            limit = one_line(event.limit).replace("_", " ")
            yield _Row(_margin("limit"), f"{limit}: asked for what can be said by now", "yellow")
        case Steered():
            yield _Row(_margin("you said"), event.text, "bold")
        case PromptCompacted():
            shortened = f"{counted(event.outputs, 'tool output')} shortened, so that the prompt fits"
            yield _Row(_margin("compacted"), shortened, "yellow")
        case _:
            fields = event.model_dump(exclude={"type", "at", "step"})
            label = "note" if len(event.type) > _LABEL else event.type
            yield _Row(_margin(label), _pairs(fields), "yellow")


def _answer(trace: Trace, lines: Lines) -> None:
    answer = trace.answer
    if answer is None:
        return
    lines.line("")
    places = trace.citations
    verified = sum(place.verified for place in places)
    told = "no citations" if not places else f"{len(places)} citation{'s' * (len(places) > 1)}, "
    if places:
        told += "verified" if verified == len(places) else f"{verified} verified"
    lines.line(_margin("answer", answer.step or None), told, "" if verified == len(places) else "yellow")
    lines.line(_margin(""), _output(answer.output), "green")
    for place in places:
        lines.line(_margin("", None), _citation(place), "" if place.verified else "yellow")


def _citation(place: CitedPlace) -> str:
    where = f"[{place.number}] {one_line(place.source)}:{place.start_line}"
    if place.end_line != place.start_line:
        where += f"-{place.end_line}"
    quote = f'  "{one_line(place.quote, 100)}"' if place.quote else ""
    if not place.verified:
        return f"{where}{quote}  (not verified: not found in what was read)"
    if not place.found_by:
        return f"{where}{quote}  (shown earlier in the conversation)"
    found = next((each for each in place.found_by if each.whole), place.found_by[0])
    return f"{where}{quote}  (found by {one_line(found.tool)} in step {found.step})"


def _output(output: Any) -> str:
    if not isinstance(output, dict):
        return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    fields = cast("dict[str, Any]", output)
    if isinstance(answer := fields.get("answer"), str):
        missing = fields.get("missing")
        parts = cast("Sequence[Any]", missing) if isinstance(missing, list) else ()
        return "\n".join([answer, *(f"missing: {one_line(str(part))}" for part in parts)])
    return json.dumps(fields, ensure_ascii=False, indent=2)


def _arguments(raw: str, limit: int | None) -> str:
    try:
        arguments = json.loads(raw)
    except (ValueError, RecursionError):  # shown as the model wrote it
        arguments = None
    if not isinstance(arguments, dict):
        return one_line(raw, limit)
    return one_line(_pairs(cast("dict[str, Any]", arguments)), limit)


def _pairs(values: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items())


def _duration(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
